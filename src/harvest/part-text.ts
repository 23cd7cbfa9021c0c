import type { PackedArrays } from '../base/pack.ts';
import { BUCKETS } from '../features/word-counter.ts';
import { TextSampler } from './text-sample.ts';

/** What is kept of a corpus beside its units: buckets of a WordCounter, and a random sample of its positions. */
interface TextOfPart {
  readonly words: Uint32Array;
  readonly sampler: TextSampler;
}

/** The most that a bucket of a WordCounter holds. */
const LARGEST = 2 ** 32 - 1;

/** As arrays: of the words the buckets that are not empty. */
export function packText({ words, sampler }: TextOfPart): PackedArrays {
  // A million of them are looked through for each part: plain loops take a hundredth of an iterator's time.
  let filled = 0;
  for (let bucket = 0; bucket < words.length; bucket++) if (words[bucket]! > 0) filled++;
  const buckets = new Uint32Array(filled);
  for (let bucket = 0, at = 0; bucket < words.length; bucket++)
    if (words[bucket]! > 0) buckets[at++] = bucket;
  return { buckets, times: buckets.map((bucket) => words[bucket]!), ...sampler.packed() };
}

/** What is kept of a corpus, merged from what was packed of its parts. */
export class TextTotals implements TextOfPart {
  readonly words: Uint32Array;
  readonly sampler: TextSampler;

  constructor(seed: number) {
    this.words = new Uint32Array(BUCKETS);
    this.sampler = new TextSampler(seed);
  }

  add(part: PackedArrays): void {
    const { buckets, times } = part as { buckets: Uint32Array; times: Uint32Array };
    buckets.forEach((bucket, i) => {
      this.words[bucket] = Math.min(LARGEST, this.words[bucket]! + times[i]!);
    });
    this.sampler.merge(part as unknown as ReturnType<TextSampler['packed']>);
  }
}
