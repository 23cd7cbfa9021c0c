import type { Metadata } from '../metadata.ts';
import { KIND, type TokenizerParts, type Vocabulary } from './vocabulary.ts';

/** BERT's WordPiece. The file has ▁ before the tokens that begin a word, in the place of ## before the others. */
export function wordPieceModel(meta: Metadata, { tokens, kinds }: Vocabulary): TokenizerParts {
  const isSpecial = (id: number): boolean => kinds[id] !== KIND.normal || /^\[.*\]$/.test(tokens[id]!);
  const vocab = Object.fromEntries(
    tokens.map((token, id) => [
      isSpecial(id) ? token : token.startsWith('▁') ? token.slice(1) : `##${token}`,
      id,
    ]),
  );
  // The file does not say whether text is lower-cased; a vocabulary without capitals is of a model that does.
  const lowercase = !tokens.some((token, id) => !isSpecial(id) && /[A-Z]/.test(token));
  return {
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: tokens[meta.token('unknown') ?? -1] ?? '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
    addsBos: true,
    addsEos: true,
  };
}
