import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.ts';
import { expectOneLine, temporaryFolder } from '../helpers/expect.ts';
import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { llamaShapes } from '../helpers/reference-llama.ts';
import {
  encodeSafetensors,
  randomTensors,
  type Tensor,
  tinyTokenizer,
  withHeader,
  writeCheckpoint,
} from '../helpers/tiny-checkpoint.ts';

const GPT2 = { model_type: 'gpt2', n_embd: 8, n_head: 2, n_layer: 2, n_positions: 16, vocab_size: 30 };
const LLAMA = {
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  vocab_size: 30,
};
const gpt2Tensors = randomTensors(gpt2Shapes(GPT2));
const llamaTensors = randomTensors(llamaShapes(LLAMA));

function gpt2Folder(config: object = {}, tensors: Record<string, Tensor> = gpt2Tensors): string {
  const dir = join(temporaryFolder(), 'model');
  writeCheckpoint(dir, { config: { ...GPT2, ...config }, tensors });
  return dir;
}

function llamaFolder(config: object = {}, tensors: Record<string, Tensor> = llamaTensors): string {
  const dir = join(temporaryFolder(), 'model');
  writeCheckpoint(dir, { config: { ...LLAMA, ...config }, tensors });
  return dir;
}

async function open(dir: string): Promise<void> {
  await (await loadModel(dir, { threads: 1 })).close();
}

test('the two small checkpoints are sound as they are', async () => {
  await open(gpt2Folder());
  await open(llamaFolder());
});

