/** Mean silhouette from which a unit is said to be several things; calibrated in docs/validity.md. */
export const SEPARATION_BOUND = 0.45;
/** meanDistance ÷ nullDistance from which a unit that is not several things is scatter; calibrated there too. */
export const SCATTER_BOUND = 0.81;
/** With fewer examples nothing is said. */
export const FEWEST_EXAMPLES = 8;

export const verdicts = ['several', 'one', 'scatter', 'few'] as const;

/**
 * What a unit's examples are: `several` things, `one` thing, `scatter` (as far apart as unrelated inputs), or too
 * `few` to say.
 */
export type Verdict = (typeof verdicts)[number];

/** The bounds of a verdict. */
export interface VerdictBounds {
  readonly separation: number;
  readonly scatter: number;
}

/**
 * The verdict on a unit: fewer than 8 examples `few`; `several` where the separation reaches its bound; else `scatter`
 * where the examples are on average as far apart as the bound says, against unrelated inputs; else `one`.
 * @param separation mean silhouette of the best split; null where there is none
 * @param relativeDistance meanDistance ÷ nullDistance; null where there is none, which is not scatter
 * @example
 * console.log(verdict({ examples: 64, separation: 0.7, relativeDistance: 0.8 })); // several
 * console.log(verdict({ examples: 64, separation: 0.2, relativeDistance: 1 })); // scatter
 */
export function verdict(
  {
    examples,
    separation,
    relativeDistance,
  }: {
    examples: number;
    separation: number | null;
    relativeDistance: number | null;
  },
  bounds: VerdictBounds = { separation: SEPARATION_BOUND, scatter: SCATTER_BOUND },
): Verdict {
  if (examples < FEWEST_EXAMPLES) return 'few';
  if (separation !== null && separation >= bounds.separation) return 'several';
  if (relativeDistance !== null && relativeDistance >= bounds.scatter) return 'scatter';
  return 'one';
}

/**
 * A distance ÷ nullDistance, which is comparable across layers: 1 is as far as unrelated inputs. Null where either is,
 * or where unrelated inputs do not differ at all.
 * @example
 * console.log(relativeDistance(0.25, 0.5)); // 0.5
 */
export function relativeDistance(distance: number | null, nullDistance: number | null): number | null {
  return distance === null || nullDistance === null || !(nullDistance > 0) ? null : distance / nullDistance;
}

/** Share of the examples that were given away; null without examples. */
export function strayShare(stray: Uint8Array): number | null {
  return stray.length === 0 ? null : stray.reduce((sum, one) => sum + one, 0) / stray.length;
}
