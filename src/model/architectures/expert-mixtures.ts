import type { Architecture } from './architecture.ts';
import {
  type DecoderFacts,
  type LlamaChoices,
  llamaLike,
  readDecoder,
  slidingWindows,
} from './llama-like.ts';
import { biasBy, type ExpertsPlan, type GatedPlan, linear, type MlpPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';

/** Mixtral: Mistral with experts in every layer. Hugging Face's MixtralForCausalLM. */
export function mixtral(given: RawConfig): Architecture {
  const raw = given.withDefaults({ num_key_value_heads: 8, rms_norm_eps: 1e-5, tie_word_embeddings: false });
  const facts = readDecoder(raw);
  const { rotary, contextLength } = readPositions(raw, facts, 131_072, 1_000_000);
  const window = raw.optionalSize('sliding_window');
  const { count, chosen } = readExperts(raw, 8, 2);
  const width = raw.size('intermediate_size');
  const architecture = llamaLike(raw, facts, {
    architecture: 'mixtral',
    contextLength,
    mlpWidth: count * width,
    attention: () => ({ rotary, window }),
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
export function qwen2Moe(given: RawConfig): Architecture {
  const raw = given.withDefaults({
    num_key_value_heads: 16,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 28,
    tie_word_embeddings: false,
  });
  const facts = readDecoder(raw);
  const { rotary, contextLength } = readPositions(raw, facts, 32_768);
  const isSliding = raw.flag('use_sliding_window', false);
  const window = isSliding ? raw.size('sliding_window') : null;
  raw.value('sliding_window');
  const from = raw.size('max_window_layers');
  const windows = slidingWindows(raw, facts.layers, window, (l) => isSliding && l % 2 === 0 && l < from);
  const sharedWidth = raw.size('shared_expert_intermediate_size', 5632);
  const { count, chosen } = readExperts(raw, 60, 4);
  const sizes = { count, chosen, width: raw.size('moe_intermediate_size', 1408) };
  const architecture = llamaLike(raw, facts, {
    architecture: 'qwen2_moe',
    contextLength,
    biases: { qkv: biasBy(raw.flag('qkv_bias', true)) },
    attention: (l) => ({ rotary, window: windows[l] }),
    ...sparse(raw, facts, sizes, (at) => ({
      ...gated(`${at}.shared_expert`),
      width: sharedWidth,
      share: linear(`${at}.shared_expert_gate`),
    })),
  });
  raw.refuse({ attention_bias: [true], mlp_bias: [false] });
  return architecture;
}

/** Qwen 3 with experts. Hugging Face's Qwen3MoeForCausalLM. */
export function qwen3Moe(given: RawConfig): Architecture {
  const raw = given.withDefaults({ num_key_value_heads: 4, tie_word_embeddings: false });
  const facts = readDecoder(raw);
  const { rotary, contextLength } = readPositions(raw, facts, 32_768);
  const asked = raw.optionalSize('sliding_window');
  const window = raw.flag('use_sliding_window', false) ? asked : null;
  const bias = biasBy(raw.flag('attention_bias', false));
  const { count, chosen } = readExperts(raw, 128, 8);
  const architecture = llamaLike(raw, facts, {
    architecture: 'qwen3_moe',
    contextLength,
    biases: { qkv: bias, out: bias },
    attention: (_, norm) => ({
      rotary,
      window,
      norms: { q: norm('q_norm'), k: norm('k_norm'), over: 'head' },
    }),
    ...sparse(raw, facts, { count, chosen, width: raw.size('moe_intermediate_size', 768) }),
  });
  raw.refuse({ mlp_bias: [false], layer_types: [] });
  return architecture;
}

// ---------------------------------------------------------------- parts

/** Qwen's layers with experts among those without. */
function sparse(
  raw: RawConfig,
  { layers }: DecoderFacts,
  sizes: Pick<ExpertsPlan, 'count' | 'chosen' | 'width'>,
  shared?: (at: string) => NonNullable<ExpertsPlan['shared']>,
): Required<Pick<LlamaChoices, 'mlpWidth' | 'mlp'>> {
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

function experts(plan: ExpertsPlan): Partial<MlpPlan> {
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

function readPositions(raw: RawConfig, { headDim }: DecoderFacts, usual: number, theta?: number) {
  return readRotary(raw, headDim, raw.size('max_position_embeddings', usual), { theta });
}
