import { createRandom } from '../base/random.ts';
import type { Corpus, Document } from './corpus.ts';
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
 * @param size text tokens of a window
 */
export async function selectWindows(
  corpus: Corpus,
  encode: (document: Document) => Int32Array,
  { count, seed, size }: { count: number; seed: number; size: number },
): Promise<Selection> {
  const documents = await countDocuments(corpus);
  const windows = new Int32Array(documents);
  const cache = new Map<number, Int32Array>();
  let room = TOKEN_CACHE_LIMIT;
  let usable = 0;
  let skipped = 0;
  const order = candidates(documents, count, seed);
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
  return { documents, skipped, chosen, cache };
}

/** Documents looked at in place of too short ones, beyond twice their number: each round reads the corpus again. */
const MORE = 64;
/** Streams of the seeded generator; the documents have those from 0 on. */
const SHARES = 2 ** 32 - 1;
const ORDER = 2 ** 32 - 2;

/** All documents, the first `count` of them spread evenly over the corpus, the rest in random order. */
function* candidates(documents: number, count: number, seed: number): Generator<number> {
  const random = createRandom(seed, ORDER);
  const first = spread(count, documents, random);
  yield* first;
  if (first.length === documents) return;
  const taken = new Set(first);
  const rest = Int32Array.from({ length: documents }, (_, i) => i).filter((document) => !taken.has(document));
  yield* random.shuffle(rest);
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

async function countDocuments(corpus: Corpus): Promise<number> {
  let documents = 0;
  for await (const _ of corpus.documents()) documents++;
  return documents;
}
