// Writes checkpoints of random weights, shaped as GPT-2 small (12 layers, 768 wide, 3,072 neurons a layer) and SmolLM2-135M (30
// layers, 576 wide, 1,536 gated neurons), with folio-5m's tokenizer and vocabulary, once, into bench/.cache.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../dist/base/random.js';
import { writeSafetensors } from '../dist/tensors/write-safetensors.js';

const VOCABULARY = 8192;

export async function gpt2SmallShape({ layers = 12, width = 768, heads = 12 } = {}) {
  return checkpoint(
    `gpt2-${layers}x${width}`,
    {
      model_type: 'gpt2',
      n_layer: layers,
      n_embd: width,
      n_head: heads,
      n_positions: 1024,
      vocab_size: VOCABULARY,
      activation_function: 'gelu_new',
      layer_norm_epsilon: 1e-5,
      tie_word_embeddings: true,
    },
    (add) => {
      add('wte.weight', [VOCABULARY, width], 0.1);
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
    },
  );
}

export async function smolLmShape({ layers = 30, width = 576, heads = 9, kvHeads = 3, neurons = 1536 } = {}) {
  const headDim = width / heads;
  return checkpoint(
    `llama-${layers}x${width}`,
    {
      model_type: 'llama',
      num_hidden_layers: layers,
      hidden_size: width,
      intermediate_size: neurons,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      max_position_embeddings: 1024,
      vocab_size: VOCABULARY,
      hidden_act: 'silu',
      rms_norm_eps: 1e-5,
      tie_word_embeddings: true,
    },
    (add) => {
      add('model.embed_tokens.weight', [VOCABULARY, width], 0.1);
      for (let l = 0; l < layers; l++) {
        const at = `model.layers.${l}`;
        const linear = (name, from, to) => add(`${at}.${name}.weight`, [to, from], 0.03);
        for (const norm of ['input_layernorm', 'post_attention_layernorm']) {
          add(`${at}.${norm}.weight`, [width], 0.1, 1);
        }
        linear('self_attn.q_proj', width, width);
        linear('self_attn.k_proj', width, kvHeads * headDim);
        linear('self_attn.v_proj', width, kvHeads * headDim);
        linear('self_attn.o_proj', width, width);
        linear('mlp.gate_proj', width, neurons);
        linear('mlp.up_proj', width, neurons);
        linear('mlp.down_proj', neurons, width);
      }
      add('model.norm.weight', [width], 0.1, 1);
    },
  );
}

/** Writes a checkpoint unless it is there. @param fill adds its tensors: name, shape, deviation, mean */
async function checkpoint(name, config, fill) {
  const dir = join(import.meta.dirname, '.cache', name);
  if (existsSync(join(dir, 'model.safetensors'))) return dir;
  mkdirSync(dir, { recursive: true });
  const random = createRandom(1);
  const tensors = {};
  fill((tensor, shape, deviation, mean = 0) => {
    // Sums of uniform numbers are near enough to normal ones, and quick.
    const data = Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      () => (random.next() + random.next() + random.next() - 1.5) * 2 * deviation,
    );
    if (mean !== 0) for (let i = 0; i < data.length; i++) data[i] += mean;
    tensors[tensor] = { data, shape };
  });
  const folio = join(import.meta.dirname, '..', 'models', 'folio-5m');
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(folio, file), join(dir, file));
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
  return dir;
}
