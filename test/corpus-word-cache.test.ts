import { existsSync, readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { openCorpus } from '#polyseme/corpus/open.js';
import { cutsAtSpaces, rememberWords } from '#polyseme/corpus/word-cache.js';
import { folioTokenizer } from './fixtures/corpus/support.ts';

const definition = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const folio = definition('models/folio-5m/tokenizer.json');
/** The bundled vocabulary behind Llama 3's pre-tokenizer. */
const LLAMA_3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const split = { type: 'Split', pattern: { Regex: LLAMA_3 }, behavior: 'Isolated', invert: false };
const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const llama = { ...folio, pre_tokenizer: { type: 'Sequence', pretokenizers: [split, bytes] } };

const ODD = [
  '',
  ' ',
  '  ',
  ' a',
  'a ',
  'a b  c   d \n e\n f \t g\u00a0h \u2003 i\u0085 j \ufeff k',
  "it's  'tis don't I'll 12 345 6789 ... (a) [b]-c",
  'x<|endoftext|> y <|endoftext|>z <|endoftext|> ',
  '漢字 仮名 🙂 🙂🙂  é e\u0301 \ud800 a',
  `${'w'.repeat(500)} ${'.'.repeat(300)} ${'\n'.repeat(9)} z`,
];

describe('remembered words', () => {
  for (const [name, json] of Object.entries({ folio, llama })) {
    const inner = new Tokenizer(json, {});
    const encode = (text: string) => inner.encode(text, { add_special_tokens: false }).ids;

    it(`give the tokens of the whole: ${name}`, async () => {
      expect(cutsAtSpaces(json)).toBe(true);
      const fast = rememberWords(encode);
      for (const text of [...ODD, ODD.join(' '), ODD.join('')]) expect([...fast(text)]).toEqual(encode(text));
      let documents = 0;
      for await (const { text } of (await openCorpus('builtin:sotu')).documents()) {
        expect([...fast(text)]).toEqual(encode(text));
        if (++documents === 8) break;
      }
    });
  }

  it('are encoded once', () => {
    const { encode } = folioTokenizer();
    const asked: string[] = [];
    const fast = rememberWords((text) => {
      asked.push(text);
      return encode(text);
    });
    fast('one two one two\none two');
    fast('one two');
    expect(asked).toEqual(['one', ' two', ' one', ' two\none']);
  });
});

describe('tokenizers that do not cut at every space', () => {
  it.each([
    ['no pre-tokenizer', { pre_tokenizer: null }],
    ['a normalizer', { normalizer: { type: 'Prepend', prepend: '▁' } }],
    ['a space before the text', { pre_tokenizer: { ...folio.pre_tokenizer, add_prefix_space: true } }],
    ['no pattern', { pre_tokenizer: bytes }],
    [
      'another pattern',
      {
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [{ ...split, pattern: { Regex: '\\w+ ' } }, bytes],
        },
      },
    ],
    ['another kind', { pre_tokenizer: { type: 'Metaspace' } }],
    ['a token with a space', { added_tokens: [{ content: '[a b]' }] }],
    ['a token that takes spaces', { added_tokens: [{ content: '<s>', rstrip: true }] }],
  ])('%s', (_, change) => {
    expect(cutsAtSpaces({ ...folio, ...change })).toBe(false);
  });

  const stories = '../shared/models/stories260K/tokenizer.json';
  it.skipIf(!existsSync(stories))('shared: a Llama tokenizer', () => {
    expect(cutsAtSpaces(definition(stories))).toBe(false);
  });
});
