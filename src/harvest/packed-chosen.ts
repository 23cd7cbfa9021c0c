import { sharedBytes } from '../base/shared-bytes.ts';
import { type Chosen, groupSlots, type Selection } from './selection.ts';

/**
 * The chosen examples of a bank's units without gaps, about 20 bytes each: unit by unit, group by group, by context and
 * position. What is equal is equal byte for byte, in whatever order it was chosen.
 */
export interface PackedChosen {
  /** Of each unit and group. */
  readonly counts: Uint32Array;
  readonly score: Float32Array;
  readonly context: Uint32Array;
  readonly position: Uint32Array;
  /** What stands for each one's text; none where duplicates are kept. */
  readonly key?: Float64Array;
}

export function packChosen(chosen: Chosen, units: number): PackedChosen {
  const { counts, key } = chosen;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const packed = {
    counts: counts.slice(),
    score: new Float32Array(total),
    context: new Uint32Array(total),
    position: new Uint32Array(total),
    ...(key && { key: new Float64Array(total) }),
  };
  let at = 0;
  for (let unit = 0; unit < units; unit++) {
    for (let group = 0; group < counts.length / units; group++) {
      for (const slot of groupSlots(chosen, unit, group)) {
        packed.score[at] = chosen.score[slot]!;
        packed.context[at] = chosen.context[slot]!;
        packed.position[at] = chosen.position[slot]!;
        if (packed.key) packed.key[at] = key![slot]!;
        at++;
      }
    }
  }
  return packed;
}

/** Puts what was packed back into slots, in shared memory. @param capacity slots of a unit */
export function unpackChosen(packed: PackedChosen, units: number, capacity: number): Chosen {
  const groups = packed.counts.length / units;
  const slots = units * capacity;
  const chosen = {
    capacity,
    counts: new Uint32Array(sharedBytes(packed.counts.byteLength)),
    score: new Float32Array(sharedBytes(slots * 4)),
    context: new Uint32Array(sharedBytes(slots * 4)),
    position: new Uint32Array(sharedBytes(slots * 4)),
    key: packed.key === undefined ? null : new Float64Array(sharedBytes(slots * 8)),
  };
  chosen.counts.set(packed.counts);
  let from = 0;
  packed.counts.forEach((count, at) => {
    const unit = Math.floor(at / groups);
    const to = unit * capacity + Math.floor(((at % groups) * capacity) / groups);
    for (const name of ['score', 'context', 'position', 'key'] as const) {
      chosen[name]?.set(packed[name]!.subarray(from, from + count), to);
    }
    from += count;
  });
  return chosen;
}

/** Offers a selection all that was packed. */
export function offerChosen(selection: Selection, packed: PackedChosen, units: number): void {
  const { counts, score, context, position, key } = packed;
  const groups = counts.length / units;
  let at = 0;
  for (let unit = 0; unit < units; unit++) {
    for (let group = 0; group < groups; group++) {
      for (let i = counts[unit * groups + group]!; i > 0; i--, at++) {
        // An equal score may still come from an earlier context.
        if (score[at]! < selection.floor[unit]!) continue;
        selection.offer(unit, score[at]!, context[at]!, position[at]!, key?.[at] ?? 0);
      }
    }
  }
}