describe('a config key that changes the computation is refused by name', () => {
  const gpt2: [string, unknown][] = [
    ['activation_function', 'relu6'],
    ['add_cross_attention', true],
    ['is_encoder_decoder', true],
    ['pruned_heads', { 0: [1] }],
    ['position_embedding_type', 'rotary'],
    ['alibi', true],
    ['sliding_window', 8],
    ['quantization_config', { quant_method: 'gptq' }],
    ['use_parallel_residual', true],
    ['qk_layernorm', true],
    ['num_experts', 4],
    ['is_causal', false],
  ];
  test.each(gpt2)('gpt2: %s = %j', async (key, value) => {
    await expectOneLine(() => open(gpt2Folder({ [key]: value })), new RegExp(`config\\.json: ${key}`));
  });

  const llama: [string, unknown][] = [
    ['hidden_act', 'gelu_10'],
    ['use_sliding_window', true],
    ['attn_logit_softcapping', 50],
    ['final_logit_softcapping', 30],
    ['logits_soft_cap', 30],
    ['logit_scale', 0.0625],
    ['logits_scaling', 8],
    ['embedding_multiplier', 12],
    ['residual_multiplier', 0.22],
    ['attention_multiplier', 0.0078125],
    ['query_pre_attn_scalar', 256],
    ['scale_emb', 12],
    ['scale_depth', 1.4],
    ['dim_model_base', 256],
    ['clip_qkv', 8],
    ['qk_layernorm', true],
    ['use_qk_norm', true],
    ['quantization_config', { quant_method: 'bitsandbytes' }],
    ['partial_rotary_factor', 0.5],
    ['rope_interleaved', true],
    ['rope_local_base_freq', 10_000],
    ['position_embedding_type', 'nope'],
    ['no_rope_layers', [1, 0]],
    ['no_rope_layer_interval', 4],
    ['layer_types', ['sliding_attention', 'full_attention']],
    ['attention_chunk_size', 8192],
    ['attn_temperature_tuning', true],
    ['num_local_experts', 8],
    ['num_experts', 8],
    ['n_routed_experts', 64],
    ['cross_attention_layers', [1]],
    ['num_kv_shared_layers', 1],
    ['is_causal', false],
    ['use_bidirectional_attention', true],
    ['use_parallel_residual', true],
    ['is_encoder_decoder', true],
    ['num_hidden_layers', 2.5],
    ['num_hidden_layers', 1e9],
    ['num_key_value_heads', 0],
    ['head_dim', 3],
    ['rms_norm_eps', 0],
    ['rope_theta', '10000'],
    ['tie_word_embeddings', 'yes'],
  ];
  test.each(llama)('llama: %s = %j', async (key, value) => {
    await expectOneLine(() => open(llamaFolder({ [key]: value })), new RegExp(`config\\.json: ${key}`));
  });

  const ropes: [object, RegExp][] = [
    [
      { type: 'proportional', factor: 4 },
      /rope_(scaling|parameters) type "proportional".*default, linear, dynamic, llama3/,
    ],
    [{ rope_type: 'dynamic' }, /rope_(scaling|parameters)\.factor/],
    [{ rope_type: 'longrope', short_factor: [1], long_factor: [2] }, /short_factor must be 2 positive/],
    [{ rope_type: 'yarn', factor: 2, attention_factor: -1 }, /attention_factor/],
    [{ type: 'linear' }, /rope_(scaling|parameters)\.factor/],
    [{ type: 'linear', factor: 'two' }, /rope_(scaling|parameters)\.factor.*"two"/],
    [{ rope_type: 'llama3', factor: 8, low_freq_factor: 1 }, /rope_(scaling|parameters)\.\w+/],
    [{ rope_type: 'default', partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
    [{ full_attention: { rope_type: 'linear', factor: 2 } }, /full_attention/],
  ];
  test.each(ropes)('rope_scaling and rope_parameters %j', async (rope, pattern) => {
    await expectOneLine(() => open(llamaFolder({ rope_scaling: rope })), pattern);
    await expectOneLine(() => open(llamaFolder({ rope_parameters: rope })), pattern);
  });
  test('rope_scaling that is no object', async () => {
    await expectOneLine(() => open(llamaFolder({ rope_scaling: [2] })), /rope_scaling.*\[2\]/);
    await expectOneLine(() => open(llamaFolder({ rope_scaling: 'linear' })), /rope_scaling.*"linear"/);
  });
});

describe('an architecture that is not known says which are', () => {
  test.each([['mamba'], [null], [7], ['constructor']])('model_type %j', async (type) => {
    await expectOneLine(() => open(gpt2Folder({ model_type: type })), /model_type.*known: .*gpt2.*llama/);
  });
});

describe('tensors that do not fit the config', () => {
  const change = (changes: Record<string, Tensor | null>, tensors: Record<string, Tensor>) =>
    Object.fromEntries(
      Object.entries({ ...tensors, ...changes }).filter(
        (entry): entry is [string, Tensor] => entry[1] !== null,
      ),
    );
  const zeros = (...shape: number[]): Tensor => ({
    shape,
    data: new Float64Array(shape.reduce((product, n) => product * n, 1)),
  });

  test('missing', async () => {
    const tensors = change({ 'h.1.mlp.c_fc.weight': null }, gpt2Tensors);
    await expectOneLine(() => open(gpt2Folder({}, tensors)), /no tensor h\.1\.mlp\.c_fc\.weight/);
    const headless = change({ 'lm_head.weight': null }, llamaTensors);
    await expectOneLine(
      () => open(llamaFolder({ tie_word_embeddings: false }, headless)),
      /no tensor lm_head\.weight/,
    );
  });
  test('of another shape', async () => {
    const tensors = change({ 'h.0.attn.c_attn.weight': zeros(24, 8) }, gpt2Tensors);
    await expectOneLine(
      () => open(gpt2Folder({}, tensors)),
      /h\.0\.attn\.c_attn\.weight has shape \[24, 8\].*\[8, 24\]/,
    );
    await expectOneLine(() => open(llamaFolder({ num_key_value_heads: 1 })), /k_proj\.weight has shape/);
  });
  test('more than the architecture uses', async () => {
    const norms = change({ 'model.layers.0.self_attn.q_norm.weight': zeros(4) }, llamaTensors);
    await expectOneLine(() => open(llamaFolder({}, norms)), /q_norm\.weight takes no part/);
    const lora = change({ 'h.0.attn.c_attn.lora_A.weight': zeros(4, 8) }, gpt2Tensors);
    await expectOneLine(() => open(gpt2Folder({}, lora)), /lora_A\.weight takes no part/);
    const bias = change({ 'lm_head.bias': zeros(30) }, llamaTensors);
    await expectOneLine(() => open(llamaFolder({}, bias)), /lm_head\.bias takes no part/);
    await expectOneLine(() => open(llamaFolder({ num_hidden_layers: 1 })), /layers\.1\..* takes no part/);
  });
  test('NaN and infinity, named with their place', async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const bad = Float64Array.from(gpt2Tensors['h.0.mlp.c_fc.bias']!.data);
      bad[5] = value;
      const tensors = change({ 'h.0.mlp.c_fc.bias': { shape: [32], data: bad } }, gpt2Tensors);
      const model = await loadModel(gpt2Folder({}, tensors), { threads: 1 });
      await expectOneLine(
        () => model.run({ tokens: [[1, 2]], taps: ['logits'] }),
        /h\.0\.mlp\.c_fc\.bias" is not finite.*index 5/,
      );
      await model.close();
    }
  });
});

