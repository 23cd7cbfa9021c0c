import { PolysemeError } from '../../errors.ts';
import { byteText } from '../byte-tokens.ts';
import { createPairs, type Pairs } from './pairs.ts';
import { unsupported } from './unsupported.ts';
import { byteIds, type ModelJson, unknownId, type WordModel } from './word-model.ts';

/** Places of a word stay below this, so that rank and place are one exact number. */
const PLACES = 2 ** 29;

/** Byte-pair encoding: the pair of neighbours that was merged first in training is merged first, the leftmost first. */
export function createBpe(json: ModelJson, vocab: ReadonlyMap<string, number>, where: string): WordModel {
  const { byte_fallback: byBytes, fuse_unk: fuse, ignore_merges: wholeFirst } = json;
  const prefix = json.continuing_subword_prefix ?? '';
  const suffix = json.end_of_word_suffix ?? '';
  if (json.dropout) throw unsupported(where, `has a dropout of ${json.dropout} (random merges)`);
  const unknown = unknownId(json, vocab, where);
  const { rankOf, resultOf } = readMerges(json, vocab, prefix, where);
  const idOf = (token: string) => vocab.get(token);

  /** A token for each character, before any merge. */
  const symbols = (word: string): number[] => {
    const ids: number[] = [];
    let pending = false;
    const flush = () => {
      if (pending) ids.push(unknown!);
      pending = false;
    };
    for (let start = 0, end = 0; start < word.length; start = end) {
      end = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      let symbol = word.slice(start, end);
      if (start > 0) symbol = prefix + symbol;
      if (end === word.length) symbol += suffix;
      const id = idOf(symbol);
      const bytes = id === undefined && byBytes ? byteIds(symbol, idOf) : null;
      if (id !== undefined) {
        flush();
        ids.push(id);
      } else if (bytes !== null) {
        ids.push(...bytes);
      } else if (unknown !== null) {
        if (!fuse) flush();
        pending = true;
      }
    }
    flush();
    return ids;
  };

  return {
    parts:
      wholeFirst || prefix || suffix || !standsAlone(json, vocab) ? null : (word) => word.match(SPACED) ?? [],
    encode(word, ids) {
      const whole = wholeFirst ? idOf(word) : undefined;
      if (whole !== undefined) ids.push(whole);
      else mergeAll(symbols(word), rankOf, resultOf, ids);
    },
  };
}

interface Merges {
  readonly rankOf: Pairs;
  readonly resultOf: Int32Array;
}

function readMerges(
  json: ModelJson,
  vocab: ReadonlyMap<string, number>,
  prefix: string,
  where: string,
): Merges {
  const { merges } = json;
  if (!Array.isArray(merges))
    throw new PolysemeError(`${where} has no merges; download the file again`, 'damaged');
  const rankOf = createPairs(merges.length);
  const resultOf = new Int32Array(merges.length);
  merges.forEach((merge: unknown, rank) => {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const [left, right] = Array.isArray(pair) && pair.length === 2 ? (pair as string[]) : [];
    const a = vocab.get(left!);
    const b = vocab.get(right!);
    const result = vocab.get(`${left}${right?.slice(prefix.length)}`);
    if (a === undefined || b === undefined || result === undefined) {
      const what = `merge ${rank}, ${JSON.stringify(merge)}, is no pair of its tokens that makes a third`;
      throw new PolysemeError(`${where}: ${what}; download the file again`, 'damaged');
    }
    rankOf.set(a, b, rank);
    resultOf[rank] = result;
  });
  return { rankOf, resultOf };
}

/** Merges the symbols until no pair has a rank, and appends what is left. */
function mergeAll(symbols: number[], rankOf: Merges['rankOf'], resultOf: Int32Array, ids: number[]): void {
  const count = symbols.length;
  if (count < 2) {
    for (const id of symbols) ids.push(id);
    return;
  }
  const next = Int32Array.from(symbols, (_, i) => (i + 1 < count ? i + 1 : -1));
  const previous = Int32Array.from(symbols, (_, i) => i - 1);
  const heap: number[] = [];
  const offer = (place: number): void => {
    const rank = rankOf.get(symbols[place]!, symbols[next[place]!]!);
    if (rank !== -1) push(heap, rank * PLACES + place);
  };
  for (let place = 0; place + 1 < count; place++) offer(place);
  while (heap.length > 0) {
    const top = pop(heap);
    const place = top % PLACES;
    const result = resultOf[(top - place) / PLACES]!;
    if (symbols[place] === MERGED) continue;
    const right = next[place]!;
    if (right === -1) continue;
    const rank = rankOf.get(symbols[place]!, symbols[right]!);
    // As in Python's: another pair that gives the same token may stand here by now.
    if (rank === -1 || resultOf[rank] !== result) continue;
    symbols[place] = result;
    symbols[right] = MERGED;
    const after = next[right]!;
    next[place] = after;
    if (after !== -1) {
      previous[after] = place;
      offer(place);
    }
    if (previous[place]! !== -1) offer(previous[place]!);
  }
  for (let place = 0; place !== -1; place = next[place]!) ids.push(symbols[place]!);
}

const MERGED = -1;

function push(heap: number[], key: number): void {
  let at = heap.length;
  heap.push(key);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= key) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = key;
}

function pop(heap: number[]): number {
  const top = heap[0]!;
  const key = heap.pop()!;
  const size = heap.length;
  if (size === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= key) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = key;
  return top;
}

const SPACED = /▁*[^▁]+|▁+/gu;

/**
 * Whether a text whose spaces are ▁ falls apart before each of them: no token holds a ▁ after another character, so
 * no merge crosses such a place, and no unknown characters join there.
 */
function standsAlone(json: ModelJson, vocab: ReadonlyMap<string, number>): boolean {
  if (!json.byte_fallback) return false;
  for (let byte = 0; byte < 256; byte++) if (!vocab.has(byteText(byte))) return false;
  for (const token of vocab.keys()) if (/[^▁]▁/u.test(token)) return false;
  return true;
}
