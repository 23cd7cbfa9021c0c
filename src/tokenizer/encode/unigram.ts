import { PolysemeError } from '../../errors.ts';
import { createTrie } from './trie.ts';
import { byteIds, type ModelJson, type WordModel } from './word-model.ts';

/** What an unknown character costs beyond the least likely token. */
const UNKNOWN_PENALTY = 10;

/**
 * SentencePiece's unigram model: the tokens with the largest sum of scores, by Viterbi's algorithm, in time linear in
 * the word. Unknown characters side by side are one token, or, with byte fallback, their bytes.
 */
export function createUnigram(json: ModelJson, idOf: ReadonlyMap<string, number>, where: string): WordModel {
  const vocab = json.vocab as readonly (readonly [string, number])[];
  const scores = Float64Array.from(vocab, ([, score]) => score);
  const bad = scores.findIndex((score) => Number.isNaN(score));
  if (bad !== -1) {
    throw new PolysemeError(
      `${where}: token ${bad} has the score ${JSON.stringify(vocab[bad]![1])}`,
      'damaged',
    );
  }
  const unknown = checkUnknown(json, vocab.length, where);
  const trie = createTrie(idOf);
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;

  /** For each place the best way there: where its last token starts, and that token. */
  const bestPath = (word: string) => {
    const size = word.length;
    const best = new Float64Array(size + 1);
    const from = new Int32Array(size + 1).fill(-1);
    const token = new Int32Array(size + 1);
    for (let start = 0; start < size; ) {
      const width = isHighSurrogate(word.charCodeAt(start)) ? 2 : 1;
      const here = best[start]!;
      let single = false;
      let node = 0;
      for (let end = start + 1; end <= size; end++) {
        node = trie.child(node, word.charCodeAt(end - 1));
        if (node === -1) break;
        const id = trie.value(node);
        if (id === -1) continue;
        const score = scores[id]! + here;
        if (from[end] === -1 || score > best[end]!) {
          best[end] = score;
          from[end] = start;
          token[end] = id;
        }
        single ||= end === start + width;
      }
      const next = start + width;
      if (!single && (from[next] === -1 || unknownScore + here > best[next]!)) {
        if (unknown === null) throw noUnknown(where, word.slice(start, next));
        best[next] = unknownScore + here;
        from[next] = start;
        token[next] = unknown;
      }
      start = next;
    }
    return { from, token };
  };

  const pushUnknown = (text: string, ids: number[]): void => {
    const id = idOf.get(text);
    const bytes = id === undefined && json.byte_fallback ? byteIds(text, (token) => idOf.get(token)) : null;
    for (const each of bytes ?? [id ?? unknown!]) ids.push(each);
  };

  return {
    parts: null,
    encode(word, ids) {
      const { from, token } = bestPath(word);
      const ends: number[] = [];
      for (let end = word.length; end > 0; end = from[end]!) ends.push(end);
      /** Where the unknown text before `start` begins, or -1. */
      let unknownFrom = -1;
      for (let start = 0, i = ends.length - 1; i >= 0; start = ends[i--]!) {
        const id = token[ends[i]!]!;
        if (id === unknown) {
          if (unknownFrom === -1) unknownFrom = start;
          continue;
        }
        if (unknownFrom !== -1) pushUnknown(word.slice(unknownFrom, start), ids);
        unknownFrom = -1;
        ids.push(id);
      }
      if (unknownFrom !== -1) pushUnknown(word.slice(unknownFrom), ids);
    },
  };
}

function checkUnknown({ unk_id: id = null }: ModelJson, size: number, where: string): number | null {
  if (id === null || (Number.isSafeInteger(id) && id >= 0 && id < size)) return id;
  throw new PolysemeError(`${where} has unk_id ${JSON.stringify(id)} and ${size} tokens`, 'damaged');
}

function noUnknown(where: string, text: string): PolysemeError {
  return new PolysemeError(
    `${where} has no unk_id, and ${JSON.stringify(text)} is not in its vocabulary; set model.unk_id`,
    'damaged',
  );
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
