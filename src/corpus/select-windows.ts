import { createRandom } from '../base/random.ts';
import type { Corpus, Document } from './corpus.ts';
import { DigestSet } from './digest-set.ts';
import { shares, spread } from './share.ts';
import { windowCount } from './windows.ts';

/** Tokens of documents that are kept between counting and reading, in bytes; the others are tokenised again. */
export const TOKEN_CACHE_LIMIT = 1 << 26;

/** The windows that were chosen. */
export interface Selection {
  /** Documents of the corpus. */
  documents: number;
  /** Documents that were found to be too short. */
  skipped: number;
  /** Documents that were left out because their text came before. */
  duplicates: number;
  /** The chosen windows of each document that has any, ascending, in corpus order. */
  chosen: { document: number; windows: Int32Array }[];
  /** Tokens of documents, as far as they were kept. */
  cache: Map<number, Int32Array>;
}

/**
 * Chooses `count` windows (all, if there are fewer), spread evenly over the documents and inside each of them.
 * With at least as many documents as windows, one window is taken of each chosen document, and only those are
 * tokenised; a chosen one that proves too short is replaced.
 *
 * @param size text tokens of a window; `skipDuplicates`: documents whose text came before are left out
 */
export async function selectWindows(
  corpus: Corpus,
  encode: (document: Document) => Int32Array,
  {
    count,
    seed,
    size,
    skipDuplicates,
  }: { count: number; seed: number; size: number; skipDuplicates: boolean },
): Promise<Selection> {
  const { documents, repeated } = await countDocuments(corpus, skipDuplicates);
  const windows = new Int32Array(documents);
  const cache = new Map<number, Int32Array>();
  let room = TOKEN_CACHE_LIMIT;
  let usable = 0;
  let skipped = 0;
  const order = candidates(documents, repeated, count, seed);
  for (let wanted = count; usable < count; wanted = 2 * (count - usable) + MORE) {
    const round = take(order, wanted);
    if (round.size === 0) break;
    for await (const document of corpus.documents()) {
      if (!round.delete(document.ordinal)) continue;
      const tokens = encode(document);
      const found = windowCount(tokens.length, size);
      windows[document.ordinal] = found;
      if (found > 0) usable++;
      else skipped++;
      if (found > 0 && tokens.byteLength <= room) {
        cache.set(document.ordinal, tokens);
        room -= tokens.byteLength;
      }
      if (round.size === 0) break;
    }
  }

  const given = shares(windows, count, createRandom(seed, SHARES));
  const chosen: Selection['chosen'] = [];
  given.forEach((share, document) => {
    if (share === 0) return;
    const random = createRandom(seed, document);
    chosen.push({ document, windows: spread(share, windows[document]!, random) });
  });
  return { documents, skipped, duplicates: repeated.size, chosen, cache };
}

/** Documents looked at in place of too short ones, beyond twice their number: each round reads the corpus again. */
const MORE = 64;
/** Streams of the seeded generator; the documents have those from 0 on. */
const SHARES = 2 ** 32 - 1;
const ORDER = 2 ** 32 - 2;

/** All documents but repeated ones, the first `count` of them spread evenly over the corpus, the rest in random order. */
function* candidates(
  documents: number,
  repeated: ReadonlySet<number>,
  count: number,
  seed: number,
): Generator<number> {
  const random = createRandom(seed, ORDER);
  const all = Int32Array.from({ length: documents }, (_, i) => i);
  const usable = repeated.size === 0 ? all : all.filter((document) => !repeated.has(document));
  const first = spread(count, usable.length, random).map((i) => usable[i]!);
  yield* first;
  if (first.length === usable.length) return;
  const taken = new Set(first);
  yield* random.shuffle(usable.filter((document) => !taken.has(document)));
}

function take(order: Generator<number>, count: number): Set<number> {
  const taken = new Set<number>();
  while (taken.size < count) {
    const { value, done } = order.next();
    if (done) break;
    taken.add(value);
  }
  return taken;
}

/** How many documents there are, and which of them repeat an earlier one. */
async function countDocuments(
  corpus: Corpus,
  skipDuplicates: boolean,
): Promise<{ documents: number; repeated: Set<number> }> {
  const known = skipDuplicates ? new DigestSet() : null;
  const repeated = new Set<number>();
  let documents = 0;
  for await (const { ordinal, text } of corpus.documents()) {
    documents++;
    if (known?.add(text) === false) repeated.add(ordinal);
  }
  return { documents, repeated };
}
