import type { Architecture, ModelConfig } from './architecture.ts';
import {
  type AttentionPlan,
  type BlockPlan,
  biasBy,
  type ExpertsPlan,
  type GatedPlan,
  type LinearPlan,
  linear,
  type MlpPlan,
  type NormPlan,
} from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';
import { transformer } from './transformer.ts';

/** Mixtral: Mistral with experts in every layer. Hugging Face's MixtralForCausalLM. */
export function mixtral(raw: RawConfig): Architecture {
  const facts = readDecoder(raw, { kvHeads: 8, epsilon: 1e-5, positions: 131_072, theta: 1_000_000 });
  const window = optionalSize(raw, 'sliding_window');
  const { count, chosen } = readExperts(raw, 8, 2);
  const width = raw.size('intermediate_size');
  const architecture = decoder(raw, facts, {
    architecture: 'mixtral',
    mlpWidth: count * width,
    attention: () => ({ window }),
    mlp: (l) => {
      const at = `layers.${l}.block_sparse_moe`;
      return experts({
        count,
        chosen,
        width,
        normalized: true,
        router: linear(`${at}.gate`),
        expert: (i) => ({
          gate: linear(`${at}.experts.${i}.w1`),
          up: linear(`${at}.experts.${i}.w3`),
          out: linear(`${at}.experts.${i}.w2`),
        }),
      });
    },
  });
  raw.refuse({ attention_bias: [false], mlp_bias: [false], layer_types: [] });
  return architecture;
}

/** Qwen 1.5 and 2 with experts, one of them shared by all tokens. Hugging Face's Qwen2MoeForCausalLM. */
export function qwen2Moe(raw: RawConfig): Architecture {
  const facts = readDecoder(raw, { kvHeads: 16, epsilon: 1e-6, positions: 32_768 });
  const { layers } = facts;
  const sliding = raw.flag('use_sliding_window', false);
  const window = sliding ? raw.size('sliding_window', 4096) : null;
  raw.value('sliding_window');
  const from = raw.size('max_window_layers', 28);
  const types =
    raw.value('layer_types') ??
    Array.from({ length: layers }, (_, l) => (sliding && l % 2 === 0 && l < from ? SLIDING : FULL));
  const known = sliding ? [SLIDING, FULL] : [FULL];
  if (!Array.isArray(types) || types.length !== layers || !types.every((type) => known.includes(type))) {
    throw raw.error(
      `layer_types ${JSON.stringify(types)} is not supported (${layers} times ${known.join(' or ')})`,
    );
  }
  const sharedWidth = raw.size('shared_expert_intermediate_size', 5632);
  const { count, chosen } = readExperts(raw, 60, 4);
  const architecture = decoder(raw, facts, {
    architecture: 'qwen2_moe',
    biases: { qkv: biasBy(raw.flag('qkv_bias', true)) },
    attention: (l) => ({ window: types[l] === SLIDING ? window : null }),
    ...sparse(raw, facts, { count, chosen, width: raw.size('moe_intermediate_size', 1408) }, (at) => ({
      ...gated(`${at}.shared_expert`),
      width: sharedWidth,
      share: linear(`${at}.shared_expert_gate`),
    })),
  });
  raw.refuse({ attention_bias: [true], mlp_bias: [false] });
  return architecture;
}

/** Qwen 3 with experts. Hugging Face's Qwen3MoeForCausalLM. */
export function qwen3Moe(raw: RawConfig): Architecture {
  const facts = readDecoder(raw, { kvHeads: 4, epsilon: 1e-6, positions: 32_768 });
  const asked = optionalSize(raw, 'sliding_window');
  const window = raw.flag('use_sliding_window', false) ? asked : null;
  const bias = biasBy(raw.flag('attention_bias', false));
  const { count, chosen } = readExperts(raw, 128, 8);
  const architecture = decoder(raw, facts, {
    architecture: 'qwen3_moe',
    biases: { qkv: bias, out: bias },
    attention: (_, norm) => ({
      window,
      norms: { q: norm('q_norm'), k: norm('k_norm'), over: 'head' },
    }),
    ...sparse(raw, facts, { count, chosen, width: raw.size('moe_intermediate_size', 768) }),
  });
  raw.refuse({ mlp_bias: [false], layer_types: [] });
  return architecture;
}

const SLIDING = 'sliding_attention';
const FULL = 'full_attention';

// ---------------------------------------------------------------- parts

type Facts = ReturnType<typeof readDecoder>;