describe('a weight file that lies', () => {
  const whole = encodeSafetensors(gpt2Tensors);
  const fits = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', Buffer.alloc(0), /no safetensors file: 0 bytes/],
    ['four bytes', Buffer.from('oops'), /no safetensors file: 4 bytes/],
    ['a web page', Buffer.from('<!DOCTYPE html><html><body>Not found</body></html>'), /no safetensors file/],
    ['cut inside its data', whole.subarray(0, whole.length - 1), /tensor .* truncated at/],
    ['cut inside its header', whole.subarray(0, 100), /truncated/],
    ['longer than it says', Buffer.concat([whole, Buffer.alloc(3)]), /3 bytes after its last tensor/],
    ['header longer than the format allows', withLength(whole, 100_000_001n), /header of 100000001 bytes/],
    ['header length of 2^64 − 1', withLength(whole, 2n ** 64n - 1n), /header of 18446744073709552000 bytes/],
    ['header longer than the file', withLength(whole, BigInt(whole.length)), /truncated/],
    ['header that is no JSON', withHeader('{"a": [}', Buffer.alloc(8)), /header is not a JSON object/],
    ['header that is a list', withHeader('[]', Buffer.alloc(0)), /header is not a JSON object/],
    ['header that is not UTF-8', withBadByte(), /header is not UTF-8/],
    ['unknown element type', withHeader({ a: { ...fits, dtype: 'F12' } }, Buffer.alloc(8)), /"F12"/],
    [
      'shape of another size',
      withHeader({ a: { ...fits, shape: [3] } }, Buffer.alloc(8)),
      /\[3\] of F32 needs 12/,
    ],
    ['negative shape', withHeader({ a: { ...fits, shape: [-2] } }, Buffer.alloc(8)), /shape \[-2\]/],
    ['huge shape', withHeader({ a: { ...fits, shape: [2 ** 40, 2 ** 40] } }, Buffer.alloc(8)), /tensor "a"/],
    [
      'offsets backwards',
      withHeader({ a: { ...fits, data_offsets: [8, 0] } }, Buffer.alloc(8)),
      /data_offsets/,
    ],
    [
      'offsets past the end',
      withHeader({ a: { ...fits, data_offsets: [8, 16] } }, Buffer.alloc(8)),
      /truncated/,
    ],
    ['overlap', withHeader({ a: fits, b: { ...fits, data_offsets: [4, 12] } }, Buffer.alloc(12)), /overlaps/],
    [
      'hole',
      withHeader({ a: fits, b: { ...fits, data_offsets: [12, 20] } }, Buffer.alloc(20)),
      /hole of 4 bytes/,
    ],
    [
      'a name twice',
      withHeader(`{"a":${JSON.stringify(fits)},"a":${JSON.stringify(fits)}}`, Buffer.alloc(8)),
      /"a" twice/,
    ],
    ['no entry', withHeader({ a: null }, Buffer.alloc(0)), /tensor "a"/],
  ];
  test.each(cases)('%s', async (_, bytes, pattern) => {
    const dir = gpt2Folder();
    writeFileSync(join(dir, 'model.safetensors'), bytes);
    const line = await expectOneLine(() => open(dir), pattern);
    expect(line).toContain('model.safetensors');
  });
  test('cut after it was opened', async () => {
    const dir = gpt2Folder();
    const model = await loadModel(dir, { threads: 1 });
    writeFileSync(join(dir, 'model.safetensors'), whole.subarray(0, whole.length - 400));
    await expectOneLine(() => model.run({ tokens: [[1, 2]], taps: ['logits'] }), /truncated/);
    await model.close();
  });
});

