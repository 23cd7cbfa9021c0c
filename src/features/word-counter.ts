import { hashText, mix32 } from '../base/hash.ts';
import { PolysemeError } from '../errors.ts';
import type { WordCounts } from './feature-words.ts';
import { splitWords } from './words.ts';

/** Buckets of a counter: 4 MiB whatever the corpus. */
export const BUCKETS = 2 ** 20;
const LARGEST = 2 ** 32 - 1;

/**
 * Counts words in bounded memory. Each word adds to two buckets of a hashed array; its count is the smaller of the two:
 * never too small, and too large only where both meet other words (a count-min sketch, Cormode & Muthukrishnan 2005).
 * The same words in any order and any parts give the same array.
 *
 * @throws PolysemeError when made of buckets of another number
 * @example
 * const counter = new WordCounter();
 * counter.add('ship', 2);
 * console.log(counter.count('ship'), counter.count('court'), counter.total); // 2 0 2
 */
export class WordCounter {
  /** The state: store it, and make a counter of it again. */
  readonly buckets: Uint32Array;
  #total = 0;

  constructor(buckets: Uint32Array = new Uint32Array(BUCKETS)) {
    if (buckets.length !== BUCKETS) {
      throw new PolysemeError(`WordCounter: buckets holds ${buckets.length} values, not ${BUCKETS}`);
    }
    this.buckets = buckets;
    for (const value of buckets) this.#total += value;
    this.#total /= 2;
  }

  /** Words counted, with repeats. */
  get total(): number {
    return this.#total;
  }

  /** Counts `word` `times` more. */
  add(word: string, times = 1): void {
    const hash = hashed(word);
    this.#raise(first(hash), times);
    this.#raise(second(hash), times);
    this.#total += times;
  }

  /** How often `word` was counted; rarely more, never less. */
  count(word: string): number {
    const hash = hashed(word);
    return Math.min(this.buckets[first(hash)]!, this.buckets[second(hash)]!);
  }

  /** Adds what `other` counted. */
  merge(other: WordCounter): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#raise(bucket, other.buckets[bucket]!);
    this.#total += other.total;
  }

  #raise(bucket: number, times: number): void {
    this.buckets[bucket] = Math.min(LARGEST, this.buckets[bucket]! + times);
  }
}

/**
 * Counts the words of a token sequence, split as `exampleWords` splits them: whole and case-folded, whatever tokens they
 * are spread over.
 * @example
 * const counter = new WordCounter();
 * countWords(['The', ' cap', 'tain', ' of', ' the', ' ship'], counter);
 * console.log(counter.count('captain'), counter.count('the')); // 1 2
 */
export function countWords(tokens: readonly string[], counter: WordCounter): void {
  for (const { text } of splitWords(tokens)) counter.add(text);
}

/** Words that were counted exactly. */
export interface CountedWords extends WordCounts {
  readonly counts: ReadonlyMap<string, number>;
}

/** @param total of all words, with repeats */
export function countedWords(counts: ReadonlyMap<string, number>, total: number): CountedWords {
  return { counts, total, count: (word) => counts.get(word) ?? 0 };
}

/** Counts the words of some token sequences exactly: for a sample of a corpus, whose words fit in memory. */
export function sampleCounts(sequences: Iterable<readonly string[]>): CountedWords {
  const counts = new Map<string, number>();
  let total = 0;
  for (const tokens of sequences) {
    for (const { text } of splitWords(tokens)) {
      counts.set(text, (counts.get(text) ?? 0) + 1);
      total++;
    }
  }
  return countedWords(counts, total);
}

/** Counts what images show: each label is a word, whatever is in it. */
export function countLabels(labels: Iterable<string | null>): CountedWords {
  const counts = new Map<string, number>();
  let total = 0;
  for (const label of labels) {
    if (label === null) continue;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    total++;
  }
  return countedWords(counts, total);
}

function hashed(word: string): number {
  return mix32(hashText(word));
}

function first(hash: number): number {
  return hash & (BUCKETS - 1);
}

/** Another bucket than the first: an odd step away, from bits that did not choose the first. */
function second(hash: number): number {
  return (first(hash) + ((Math.imul(hash, 0x9e3779b1) >>> 12) | 1)) & (BUCKETS - 1);
}