function readDecoder(
  raw: RawConfig,
  usual: { kvHeads: number; epsilon: number; positions: number; theta?: number },
) {
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  const kvHeads = raw.size('num_key_value_heads', usual.kvHeads);
  if (heads % kvHeads !== 0) {
    throw raw.error(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`);
  }
  const headDim = raw.size('head_dim', width / heads);
  const positions = raw.size('max_position_embeddings', usual.positions);
  return {
    layers: raw.size('num_hidden_layers'),
    width,
    heads,
    kvHeads,
    headDim,
    epsilon: raw.positive('rms_norm_eps', usual.epsilon),
    ...readRotary(raw, headDim, positions, { theta: usual.theta }),
  };
}

interface Choices {
  readonly architecture: string;
  /** Neurons of a layer with experts. */
  readonly mlpWidth: number;
  readonly biases?: { readonly qkv?: LinearPlan['bias']; readonly out?: LinearPlan['bias'] };
  attention(layer: number, norm: (name: string) => NormPlan): Partial<AttentionPlan>;
  mlp(layer: number): Omit<MlpPlan, 'norm' | 'activation'>;
}

/** After Llama's pattern, with experts. */
function decoder(raw: RawConfig, facts: Facts, choices: Choices): Architecture {
  const { rotary, epsilon, heads, kvHeads, headDim, layers, width, contextLength } = facts;
  const { biases = {}, architecture, mlpWidth } = choices;
  const config: ModelConfig = {
    architecture,
    layers,
    width,
    heads,
    kvHeads,
    headDim,
    mlpWidth,
    vocabulary: raw.size('vocab_size'),
    contextLength,
    norm: { kind: 'rmsnorm', epsilon },
    activation: raw.activation('hidden_act', 'silu'),
    gated: true,
    rotary: true,
    bidirectional: false,
  };
  const norm = (name: string): NormPlan => ({ name, kind: 'rmsnorm', epsilon });
  return transformer({
    config,
    prefixes: ['model.'],
    ignored: /rotary_emb\.inv_freq$/,
    embedding: { tokens: 'embed_tokens.weight' },
    block(l): BlockPlan {
      const at = `layers.${l}.self_attn`;
      return {
        order: 'pre',
        attentionNorm: norm(`layers.${l}.input_layernorm`),
        attention: {
          heads,
          kvHeads,
          headDim,
          qkv: {
            q: linear(`${at}.q_proj`, biases.qkv),
            k: linear(`${at}.k_proj`, biases.qkv),
            v: linear(`${at}.v_proj`, biases.qkv),
          },
          out: linear(`${at}.o_proj`, biases.out),
          scale: 1 / Math.sqrt(headDim),
          causal: true,
          rotary,
          ...choices.attention(l, (name) => norm(`${at}.${name}`)),
        },
        mlp: {
          norm: norm(`layers.${l}.post_attention_layernorm`),
          activation: config.activation,
          ...choices.mlp(l),
        },
      };
    },
    finalNorm: norm('norm'),
    head: { name: 'lm_head', tied: raw.flag('tie_word_embeddings', false) },
  });
}

/** Qwen's layers with experts among those without. */
function sparse(
  raw: RawConfig,
  { layers }: Facts,
  sizes: Pick<ExpertsPlan, 'count' | 'chosen' | 'width'>,
  shared?: (at: string) => NonNullable<ExpertsPlan['shared']>,
): Pick<Choices, 'mlpWidth' | 'mlp'> {
  const dense = raw.size('intermediate_size');
  const normalized = raw.flag('norm_topk_prob', false);
  const step = raw.size('decoder_sparse_step', 1);
  const without = raw.value('mlp_only_layers') ?? [];
  if (!Array.isArray(without) || !without.every((l) => Number.isInteger(l))) {
    throw raw.error(`mlp_only_layers must be a list of layers, not ${JSON.stringify(without)}`);
  }
  const has = (l: number): boolean => !without.includes(l) && (l + 1) % step === 0;
  const some = Array.from({ length: layers }, (_, l) => l).some(has);
  return {
    mlpWidth: some ? sizes.count * sizes.width : dense,
    mlp(l) {
      const at = `layers.${l}.mlp`;
      if (!has(l)) {
        const { gate, up, out } = gated(at);
        return { neurons: { gate, up }, out, width: dense };
      }
      return experts({
        ...sizes,
        normalized,
        router: linear(`${at}.gate`),
        expert: (i) => gated(`${at}.experts.${i}`),
        shared: shared?.(at),
      });
    },
  };
}

/** Both keys are one in transformers; checkpoints have either. */
function readExperts(raw: RawConfig, usual: number, usuallyChosen: number) {
  const count = raw.size(['num_local_experts', 'num_experts'], usual);
  const chosen = raw.size('num_experts_per_tok', usuallyChosen);
  if (chosen > count) throw raw.error(`num_experts_per_tok ${chosen} is more than the ${count} experts`);
  return { count, chosen };
}

function experts(plan: ExpertsPlan): ReturnType<Choices['mlp']> {
  const { gate, up, out } = plan.expert(0);
  return { neurons: { gate, up }, out, width: plan.count * plan.width, experts: plan };
}

function gated(at: string): GatedPlan {
  return {
    gate: linear(`${at}.gate_proj`),
    up: linear(`${at}.up_proj`),
    out: linear(`${at}.down_proj`),
  };
}

function optionalSize(raw: RawConfig, key: string): number | null {
  return raw.value(key) === undefined ? null : raw.size(key);
}
