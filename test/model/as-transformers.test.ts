// What transformers 5.24 makes of checkpoints whose config.json and weights do not agree: the same here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { readModel, sitesOf } from '../../src/model/compile.ts';
import { expectOneLine, temporaryFolder } from '../helpers/expect.ts';
import { farthest, readFixture, runRows } from '../helpers/families.ts';
import { type LlamaConfig, llamaShapes, referenceLlama } from '../helpers/reference-llama.ts';
import { affine, linear, normalize, worstDifference } from '../helpers/reference-math.ts';
import {
  randomTensors,
  readTensors,
  type StoredType,
  type Tensors,
  writeCheckpoint,
} from '../helpers/tiny-checkpoint.ts';

const TOLERANCE = 1e-4;
const TOKENS = Array.from({ length: 20 }, (_, t) => (t * 11 + 3) % 37);
const LLAMA = {
  model_type: 'llama',
  hidden_size: 24,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 37,
  max_position_embeddings: 64,
};
const PLAIN = randomTensors(llamaShapes(LLAMA), 3);
const BIASED = randomTensors(llamaShapes(LLAMA, { attention: true, mlp: true }), 3);

const without = (pattern: RegExp, tensors: Tensors = PLAIN): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => !pattern.test(name)));
const rename = (from: RegExp, to: string): Tensors =>
  Object.fromEntries(Object.entries(PLAIN).map(([name, tensor]) => [name.replace(from, to), tensor]));

interface Case {
  /** What the files say. */
  readonly config?: object;
  readonly tensors?: Tensors;
  readonly dtype?: StoredType;
  /** What is computed. */
  readonly as?: { readonly config?: Partial<LlamaConfig>; readonly tensors?: Tensors };
  readonly note?: RegExp;
}

const LLAMA3 = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
const CASES: Record<string, Case> = {
  'tied, with an output matrix that differs: they are kept apart': {
    config: { tie_word_embeddings: true },
  },
  'tied, with the output matrix alone': {
    config: { tie_word_embeddings: true },
    tensors: without(/embed_tokens/),
    as: { tensors: { ...PLAIN, 'model.embed_tokens.weight': PLAIN['lm_head.weight']! } },
  },
  'no output matrix, and nothing said of ties': {
    tensors: without(/lm_head/),
    as: { config: { tie_word_embeddings: true } },
    note: /no lm_head\.weight, and config\.json does not say tie_word_embeddings: embed_tokens\.weight/,
  },
  'biases that config.json rules out': {
    config: { attention_bias: false, mlp_bias: false },
    tensors: BIASED,
    as: { tensors: without(/\.bias$/, BIASED) },
    note: /config\.json says that there are no biases.*q_proj\.bias.*14 in all.*take no part/,
  },
  'rope_scaling beside rope_parameters': {
    config: {
      rope_theta: 300,
      rope_scaling: { type: 'linear', factor: 4 },
      rope_parameters: { ...LLAMA3, rope_theta: 500, original_max_position_embeddings: 16 },
    },
    as: { config: { rope_theta: 300, rope_scaling: { type: 'linear', factor: 4 } } },
  },
  'an empty rope_scaling beside rope_parameters': {
    config: { rope_scaling: {}, rope_parameters: { rope_type: 'linear', factor: 4, rope_theta: 500 } },
    as: { config: { rope_parameters: { rope_type: 'linear', factor: 4, rope_theta: 500 } } },
  },
  'llama3 without original_max_position_embeddings': {
    config: { rope_scaling: LLAMA3 },
    as: { config: { rope_scaling: { ...LLAMA3, original_max_position_embeddings: 64 } } },
  },
  'a sliding window, which a Llama has not': { config: { sliding_window: 4 } },
  'stored as F64': { dtype: 'F64' },
  'the prefix model. twice': { tensors: rename(/^model\./, 'model.model.') },
  'the prefix model. before all': { tensors: rename(/^/, 'model.') },
};

describe('a Llama', () => {
  test.each(Object.entries(CASES))('%s', async (_, { config, tensors = PLAIN, dtype, as = {}, note }) => {
    const dir = join(temporaryFolder(), 'model');
    writeCheckpoint(dir, { config: { ...LLAMA, ...config }, tensors, dtype });
    const expected = referenceLlama(as.tensors ?? PLAIN, { ...LLAMA, ...as.config }, TOKENS);
    const model = await loadModel(dir, { threads: 1 });
    try {
      expect(model.notes).toEqual(note === undefined ? [] : [expect.stringMatching(note)]);
      const names = Object.keys(expected);
      const taps = await model.run({ tokens: [TOKENS], taps: names });
      for (const name of names) {
        expect(worstDifference(taps[name]!.data, expected[name]!), name).toBeLessThan(TOLERANCE);
      }
    } finally {
      await model.close();
    }
  });

  test('under a prefix that is not known, the error names it', async () => {
    const dir = join(temporaryFolder(), 'model');
    writeCheckpoint(dir, { config: LLAMA, tensors: rename(/^/, '_orig_mod.') });
    await expectOneLine(
      () => loadModel(dir),
      /no tensor embed_tokens\.weight.*without the prefix _orig_mod\.model\.$/,
    );
  });
});

