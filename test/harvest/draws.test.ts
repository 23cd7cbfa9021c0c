import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { Collector } from '../../src/harvest/collector.ts';
import { groupSlots, partOf, rankedSlots, type SelectionOptions } from '../../src/harvest/selection.ts';

const LENGTH = 20;
const CONTEXTS = 400;
const PARTS = 5;
/** Share of the positions that activate each unit. */
const DENSITIES = [0.02, 0.1, 0.5, 0.9];

/** Activations in (0, 1], equally likely, at a unit's share of the positions; 0 elsewhere. */
const activations: Float32Array[] = (() => {
  const random = createRandom(7);
  return Array.from({ length: CONTEXTS }, () =>
    Float32Array.from({ length: LENGTH * DENSITIES.length }, (_, i) =>
      random.next() < DENSITIES[i % DENSITIES.length]! ? 1 - random.next() : 0,
    ),
  );
})();

function collect(options: Partial<SelectionOptions>) {
  const bank = {
    name: 'b',
    units: DENSITIES.length,
    width: 2,
    inputTap: 'h',
    activationTap: 'a',
    sinks: null,
  };
  const collector = new Collector(
    [bank],
    {
      select: 'top',
      examples: 60,
      fraction: 0.75,
      sign: 'positive',
      everyPosition: false,
      keepDuplicates: true,
      seed: 3,
      ...options,
    },
    LENGTH,
  );
  activations.forEach((data, id) => {
    const batch = {
      ids: [id],
      documents: [id],
      names: ['d'],
      starts: [0],
      lengths: [LENGTH],
      tokens: Int32Array.from({ length: LENGTH }, (_, t) => id * LENGTH + t),
      valid: new Uint8Array(LENGTH).fill(1),
      length: LENGTH,
    };
    const h = Float32Array.from({ length: 2 * LENGTH }, (_, i) => 1 + ((id + i) % 7));
    collector.take(batch, { h: { data: h }, a: { data } });
  });
  return collector.finish().banks[0]!.chosen;
}

/** Where the chosen examples of each unit stand among all that activate it, on average: 0 the weakest, 1 the strongest. */
function depths(chosen: ReturnType<typeof collect>): number[] {
  return DENSITIES.map((_, unit) => {
    const all = activations
      .flatMap((data) => [...data.filter((value, i) => i % DENSITIES.length === unit && value > 0)])
      .sort((a, b) => a - b);
    const slots = rankedSlots(chosen, unit);
    const below = Array.from(slots, (slot) => all.findIndex((value) => value >= chosen.score[slot]!));
    return below.reduce((sum, rank) => sum + rank / all.length, 0) / slots.length;
  });
}

describe('depth of the examples of units of different density', () => {
  test('is unequal for the strongest: the denser a unit, the nearer to its maximum', () => {
    const [rare, , , dense] = depths(collect({}));
    expect(rare).toBeLessThan(0.9);
    expect(dense).toBeGreaterThan(0.98);
  });

  test('is unequal for a random choice among the strongest of each context', () => {
    const [rare, , , dense] = depths(collect({ select: 'random' }));
    expect(rare).toBeLessThan(0.65);
    expect(dense).toBeGreaterThan(0.9);
  });

  test('is equal for a random choice among all that activate', () => {
    const drawn = collect({ select: 'random', everyPosition: true, parts: PARTS });
    // The mean rank of 60 has a standard deviation of 0.037.
    for (const depth of depths(drawn)) expect(Math.abs(depth - 0.5)).toBeLessThan(3 * 0.037);
  });
});

describe('several draws at once', () => {
  const chosen = collect({ select: 'random', everyPosition: true, parts: PARTS });

  test('have as many examples each, from a part of the text of their own', () => {
    DENSITIES.forEach((_, unit) => {
      for (let part = 0; part < PARTS; part++) {
        const slots = groupSlots(chosen, unit, part);
        expect(slots).toHaveLength(60 / PARTS);
        const places = Array.from(slots, (slot) => [chosen.context[slot]!, chosen.position[slot]!]);
        for (const [context, position] of places) {
          expect(partOf(context!, PARTS, 3)).toBe(part);
          expect(activations[context!]![position! * DENSITIES.length + unit]).toBeGreaterThan(0);
        }
        expect(new Set(places.map(String)).size).toBe(places.length);
      }
    });
  });

  test('take parts of equal size, the same for every bank, others for another seed', () => {
    for (const count of [CONTEXTS, 16, 7]) {
      const sizes = Array<number>(PARTS).fill(0);
      for (let context = 0; context < count; context++) sizes[partOf(context, PARTS, 3)]!++;
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
    const parts = (seed: number) => activations.map((_, context) => partOf(context, PARTS, seed));
    expect(parts(4)).not.toEqual(parts(3));
    // Each place of a round goes to each part: 16 ± 3.6 of 80 rounds.
    for (let place = 0; place < PARTS; place++) {
      for (let part = 0; part < PARTS; part++) {
        const times = parts(3).filter((to, context) => context % PARTS === place && to === part).length;
        expect(Math.abs(times - 16)).toBeLessThan(4 * 3.6);
      }
    }
  });
});
