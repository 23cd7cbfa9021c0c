import type { SaeTrainerArchitecture } from './trainer-options.ts';

/**
 * Share of all pairs (token, latent) from which work on whole matrices is faster than on active pairs. Measured on two
 * cores at 256 × 2048 (0.20) and 768 × 24,576 (0.17). The kinds that take the largest k are always sparse.
 */
export const DENSE_SHARE = 0.18;

/** What a pair that is only in the window of jumprelu's threshold costs, of an active one: one dot product of six. */
const WINDOW = 1 / 6;
/** Costs are counted in whole numbers, of 32 bits with a sign. */
const UNIT = 6;
const MOST = 2 ** 30;

/** What `pairs` cost in the sparse step, `active` of which are active. */
export function pairCost(pairs: number, active: number): number {
  return UNIT * active + UNIT * WINDOW * (pairs - active);
}

/** The cost above which a step of `all` possible pairs is dense. */
export function costLimit(share: number, all: number): number {
  return Math.min(MOST, Math.floor(UNIT * share * all));
}

/** Pairs that a sparse step of relu or jumprelu has at most. */
export function mostPairs(architecture: SaeTrainerArchitecture, all: number): number {
  const each = architecture === 'jumprelu' ? UNIT * WINDOW : UNIT;
  return Math.min(all, costLimit(DENSE_SHARE, all) / each);
}