test('the text part of a Gemma 3 with images', async () => {
  const { dir, rows, expected } = readFixture('gemma3-text');
  const text = await openCheckpoint(dir);
  const { model_type: _, ...text_config } = text.config;
  const tower = text.tensors.get('model.norm.weight')!;
  for (const [body, head] of [
    ['language_model.model.', 'language_model.lm_head.weight'],
    ['model.language_model.', 'lm_head.weight'],
  ] as const) {
    const tensors = new Map(
      [...text.tensors].map(([name, ref]) => [
        name === 'lm_head.weight' ? head : name.replace(/^model\./, body),
        ref,
      ]),
    );
    tensors.set(body.startsWith('model.') ? 'model.vision_tower.x.weight' : 'vision_tower.x.weight', tower);
    const files = readModel({
      ...text,
      tensors,
      config: { model_type: 'gemma3', text_config, vision_config: {} },
    });
    const { difference, site } = farthest(await runRows(files, rows, [...sitesOf(files).keys()]), expected);
    expect(difference, site).toBeLessThanOrEqual(TOLERANCE);
  }
});

const INPUTS = new URL('../../../shared/inputs/', import.meta.url).pathname;

describe.skipIf(!existsSync(INPUTS))('shared: checkpoints that were read wrongly', () => {
  test.each([
    ['tied-head-differs', 'model.embed_tokens.weight'],
    ['tied-only-head', 'lm_head.weight'],
  ])('%s: rows are of %s, logits of lm_head.weight', async (name, embedding) => {
    const tensors = readTensors(join(INPUTS, name, 'model.safetensors'));
    const model = await loadModel(join(INPUTS, name), { threads: 1 });
    try {
      const ids = [1, 5, 300];
      const taps = await model.run({
        tokens: [ids],
        taps: ['blocks.0.hook_resid_pre', 'blocks.0.hook_resid_post', 'logits'],
      });
      const rows = ids.flatMap((id) => [...tensors[embedding]!.data.subarray(8 * id, 8 * id + 8)]);
      expect(worstDifference(taps['blocks.0.hook_resid_pre']!.data, Float64Array.from(rows))).toBe(0);
      const stream = Float64Array.from(taps['blocks.0.hook_resid_post']!.data);
      const normed = affine(normalize(stream, 8, 1e-6, false), tensors['model.norm.weight']!);
      const logits = linear(normed, tensors['lm_head.weight']!, undefined, 'out_in');
      expect(worstDifference(taps['logits']!.data, logits)).toBeLessThan(TOLERANCE);
    } finally {
      await model.close();
    }
  });
});

describe('heads by other names', () => {
  test('lm_head of a GPT-NeoX is its embed_out', async () => {
    const { dir, rows, expected } = readFixture('gpt-neox');
    const checkpoint = await openCheckpoint(dir);
    const tensors = new Map(
      [...checkpoint.tensors].map(([name, ref]) => [name.replace(/^embed_out\./, 'lm_head.'), ref] as const),
    );
    expect(tensors.has('lm_head.weight')).toBe(true);
    const files = readModel({ ...checkpoint, tensors });
    const { difference, site } = farthest(await runRows(files, rows, ['logits']), expected);
    expect(difference, site).toBeLessThanOrEqual(TOLERANCE);
    const both = new Map([...checkpoint.tensors, ...tensors]);
    expect(() => readModel({ ...checkpoint, tensors: both })).toThrow(/embed_out\.weight is there twice/);
  });

  test('a tied ModernBERT without the decoder’s bias has logits; a classifier has none', async () => {
    const { dir, rows, expected } = readFixture('modernbert');
    const checkpoint = await openCheckpoint(dir);
    const config = { ...checkpoint.config, decoder_bias: false };
    const tensors = new Map([...checkpoint.tensors].filter(([name]) => name !== 'decoder.bias'));
    const files = readModel({ ...checkpoint, config, tensors });
    const bias = readTensors(join(dir, 'model.safetensors'))['decoder.bias']!.data;
    const unbiased = expected.map((sites) => {
      const logits = sites.get('logits')!.map((logit, i) => logit - bias[i % bias.length]!);
      return new Map([['logits', logits]]);
    });
    const { difference } = farthest(await runRows(files, rows, ['logits']), unbiased);
    expect(difference).toBeLessThanOrEqual(TOLERANCE);
    const norm = checkpoint.tensors.get('head.norm.weight')!;
    const classifier = new Map([...tensors, ['classifier.weight', norm] as const]);
    expect(sitesOf(readModel({ ...checkpoint, config, tensors: classifier })).has('logits')).toBe(false);
  });
});

test('a site that is not there is answered with some that are', async () => {
  await using model = await loadModel('builtin:digits');
  const pixels = [{ data: new Float32Array(784), shape: [1, 28, 28] as const }];
  const asked = model.run({ pixels, taps: ['blocks.0.hook_resid_post'] });
  await expect(asked).rejects.toThrow(
    /has no site blocks\.0\.hook_resid_post; 1 layers, e\.g\. blocks\.0\.mlp\.hook_post, blocks\.0\.mlp\.hook_in, logits$/,
  );
});
