import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.ts';
import { fitVocabulary } from '../../src/tokenizer/fit-vocabulary.ts';
import { loadTokenizer } from '../../src/tokenizer/load-tokenizer.ts';
import { temporaryFolder } from '../helpers/expect.ts';

const FOLIO = new URL('../../models/folio-5m/', import.meta.url).pathname;
const PAD = new URL('../../../shared/inputs/pad-token-beyond-vocab/', import.meta.url).pathname;
const STORIES = new URL('../../../shared/models/stories260K/', import.meta.url).pathname;

const MODEL = { type: 'BPE', vocab: { '<s>': 0, '</s>': 1, a: 2, b: 3 }, merges: [] };
const PAD_TOKEN = { id: 4, content: '<pad>', special: true };
const ADDED = [
  { id: 0, content: '<s>', special: true },
  { id: 1, content: '</s>', special: true },
  PAD_TOKEN,
];
const files = (tokenizer: object, tokenizerConfig = {}, modelConfig = {}) => ({
  tokenizer: { model: MODEL, added_tokens: ADDED, padding: { pad_id: 4 }, ...tokenizer },
  tokenizerConfig,
  modelConfig,
  path: 'tokenizer.json',
});

/** What is read, and the lines said. */
function fitted(given: ReturnType<typeof files>, vocabulary: number) {
  const notes: string[] = [];
  const { added_tokens: added, model } = given.tokenizer;
  const size = Math.max(Object.keys(model.vocab).length, ...added.map(({ id }) => id + 1));
  return { json: fitVocabulary(given, { size, vocabulary }, (line) => notes.push(line)), notes };
}

const ANOTHER = (size: number, vocabulary: number) =>
  `the tokenizer has ${size} tokens, the model's vocabulary ${vocabulary}: this is another model's tokenizer`;

describe('fitVocabulary', () => {
  test('a tokenizer that fits is left as it is, with a vocabulary that is padded a little, too', () => {
    const given = files({});
    expect(fitted(given, 5)).toEqual({ json: given.tokenizer, notes: [] });
    const padded = files({
      added_tokens: Array.from({ length: 97 }, (_, i) => ({ id: i, content: `x${i}` })),
    });
    expect(fitted(padded, 100)).toEqual({ json: padded.tokenizer, notes: [] });
  });

  test('tokens added beyond the vocabulary are left out, and a line says so', () => {
    const { json, notes } = fitted(files({}), 4);
    expect(json).toEqual({ model: MODEL, added_tokens: ADDED.slice(0, 2), padding: null });
    expect(notes).toEqual([expect.stringMatching(/adds "<pad>" beyond the model's vocabulary of 4/)]);
  });

  test('a vocabulary of its own that is longer is another model’s', () => {
    expect(() => fitted(files({}), 3)).toThrow(ANOTHER(5, 3));
    const pieces = {
      type: 'Unigram',
      vocab: [
        ['a', 0],
        ['b', -1],
        ['c', -2],
      ],
    };
    expect(() => fitted(files({ model: pieces, added_tokens: [] }), 2)).toThrow(ANOTHER(3, 2));
  });

  test('an added token that every text gets cannot be left out', () => {
    const post_processor = {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<pad>', type_id: 0 } }],
    };
    expect(() => fitted(files({ post_processor }), 4)).toThrow(ANOTHER(5, 4));
  });

  test('one that is much shorter must have the model’s special tokens', () => {
    const named = { bos_token: '<s>', eos_token: { content: '</s>' } };
    const { json, notes } = fitted(files({}, named, { bos_token_id: 0, eos_token_id: [7, 1] }), 100);
    expect(json['model']).toBe(MODEL);
    expect(notes).toEqual([expect.stringMatching(/has 5 of the 100 tokens/)]);
    for (const [config, ids] of [
      [named, { bos_token_id: 0, eos_token_id: 2 }],
      [named, {}],
      [{}, { bos_token_id: 0 }],
    ] as const) {
      expect(() => fitted(files({}, config, ids), 100)).toThrow(ANOTHER(5, 100));
    }
  });

  test('of a checkpoint', async () => {
    const load = (vocabulary: number) => loadTokenizer(FOLIO, { vocabulary });
    expect((await load(8192)).size).toBe(8192);
    expect((await load(8192 + 128)).size).toBe(8192);
    await expect(load(8191)).rejects.toThrow(ANOTHER(8192, 8191));
    await expect(load(50_257)).rejects.toThrow(ANOTHER(8192, 50_257));
  });
});

describe.skipIf(!existsSync(PAD))('shared: a pad token that the model has no row for', () => {
  test('runs, and its text is plain text', async () => {
    const dir = join(temporaryFolder(), 'model');
    mkdirSync(dir);
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
      copyFileSync(join(PAD, name), join(dir, name));
    }
    copyFileSync(join(STORIES, 'model.safetensors'), join(dir, 'model.safetensors'));
    expect(JSON.parse(readFileSync(join(dir, 'tokenizer.json'), 'utf8')).added_tokens).toContainEqual(
      expect.objectContaining({ id: 512 }),
    );
    const model = await loadModel(dir, { threads: 1 });
    try {
      expect(model.notes).toEqual([expect.stringMatching(/beyond the model's vocabulary of 512/)]);
      const ids = [...model.tokenizer.encode('One day <pad> a cat')];
      expect(Math.max(...ids)).toBeLessThan(512);
      expect((await model.run({ tokens: [ids], taps: ['logits'] }))['logits']!.shape).toEqual([
        1,
        ids.length,
        512,
      ]);
    } finally {
      await model.close();
    }
  });
});
