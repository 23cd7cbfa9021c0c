import { createBpe } from './bpe.ts';
import { createUnigram } from './unigram.ts';
import { unsupported } from './unsupported.ts';
import type { ModelJson, WordModel } from './word-model.ts';
import { createWordLevel, createWordPiece } from './word-piece.ts';

/** The model of a tokenizer, with the same tokens as Python's. */
export function createWordModel(
  json: ModelJson,
  vocab: ReadonlyMap<string, number>,
  path: string,
): WordModel {
  const where = `${path}: its model ${json.type}`;
  if (Array.isArray(json.vocab)) return createUnigram(json, vocab, where);
  switch (json.type ?? guessType(json)) {
    case 'BPE':
      return createBpe(json, vocab, where);
    case 'WordPiece':
      return createWordPiece(json, vocab, where);
    case 'WordLevel':
      return createWordLevel(json, vocab, where);
    default:
      throw unsupported(where, 'is unknown here');
  }
}

/** Old files name no type. */
function guessType(json: ModelJson): string {
  if (json.merges !== undefined) return 'BPE';
  return json.continuing_subword_prefix !== undefined ? 'WordPiece' : 'WordLevel';
}
