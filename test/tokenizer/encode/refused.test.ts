import { describe, expect, test } from 'vitest';
import { PolysemeError } from '../../../src/errors.ts';
import { createTokenizer } from '../../../src/tokenizer/tokenizer.ts';

const bpe = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] };
const unigram = {
  type: 'Unigram',
  unk_id: 0,
  vocab: [
    ['<unk>', 0],
    ['a', -1],
  ],
};
const create = (json: object) =>
  createTokenizer({ tokenizer: { model: bpe, ...json }, path: 'tokenizer.json' });

function errorOf(json: object): PolysemeError {
  try {
    create(json);
  } catch (error) {
    if (error instanceof PolysemeError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('tokenizers that are refused by name', () => {
  const cases: [string, object, string][] = [
    ['a normaliser', { normalizer: { type: 'Magic' } }, 'its normalizer Magic is unknown here'],
    [
      'one in a sequence',
      { normalizer: { type: 'Sequence', normalizers: [{ type: 'Odd' }] } },
      'normalizer Odd',
    ],
    [
      'a pre-tokeniser',
      { pre_tokenizer: { type: 'UnicodeScripts' } },
      'its pre_tokenizer UnicodeScripts is unknown',
    ],
    ['a model', { model: { type: 'Byte', vocab: { a: 0 } } }, 'its model Byte is unknown here'],
    [
      'random merges',
      { model: { ...bpe, dropout: 0.1 } },
      'its model BPE has a dropout of 0.1 (random merges)',
    ],
    [
      'a behaviour',
      { pre_tokenizer: { type: 'Punctuation', behavior: 'Shuffled' } },
      'pre_tokenizer Punctuation has the behavior "Shuffled"',
    ],
    [
      'a regular expression',
      { pre_tokenizer: { type: 'Split', pattern: { Regex: '(?<=a' }, behavior: 'Isolated' } },
      'has the regular expression "(?<=a", which JavaScript cannot express',
    ],
    ['a pattern', { normalizer: { type: 'Replace', pattern: {}, content: '' } }, 'neither String nor Regex'],
    [
      'a scheme',
      { pre_tokenizer: { type: 'Metaspace', prepend_scheme: 'last' } },
      'the prepend_scheme "last"',
    ],
    ['a length', { pre_tokenizer: { type: 'FixedLength', length: 0 } }, 'FixedLength has the length 0'],
    [
      'an added token that vanishes',
      { normalizer: { type: 'Strip' }, added_tokens: [{ id: 3, content: ' ', normalized: true }] },
      'has the added token " ", of which its normalizer leaves nothing',
    ],
  ];
  test.each(cases)('%s', (_, json, message) => {
    const error = errorOf(json);
    expect(error.message).toContain(message);
    expect(error.message).toContain('--activations');
    expect(error.code).toBe('unsupported');
  });
});

describe('damaged tokenizers', () => {
  const map = (bytes: number[]) => ({
    normalizer: { type: 'Precompiled', precompiled_charsmap: Buffer.from(bytes).toString('base64') },
  });
  const cases: [string, object, string][] = [
    ['no merges', { model: { ...bpe, merges: undefined } }, 'its model BPE has no merges'],
    [
      'a merge of three',
      { model: { ...bpe, merges: ['a b c'] } },
      'merge 0, "a b c", is no pair of its tokens',
    ],
    ['a merge of strangers', { model: { ...bpe, merges: [['b', 'a']] } }, 'merge 0, ["b","a"], is no pair'],
    ['a merge that is no text', { model: { ...bpe, merges: [7] } }, 'merge 0, 7, is no pair'],
    ['no token for unknown words', { model: { type: 'WordLevel', vocab: { a: 0 } } }, 'names no unk_token'],
    [
      'another one than it has',
      { model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { a: 0 } } },
      'its model WordPiece names "[UNK]" for unknown text',
    ],
    ['an unk_id beyond the vocabulary', { model: { ...unigram, unk_id: 2 } }, 'has unk_id 2 and 2 tokens'],
    [
      'a score that is none',
      { model: { ...unigram, vocab: [['<unk>', 0], ['a']] } },
      'token 1 has the score undefined',
    ],
    ['a map of two bytes', map([1, 2]), 'damaged precompiled_charsmap (2 bytes with a trie of -1)'],
    [
      'a map that lies',
      map([255, 255, 255, 127, 0, 0, 0, 0]),
      'damaged precompiled_charsmap (8 bytes with a trie of',
    ],
    [
      'a map that is no base64',
      { normalizer: { type: 'Precompiled', precompiled_charsmap: '@' } },
      'damaged precompiled_charsmap (no base64)',
    ],
  ];
  test.each(cases)('%s', (_, json, message) => {
    const error = errorOf(json);
    expect(error.message).toContain(message);
    expect(error.code).toBe('damaged');
  });

  test('a map that leads out of its trie changes nothing', () => {
    const { encode } = create(map([4, 0, 0, 0, 255, 255, 255, 255]));
    expect([...encode('ab')]).toEqual([2]);
  });

  test('unknown characters without unk_id are named', () => {
    const { encode } = create({ model: { ...unigram, unk_id: null } });
    expect([...encode('aa')]).toEqual([1, 1]);
    expect(() => encode('ab')).toThrow('has no unk_id, and "b" is not in its vocabulary');
  });
});
