import { type AddedToken, createSections } from './added-tokens.ts';
import { createWordModel } from './model.ts';
import { createNormalizer, type NormalizerStep } from './normalizer.ts';
import { createPreTokenizer, type PreTokenizerStep } from './pre-tokenizer.ts';
import type { ModelJson } from './word-model.ts';

/** Words kept, with their ids, in each of two generations: when the newer is full, the older is dropped. */
const MAX_CACHED = 1 << 16;
/** Longer words (UTF-16 units) are encoded anew each time. */
const MAX_CACHED_LENGTH = 64;

/** `tokenizer.json`, as far as it is needed to encode. */
export interface EncoderJson {
  readonly normalizer?: NormalizerStep | null;
  readonly pre_tokenizer?: PreTokenizerStep | null;
  readonly model: ModelJson;
  readonly added_tokens?: readonly AddedToken[] | null;
}

/**
 * Text → ids, without the special tokens that a tokenizer adds by itself: the same ids as Python's tokenizers gives,
 * for every kind of tokenizer that is not refused.
 *
 * @param idOf the tokens of its vocabulary
 * @param path where `json` comes from, for messages
 * @throws PolysemeError for a tokenizer with a step that is not known
 */
export function createEncoder(
  json: EncoderJson,
  idOf: ReadonlyMap<string, number>,
  path: string,
): (text: string) => Int32Array {
  const sections = createSections(json.added_tokens ?? [], createNormalizer(json.normalizer, path), path);
  const { split, finish } = createPreTokenizer(json.pre_tokenizer, path);
  const model = createWordModel(json.model, idOf, path);
  let newer = new Map<string, readonly number[]>();
  let older = newer;

  const encodeWord = (word: string): readonly number[] => {
    const known = newer.get(word);
    if (known !== undefined) return known;
    let ids = older.get(word);
    if (ids === undefined) {
      const fresh: number[] = [];
      model.encode(finish(word), fresh);
      ids = fresh;
    }
    if (word.length <= MAX_CACHED_LENGTH) {
      if (newer.size >= MAX_CACHED) {
        older = newer;
        newer = new Map();
      }
      newer.set(detach(word), ids);
    }
    return ids;
  };
  const append = (words: readonly string[], ids: number[]): void => {
    for (let i = 0; i < words.length; i++) {
      const more = encodeWord(words[i]!);
      for (let j = 0; j < more.length; j++) ids.push(more[j]!);
    }
  };

  return (text) => {
    const ids: number[] = [];
    for (const { text: section, id, first } of sections(text.replace(LONE_SURROGATE, '\ufffd'))) {
      if (id !== null) ids.push(id);
      else if (model.parts === null) append(split(section, first), ids);
      else for (const word of split(section, first)) append(model.parts(word), ids);
    }
    return new Int32Array(ids);
  };
}

const LONE_SURROGATE = /\p{Cs}/gu;

/** A copy: a substring would keep the whole text that it was cut from in memory. */
function detach(word: string): string {
  return JSON.parse(JSON.stringify(word));
}
