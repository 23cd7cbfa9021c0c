import type { ClassifiedUnit } from '../source/image-queries.ts';

/** A unit with the number that it is listed by. */
export interface ListedUnit {
  readonly unit: ClassifiedUnit;
  /** What it adds to the logit, or its activation as a share of its maximum. */
  readonly value: number;
}

/**
 * The units of a bank whose number is at least `above` percent of the largest, the largest first: what they add to the
 * logit of class `id`, or where that is not known, how near they are to their own maximum.
 */
export function chosenUnits(
  units: readonly ClassifiedUnit[],
  { bank, id, above }: { bank: string; id: number; above: number },
): ListedUnit[] {
  const listed = units
    .filter((unit) => unit.bank === bank)
    .map((unit) => ({ unit, value: unit.shares === null ? Math.max(0, unit.relative) : unit.shares[id]! }));
  const most = Math.max(0, ...listed.map(({ value }) => Math.abs(value)));
  return listed
    .filter(({ value }) => value !== 0 && Math.abs(value) >= (above / 100) * most)
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value) || a.unit.index - b.unit.index);
}
