import { visible } from '../../../src/base/visible.ts';
import type { Feature } from '../../../src/features/describe.ts';

/** Features that are named on the map, and the characters of a name. */
const MOST = 8;
const LONGEST = 18;

/** A feature's word, in pixels of the drawing. */
export interface Label {
  readonly id: number;
  readonly word: string;
  readonly x: number;
  readonly y: number;
}

/** The words of the largest features where their examples are; of two that would lie on each other, the larger feature's. */
export function labelsOf(
  features: readonly Feature[],
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): readonly Label[] {
  const kept: Label[] = [];
  for (const { id, size, words, members } of features.slice(0, MOST)) {
    if (size < 2 || words.length === 0) continue;
    const label = {
      id,
      word: short(visible(words.find((word) => /\p{L}/u.test(word)) ?? words[0]!)),
      x: median(members.map((i) => x[i]!)),
      y: median(members.map((i) => y[i]!)),
    };
    const isFree = kept.every(
      (other) =>
        Math.abs(other.y - label.y) > 15 ||
        Math.abs(other.x - label.x) > 3.6 * (other.word.length + label.word.length),
    );
    if (isFree) kept.push(label);
  }
  return kept;
}

/** A word as a label: a long one is cut. */
function short(word: string): string {
  const characters = [...word];
  return characters.length <= LONGEST ? word : `${characters.slice(0, LONGEST - 1).join('')}…`;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
