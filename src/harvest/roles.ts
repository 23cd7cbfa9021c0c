import type { Batch, BatchTaps, HarvestBank } from './batch.ts';

/** What a position is to a scanner: no text, text that may be an example, or a sink. */
export const NO_TEXT = 0;
export const TEXT = 1;
export const SINK = 2;

/** What the positions of one context are. */
export interface Roles {
  readonly all: Uint8Array;
  /** To each expert: where the router does not take it there is no text. Without experts `all` alone. */
  readonly own: readonly Uint8Array[];
}

/** What the positions of a row are to a bank. */
export function rolesOf({ sinks, experts }: HarvestBank, taps: BatchTaps, batch: Batch, row: number): Roles {
  const start = row * batch.length;
  const length = batch.lengths[row]!;
  const of = (tap: string, width = 1): Float32Array =>
    taps[tap]!.data.subarray(start * width, (start + length) * width);
  const valid = batch.valid.subarray(start, start + length);
  const all = sinks === null ? valid : markSinks(valid, of(sinks.tap), sinks.limit);
  if (experts === undefined) return { all, own: [all] };
  return { all, own: expertRoles(all, of(experts.shares, experts.count), experts.count) };
}

/** The positions of one context by what they are. @param valid 1 where one is text */
export function markSinks(valid: Uint8Array, norms: Float32Array, limit: number): Uint8Array {
  return valid.map((isText, t) => (isText === 0 ? NO_TEXT : norms[t]! > limit ? SINK : TEXT));
}

/** @param shares [position, expert]: 0 where the router does not take it */
function expertRoles(roles: Uint8Array, shares: Float32Array, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, expert) =>
    roles.map((role, t) => (shares[t * count + expert] === 0 ? NO_TEXT : role)),
  );
}

export function countSinks(roles: Uint8Array): number {
  return roles.reduce((count, role) => count + Number(role === SINK), 0);
}

/** Text positions, sinks among them. */
export function countText(roles: Uint8Array): number {
  return roles.reduce((count, role) => count + Number(role !== NO_TEXT), 0);
}
