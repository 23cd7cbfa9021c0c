import { grouped } from '../../../src/base/grouped.ts';
import type { Training } from '../source/answers.ts';
import { differing } from './runs.ts';

type Setting = keyof Training['settings'];

/** Settings that order trainings, those that a sweep is mostly about first; a seed, say, orders nothing. */
const ORDERING: readonly Setting[] = [
  'embeddingWeight',
  'residualWeight',
  'l1',
  'k',
  'latents',
  'learningRate',
];

/**
 * The lines that join trainings in a figure: members of one sweep that differ in one setting alone, in its order. In a sweep over two
 * settings that is a line for each value of the other.
 */
export function sweepLines(trainings: readonly Training[]): Training[][] {
  const groups = grouped(trainings, ({ group }) => group);
  return [...groups].flatMap(([group, members]) => {
    if (group === null) return [];
    const differences = differing(members);
    const by = ORDERING.find((setting) => differences.includes(setting));
    if (by === undefined) return [];
    const others = differences.filter((setting) => setting !== by);
    const lines = grouped(members, ({ settings }) => JSON.stringify(others.map((each) => settings[each])));
    return [...lines.values()].flatMap((line) => {
      const values = line.map(({ settings }) => settings[by]);
      const isOrdered = new Set(values).size === line.length && values.every((v) => typeof v === 'number');
      if (line.length < 2 || !isOrdered) return [];
      return [line.toSorted((a, b) => (a.settings[by] as number) - (b.settings[by] as number))];
    });
  });
}
