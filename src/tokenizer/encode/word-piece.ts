import { PolysemeError } from '../../errors.ts';
import { type ModelJson, unknownId, type WordModel } from './word-model.ts';

/** BERT's model: the longest piece of the vocabulary that the rest of the word begins with, again and again. */
export function createWordPiece(
  json: ModelJson,
  vocab: ReadonlyMap<string, number>,
  where: string,
): WordModel {
  const { continuing_subword_prefix: prefix = '##', max_input_chars_per_word: limit = 100 } = json;
  const unknown = required(json, vocab, where);
  let longest = 0;
  for (const token of vocab.keys()) longest = Math.max(longest, token.length);

  const pieces = (word: string): number[] | null => {
    const found: number[] = [];
    for (let start = 0; start < word.length; ) {
      const before = start === 0 ? '' : (prefix ?? '');
      let end = Math.min(word.length, start + longest);
      let id: number | undefined;
      for (; end > start; end--) {
        if (isLowSurrogate(word.charCodeAt(end))) continue;
        id = vocab.get(before + word.slice(start, end));
        if (id !== undefined) break;
      }
      if (id === undefined) return null;
      found.push(id);
      start = end;
    }
    return found;
  };
  return {
    parts: null,
    encode(word, ids) {
      const found = characterCount(word) > limit ? null : pieces(word);
      if (found === null) ids.push(unknown);
      else for (const id of found) ids.push(id);
    },
  };
}

/** A token for each word, or the one for unknown words. */
export function createWordLevel(
  json: ModelJson,
  vocab: ReadonlyMap<string, number>,
  where: string,
): WordModel {
  const unknown = required(json, vocab, where);
  return { parts: null, encode: (word, ids) => ids.push(vocab.get(word) ?? unknown) };
}

function required(json: ModelJson, vocab: ReadonlyMap<string, number>, where: string): number {
  const unknown = unknownId(json, vocab, where);
  if (unknown !== null) return unknown;
  throw new PolysemeError(
    `${where} names no unk_token, the token for words that it lacks; add it`,
    'damaged',
  );
}

function characterCount(text: string): number {
  let count = text.length;
  for (let i = 1; i < text.length; i++) if (isLowSurrogate(text.charCodeAt(i))) count--;
  return count;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
