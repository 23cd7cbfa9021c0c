// Writes a GPT-2-small-shaped checkpoint with random weights (12 layers, 768 wide, 3,072 neurons a layer) and
// folio-5m's tokenizer and vocabulary, once, into bench/.cache.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../dist/base/random.js';
import { writeSafetensors } from '../dist/tensors/write-safetensors.js';

export async function gpt2SmallShape({ layers = 12, width = 768, heads = 12 } = {}) {
  const dir = join(import.meta.dirname, '.cache', `gpt2-${layers}x${width}`);
  if (existsSync(join(dir, 'model.safetensors'))) return dir;
  mkdirSync(dir, { recursive: true });
  const random = createRandom(1);
  // Sums of uniform numbers are near enough to normal ones, and quick.
  const normal = (count, deviation) =>
    Float32Array.from(
      { length: count },
      () => (random.next() + random.next() + random.next() - 1.5) * 2 * deviation,
    );
  const tensors = {};
  const add = (name, shape, deviation, mean = 0) => {
    const data = normal(
      shape.reduce((a, b) => a * b),
      deviation,
    );
    if (mean !== 0) for (let i = 0; i < data.length; i++) data[i] += mean;
    tensors[name] = { data, shape };
  };
  const vocabulary = 8192;
  add('wte.weight', [vocabulary, width], 0.1);
  add('wpe.weight', [1024, width], 0.02);
  for (let l = 0; l < layers; l++) {
    for (const norm of ['ln_1', 'ln_2']) {
      add(`h.${l}.${norm}.weight`, [width], 0.1, 1);
      add(`h.${l}.${norm}.bias`, [width], 0.05);
    }
    const linear = (name, from, to, deviation) => {
      add(`h.${l}.${name}.weight`, [from, to], deviation);
      add(`h.${l}.${name}.bias`, [to], 0.02);
    };
    linear('attn.c_attn', width, 3 * width, 0.04);
    linear('attn.c_proj', width, width, 0.02);
    linear('mlp.c_fc', width, 4 * width, 0.04);
    linear('mlp.c_proj', 4 * width, width, 0.02);
  }
  add('ln_f.weight', [width], 0.1, 1);
  add('ln_f.bias', [width], 0.05);
  const folio = join(import.meta.dirname, '..', 'models', 'folio-5m');
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(folio, name), join(dir, name));
  writeFileSync(
    join(dir, 'config.json'),
    JSON.stringify({
      model_type: 'gpt2',
      n_layer: layers,
      n_embd: width,
      n_head: heads,
      n_positions: 1024,
      vocab_size: vocabulary,
      activation_function: 'gelu_new',
      layer_norm_epsilon: 1e-5,
      tie_word_embeddings: true,
    }),
  );
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
  return dir;
}
