import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.ts';
import { type Gpt2Config, gpt2Shapes, referenceGpt2 } from '../helpers/reference-gpt2.ts';
import { type LlamaConfig, llamaShapes, referenceLlama } from '../helpers/reference-llama.ts';
import { type Sites, worstDifference } from '../helpers/reference-math.ts';
import {
  type CheckpointFiles,
  randomTensors,
  type Tensors,
  writeCheckpoint,
} from '../helpers/tiny-checkpoint.ts';

const root = mkdtempSync(join(tmpdir(), 'polyseme-variants-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const TOLERANCE = 1e-4;
/** How far a variant must lie from the plain model, for its test to mean anything. */
const APART = 1e-2;

const GPT2 = {
  model_type: 'gpt2',
  n_embd: 24,
  n_head: 3,
  n_layer: 3,
  n_positions: 40,
  vocab_size: 37,
};
const LLAMA = {
  model_type: 'llama',
  hidden_size: 24,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 37,
  max_position_embeddings: 1000,
};
const TOKENS = Array.from({ length: 39 }, (_, t) => (t * 11 + 3) % 37);

interface Variant extends Partial<Omit<CheckpointFiles, 'config' | 'tensors'>> {
  /** Keys laid over the plain config. */
  config?: Record<string, unknown>;
  /** Changes the tensors' names or numbers. */
  tensors?: (tensors: Tensors) => Tensors;
  tokens?: number[];
  /** The plain model computes the same: the variant is only another way to store it. */
  sameAsPlain?: boolean;
}

const STORAGE: Record<string, Variant> = {
  'stored as F32': { sameAsPlain: true },
  'stored as F16': { dtype: 'F16', sameAsPlain: true },
  'stored as BF16': { dtype: 'BF16', sameAsPlain: true },
  'in three shards with an index': { shards: 3, sameAsPlain: true },
  'in two shards of BF16': { shards: 2, dtype: 'BF16', sameAsPlain: true },
};

const rename = (from: RegExp, to: string) => (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name.replace(from, to), tensor]));
const without = (pattern: RegExp) => (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => !pattern.test(name)));

describe('gpt2', () => {
  const head = randomTensors({ 'lm_head.weight': [37, 24] }, 5);
  const mask = { shape: [1, 1, 40, 40], data: new Float64Array(1600).fill(1) };
  const variants: Record<string, Variant> = {
    ...STORAGE,
    'with the prefix transformer.': { tensors: rename(/^/, 'transformer.'), sameAsPlain: true },
    'with its masks among the tensors': {
      tensors: (tensors) => ({ ...tensors, 'h.0.attn.bias': mask, 'h.1.attn.masked_bias': mask }),
      sameAsPlain: true,
    },
    'with a copy of its tied output matrix': {
      tensors: (tensors) => ({ ...tensors, 'lm_head.weight': tensors['wte.weight']! }),
      sameAsPlain: true,
    },
    'with keys that say what is the default': {
      config: {
        n_inner: null,
        scale_attn_weights: true,
        reorder_and_upcast_attn: false,
        attn_pdrop: 0.1,
        layer_norm_epsilon: 1e-5,
        activation_function: 'gelu_new',
        use_cache: true,
        add_cross_attention: false,
        sliding_window: null,
      },
      sameAsPlain: true,
    },
    'by the general names of its sizes': {
      config: {
        n_embd: undefined,
        n_head: undefined,
        n_layer: undefined,
        hidden_size: 24,
        num_attention_heads: 3,
        num_hidden_layers: 3,
      },
      sameAsPlain: true,
    },
    'with an output matrix of its own': {
      config: { tie_word_embeddings: false },
      tensors: (tensors) => ({ ...rename(/^/, 'transformer.')(tensors), ...head }),
    },
    'without biases': { tensors: without(/(c_attn|c_fc|c_proj)\.bias$/) },
    n_inner: { config: { n_inner: 17 } },
    layer_norm_epsilon: { config: { layer_norm_epsilon: 0.5 } },
    scale_attn_by_inverse_layer_idx: { config: { scale_attn_by_inverse_layer_idx: true } },
    'scale_attn_weights false': { config: { scale_attn_weights: false } },
    relu: { config: { activation_function: 'relu' } },
    silu: { config: { activation_function: 'silu' } },
    'exact gelu': { config: { activation_function: 'gelu' } },
  };
  const reference = (tensors: Tensors, config: object, tokens: number[]) =>
    referenceGpt2(tensors, { ...GPT2, ...definedOf(config) } as Gpt2Config, tokens);
  const plain = randomTensors(gpt2Shapes(GPT2), 3);
  for (const [name, variant] of Object.entries(variants)) {
    test(name, async () => {
      const tensors = variant.config?.['n_inner']
        ? randomTensors(gpt2Shapes({ ...GPT2, ...(variant.config as object) }), 4)
        : plain;
      // The two GELUs differ by at most 5e-4; that they are not mixed up shows where folio-5m is tested.
      const apart = name === 'exact gelu' ? 2e-4 : APART;
      await check(variant, tensors, GPT2, reference, reference(plain, {}, TOKENS), apart);
    });
  }
});

