import type { Architecture, ModelConfig } from '../../src/model/architectures/architecture.ts';
import { type BlockPlan, linear, type NormPlan } from '../../src/model/architectures/plan.ts';
import type { RawConfig } from '../../src/model/architectures/raw-config.ts';
import { readRotary } from '../../src/model/architectures/rotary.ts';
import { transformer } from '../../src/model/architectures/transformer.ts';

/** Quokka: attention and MLP side by side, half of each head turns. Nobody's QuokkaForCausalLM. */
export function quokka(raw: RawConfig): Architecture {
  const width = raw.size('d_model');
  const heads = raw.size('n_heads');
  const headDim = raw.headDim(width, heads);
  const { rotary, contextLength } = readRotary(raw, headDim, raw.size('max_length', 2048), { partial: 0.5 });
  const epsilon = raw.positive('norm_eps', 1e-5);
  const config: ModelConfig = {
    architecture: 'quokka',
    layers: raw.size('n_layers'),
    width,
    heads,
    kvHeads: heads,
    headDim,
    mlpWidth: raw.size('d_ff', 4 * width),
    vocabulary: raw.size('vocab_size'),
    contextLength,
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('activation', 'gelu'),
    gated: false,
    rotary: true,
    bidirectional: false,
  };
  // Last: a key that changes the computation and was not read above is an error that names it.
  raw.refuse({ norm_position: ['before'] });

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return transformer({
    config,
    prefixes: ['quokka.'],
    embedding: { tokens: 'tokens.weight' },
    block: (l): BlockPlan => ({
      order: 'parallel',
      attentionNorm: norm(`blocks.${l}.attention_norm`),
      attention: {
        heads,
        kvHeads: heads,
        headDim,
        qkv: { all: linear(`blocks.${l}.attention.qkv`, true), order: 'groups' },
        out: linear(`blocks.${l}.attention.out`, true),
        scale: 1 / Math.sqrt(headDim),
        causal: true,
        rotary,
      },
      mlp: {
        norm: norm(`blocks.${l}.mlp_norm`),
        neurons: { up: linear(`blocks.${l}.mlp.in`, true) },
        out: linear(`blocks.${l}.mlp.out`, true),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('norm'),
    head: { name: 'head', tied: false },
  });
}
