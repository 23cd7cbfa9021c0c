import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, biasBy, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { transformer } from './transformer.ts';

/**
 * OPT and Galactica: learned positions from row 2 on, ReLU; OPT-350m has its norms after each part and a narrower
 * embedding. Hugging Face's OPTForCausalLM.
 */
export function opt(raw: RawConfig): Architecture {
  const width = raw.size('hidden_size', 768);
  const heads = raw.size('num_attention_heads', 12);
  const headDim = raw.headDim(width, heads);
  // torch's own: config.json has no key for it.
  const epsilon = 1e-5;
  const config: ModelConfig = {
    architecture: 'opt',
    layers: raw.size('num_hidden_layers', 12),
    width,
    heads,
    kvHeads: heads,
    headDim,
    mlpWidth: raw.size('ffn_dim', 3072),
    vocabulary: raw.size('vocab_size', 50_272),
    contextLength: raw.size('max_position_embeddings', 2048),
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('activation_function', 'relu'),
    gated: false,
    rotary: false,
    bidirectional: false,
  };
  const before = raw.flag('do_layer_norm_before', true);
  const last = before && !raw.flag('_remove_final_layer_norm', false);
  const bias = biasBy(raw.flag('enable_bias', true));
  const tied = raw.flag('tie_word_embeddings', true);
  const narrow = raw.size('word_embed_proj_dim', width);
  const project = (name: string) => (narrow === width ? undefined : { matrix: linear(name), width: narrow });
  raw.refuse({ layer_norm_elementwise_affine: [true] });

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return transformer({
    config,
    prefixes: ['model.decoder.', 'decoder.'],
    embedding: {
      tokens: 'embed_tokens.weight',
      project: project('project_in'),
      positions: { name: 'embed_positions.weight', rows: config.contextLength + 2, offset: 2 },
    },
    block: (l): BlockPlan => ({
      order: before ? 'pre' : 'post',
      attentionNorm: before ? norm(`layers.${l}.self_attn_layer_norm`) : null,
      attention: {
        heads,
        kvHeads: heads,
        headDim,
        qkv: {
          q: linear(`layers.${l}.self_attn.q_proj`, bias),
          k: linear(`layers.${l}.self_attn.k_proj`, bias),
          v: linear(`layers.${l}.self_attn.v_proj`, bias),
        },
        out: linear(`layers.${l}.self_attn.out_proj`, bias),
        scale: 1 / Math.sqrt(headDim),
        causal: true,
      },
      mlp: {
        norm: norm(`layers.${l}.${before ? 'final_layer_norm' : 'self_attn_layer_norm'}`),
        neurons: { up: linear(`layers.${l}.fc1`, bias) },
        out: linear(`layers.${l}.fc2`, bias),
        activation: config.activation,
        width: config.mlpWidth,
      },
      streamNorm: before ? undefined : norm(`layers.${l}.final_layer_norm`),
    }),
    finalNorm: last ? norm('final_layer_norm') : null,
    head: { name: 'lm_head', tied, project: project('project_out') },
  });
}