describe('llama', () => {
  const rope = (extra: object) => ({ rope_theta: 10_000, ...extra });
  const llama3 = {
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  };
  const variants: Record<string, Variant> = {
    ...STORAGE,
    'without the prefix model.': { tensors: rename(/^model\./, ''), sameAsPlain: true },
    'with its frequencies among the tensors': {
      tensors: (tensors) => ({
        ...tensors,
        'model.layers.0.self_attn.rotary_emb.inv_freq': { shape: [4], data: new Float64Array(4) },
      }),
      sameAsPlain: true,
    },
    'with keys that say what is the default': {
      config: {
        attention_bias: false,
        mlp_bias: false,
        rope_scaling: null,
        rope_theta: 10_000,
        pretraining_tp: 1,
        rms_norm_eps: 1e-6,
        attention_dropout: 0,
        layer_types: ['full_attention', 'full_attention'],
        partial_rotary_factor: 1,
        hidden_act: 'silu',
        sliding_window: null,
      },
      sameAsPlain: true,
    },
    'rope_parameters of the default type': {
      config: { rope_parameters: rope({ rope_type: 'default' }) },
      sameAsPlain: true,
    },
    tied: { config: { tie_word_embeddings: true }, tensors: without(/^lm_head/) },
    'attention and MLP biases': { config: { attention_bias: true, mlp_bias: true } },
    'MLP biases': { config: { mlp_bias: true } },
    'one key and value head': { config: { num_key_value_heads: 1 } },
    'no grouping, and head_dim from the width': {
      config: { num_key_value_heads: undefined, head_dim: undefined },
    },
    rms_norm_eps: { config: { rms_norm_eps: 0.3 } },
    rope_theta: { config: { rope_theta: 500 } },
    'rope_theta in rope_parameters': {
      config: { rope_parameters: { rope_type: 'default', rope_theta: 500 } },
    },
    'linear rope_scaling (old spelling)': { config: { rope_scaling: { type: 'linear', factor: 4 } } },
    'linear rope_parameters': { config: { rope_parameters: rope({ rope_type: 'linear', factor: 4 }) } },
    'llama3 rope_scaling': { config: { rope_scaling: { rope_type: 'llama3', ...llama3 } } },
    'llama3 rope_parameters': { config: { rope_parameters: rope({ rope_type: 'llama3', ...llama3 }) } },
    relu: { config: { hidden_act: 'relu' } },
    'tanh gelu': { config: { hidden_act: 'gelu_pytorch_tanh' } },
    'far positions': { tokens: Array.from({ length: 700 }, (_, t) => (t * 11 + 3) % 37) },
  };
  const biases = (config: object) => {
    const { attention_bias: attention, mlp_bias: mlp } = config as Record<string, boolean>;
    return { attention, mlp };
  };
  const reference = (tensors: Tensors, config: object, tokens: number[]) =>
    referenceLlama(tensors, definedOf({ ...LLAMA, ...config }) as LlamaConfig, tokens);
  const plain = randomTensors(llamaShapes(LLAMA), 3);
  for (const [name, variant] of Object.entries(variants)) {
    test(name, async () => {
      const config = { ...LLAMA, ...variant.config } as LlamaConfig;
      const reshaped = ['num_key_value_heads', 'attention_bias', 'mlp_bias'].some(
        (key) => variant.config && key in variant.config && variant.config[key] !== false,
      );
      const tensors = reshaped ? randomTensors(llamaShapes(config, biases(config)), 6) : plain;
      await check(variant, tensors, LLAMA, reference, reference(plain, {}, TOKENS), APART);
    });
  }
});

/** Writes the variant, runs it, and holds every site against the reference. */
async function check(
  variant: Variant,
  tensors: Tensors,
  base: object,
  reference: (tensors: Tensors, config: object, tokens: number[]) => Sites,
  plain: Sites,
  apart: number,
): Promise<void> {
  const { config = {}, dtype, shards, tokens = TOKENS, sameAsPlain = false } = variant;
  const changed = variant.tensors?.(tensors) ?? tensors;
  const dir = mkdtempSync(join(root, 'model-'));
  writeCheckpoint(dir, { config: { ...base, ...config }, tensors: changed, dtype, shards });
  const expected = reference(changed, config, tokens);
  const names = Object.keys(expected);
  if (tokens === TOKENS) {
    const distance = worstDifference(expected['logits']!, plain['logits']!);
    if (sameAsPlain) expect(distance).toBe(0);
    else expect(distance).toBeGreaterThan(apart);
  }
  const model = await loadModel(dir, { threads: 1 });
  try {
    const taps = await model.run({ tokens: [tokens], taps: names });
    expect([...model.sites.keys()].sort()).toEqual(names.sort());
    for (const name of names)
      expect(worstDifference(taps[name]!.data, expected[name]!), name).toBeLessThan(TOLERANCE);
  } finally {
    await model.close();
  }
}

function definedOf(config: object): object {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== undefined && value !== null),
  );
}