describe('files that are missing or not what they should be', () => {
  const cases: [string, (dir: string) => void, RegExp][] = [
    ['no config', (dir) => rmSync(join(dir, 'config.json')), /no config\.json/],
    ['config that is no JSON', (dir) => writeFileSync(join(dir, 'config.json'), '{"a":'), /config\.json/],
    ['config that is a list', (dir) => writeFileSync(join(dir, 'config.json'), '[]'), /config\.json/],
    ['no weights', (dir) => rmSync(join(dir, 'model.safetensors')), /model\.safetensors/],
    [
      'weights as a pickle',
      (dir) => {
        rmSync(join(dir, 'model.safetensors'));
        writeFileSync(join(dir, 'pytorch_model.bin'), 'pickle');
      },
      /pytorch_model\.bin.*convert/,
    ],
    ['no tokenizer', (dir) => rmSync(join(dir, 'tokenizer.json')), /no tokenizer\.json/],
    [
      'tokenizer that is no JSON',
      (dir) => writeFileSync(join(dir, 'tokenizer.json'), 'x'),
      /tokenizer\.json/,
    ],
    [
      'tokenizer of another kind',
      (dir) => writeFileSync(join(dir, 'tokenizer.json'), '{}'),
      /tokenizer\.json/,
    ],
    [
      'tokenizer of a larger vocabulary',
      (dir) => writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tinyTokenizer(31))),
      /tokenizer has 31 tokens, the model's vocabulary 30/,
    ],
    [
      'tokenizer of a smaller vocabulary',
      (dir) => writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tinyTokenizer(20))),
      /tokenizer has 20 tokens, the model's vocabulary 30/,
    ],
    [
      'index whose shard is missing',
      (dir) => index(dir, { 'wte.weight': 'model-1-of-2.safetensors' }),
      /model-1-of-2\.safetensors.*no such file/,
    ],
    [
      'index that leads out of the folder',
      (dir) => index(dir, { 'wte.weight': '../other.safetensors' }),
      /"\.\.\/other\.safetensors".*no file name/,
    ],
    ['index without a map', (dir) => index(dir, null), /weight_map/],
  ];
  test.each(cases)('%s', async (_, spoil, pattern) => {
    const dir = gpt2Folder();
    spoil(dir);
    await expectOneLine(() => open(dir), pattern);
  });
  test('index that says what a shard does not hold', async () => {
    const dir = gpt2Folder();
    const bytes = readFileSync(join(dir, 'model.safetensors'));
    index(dir, { 'wte.weight': 'part.safetensors', 'wte.other': 'part.safetensors' });
    writeFileSync(join(dir, 'part.safetensors'), bytes);
    await expectOneLine(() => open(dir), /part\.safetensors holds tensor "wte\.other"/);
  });
  test('no such folder, a file, a built-in model that is none', async () => {
    const dir = temporaryFolder();
    await expectOneLine(() => open(join(dir, 'nothing')), /nothing.*does not exist/);
    writeFileSync(join(dir, 'file.txt'), '');
    await expectOneLine(() => open(join(dir, 'file.txt')), /is a file/);
    mkdirSync(join(dir, 'empty'));
    await expectOneLine(() => open(join(dir, 'empty')), /no config\.json/);
    await expectOneLine(
      () => open('builtin:gpt3'),
      /builtin:gpt3; built in: builtin:digits, builtin:folio-5m/,
    );
  });
});

function index(dir: string, weightMap: object | null): void {
  rmSync(join(dir, 'model.safetensors'));
  writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
}

function withLength(file: Buffer, length: bigint): Buffer {
  const copy = Buffer.from(file);
  copy.writeBigUInt64LE(length);
  return copy;
}

function withBadByte(): Buffer {
  const file = withHeader('{"a": {}}', Buffer.alloc(8));
  file[8 + 2] = 0xff;
  return file;
}
