import { hashText } from '../base/hash.ts';
import { createRandom } from '../base/random.ts';
import type { IntruderAnswer } from './notes.ts';

/** Passages of a test: one of them is the intruder. */
export const PASSAGES = 5;

/** A blind test of a split: passages of one feature, and one of another feature of the same unit. */
export interface IntruderTest {
  /** Examples, in the order in which they are shown. */
  readonly examples: readonly number[];
  /** The place of the intruder among them. */
  readonly intruder: number;
  /** The feature of the others, and the intruder's. */
  readonly feature: number;
  readonly sibling: number;
}

/**
 * Draws a test: `passages` − 1 examples of one feature of a unit and one of a sibling, in random order. It judges the split
 * without any name: who cannot find the intruder more often than chance sees no two things.
 *
 * @param features members of each feature, those that are stray left out
 * @returns null where no feature has enough examples, or no other has one
 * @example
 * const test = intruderTest({ unit: 'mlp.0/1', features: [[0, 1, 2, 3], [4]], seed: 0 });
 * console.log(test?.examples[test.intruder]); // 4
 */
export function intruderTest({
  unit,
  features,
  seed,
  passages = PASSAGES,
}: {
  unit: string;
  features: readonly (readonly number[])[];
  seed: number;
  passages?: number;
}): IntruderTest | null {
  const random = createRandom(seed, hashText(unit));
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  const ids = [...features.keys()];
  const large = ids.filter(
    (id) =>
      features[id]!.length >= passages - 1 &&
      features.some((members, other) => other !== id && members.length > 0),
  );
  if (large.length === 0) return null;
  const feature = pick(large);
  const sibling = pick(ids.filter((id) => id !== feature && features[id]!.length > 0));
  const stranger = pick(features[sibling]!);
  const own = random.shuffle([...features[feature]!]).slice(0, passages - 1);
  const examples = random.shuffle([...own, stranger]);
  return { examples, intruder: examples.indexOf(stranger), feature, sibling };
}

/** How often the intruder was found. */
export interface IntruderScore {
  readonly tests: number;
  readonly found: number;
  /** Share found, its 95 % interval (Wilson), and what guessing gives; null without tests. */
  readonly accuracy: number | null;
  readonly interval: readonly [number, number] | null;
  readonly chance: number | null;
}

/** Scores answers to tests of any number of passages. */
export function intruderScore(
  answers: readonly (Pick<IntruderAnswer, 'intruder'> & {
    readonly answer: number | null;
    readonly places: readonly unknown[];
  })[],
): IntruderScore {
  const tests = answers.length;
  const found = answers.filter(({ intruder, answer }) => intruder === answer).length;
  const none = tests === 0;
  return {
    tests,
    found,
    accuracy: none ? null : found / tests,
    interval: none ? null : wilsonInterval(found, tests),
    chance: none ? null : answers.reduce((sum, { places }) => sum + 1 / places.length, 0) / tests,
  };
}

/** z of a 95 % interval. */
const Z = 1.959963984540054;

/** The 95 % interval of a share of which `found` of `tests` were seen (Wilson 1927). */
export function wilsonInterval(found: number, tests: number): [number, number] {
  const share = found / tests;
  const square = (Z * Z) / tests;
  const middle = share + square / 2;
  const half = Z * Math.sqrt((share * (1 - share)) / tests + square / (4 * tests));
  return [Math.max(0, (middle - half) / (1 + square)), Math.min(1, (middle + half) / (1 + square))];
}
