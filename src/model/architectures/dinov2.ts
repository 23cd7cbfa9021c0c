import type { Architecture } from './architecture.ts';
import { biasBy, type LinearPlan, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { visionTransformer } from './vision.ts';
import { isClass, visionConfig } from './vit.ts';

/**
 * DINOv2: as ViT, with LayerScale, positions interpolated to the image's size, perhaps a gated MLP and registers.
 * Hugging Face's Dinov2Model, Dinov2WithRegistersModel and …ForImageClassification.
 */
export function dinov2(raw: RawConfig): Architecture {
  return build(raw, 'dinov2', 0);
}

/** DINOv2 with registers: positions after CLS that hold nothing of the image. */
export function dinov2WithRegisters(raw: RawConfig): Architecture {
  return build(raw, 'dinov2_with_registers', raw.size('num_register_tokens', 4));
}

function build(raw: RawConfig, architecture: string, registers: number): Architecture {
  const epsilon = raw.positive('layer_norm_eps', 1e-6);
  const gated = raw.flag('use_swiglu_ffn', false);
  const width = raw.size('hidden_size');
  const wide = Math.trunc(width * raw.positive('mlp_ratio', 4));
  const headed = isClass(raw, /ForImageClassification$/);
  const config = visionConfig(raw, architecture, {
    whole: 1,
    registers,
    anySize: true,
    pixels: 'BitImageProcessor',
    // A gated one has two thirds of the neurons, in whole eights.
    mlpWidth: gated ? 8 * Math.ceil(Math.trunc((wide * 2) / 3) / 8) : wide,
    gated,
    epsilon,
    activation: 'gelu',
    headed,
  });
  const bias = biasBy(raw.flag('qkv_bias', true));
  raw.refuse();
  const { heads, headDim } = config;
  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return visionTransformer({
    config,
    prefixes: [`${architecture}.`],
    ignored: headed ? /^embeddings\.mask_token$/ : /^(embeddings\.mask_token$|layernorm\.)/,
    patches: { name: 'embeddings.patch_embeddings.projection', bias: true },
    whole: [{ name: 'embeddings.cls_token', shape: [1, 1, width] }],
    registers:
      registers === 0 ? undefined : { name: 'embeddings.register_tokens', shape: [1, registers, width] },
    positions: { name: 'embeddings.position_embeddings', table: false },
    block(l) {
      const at = `encoder.layer.${l}`;
      const own = (name: string): LinearPlan => linear(`${at}.attention.attention.${name}`, bias);
      return {
        order: 'pre',
        attentionNorm: norm(`${at}.norm1`),
        attention: {
          heads,
          kvHeads: heads,
          headDim,
          qkv: { q: own('query'), k: own('key'), v: own('value') },
          out: linear(`${at}.attention.output.dense`, true),
          scale: 1 / Math.sqrt(headDim),
          causal: false,
        },
        attentionOut: { factor: `${at}.layer_scale1.lambda1` },
        mlp: {
          norm: norm(`${at}.norm2`),
          neurons: gated
            ? { gateUp: linear(`${at}.mlp.weights_in`, true) }
            : { up: linear(`${at}.mlp.fc1`, true) },
          out: linear(gated ? `${at}.mlp.weights_out` : `${at}.mlp.fc2`, true),
          activation: config.activation,
          width: config.mlpWidth,
        },
        mlpOut: { factor: `${at}.layer_scale2.lambda1` },
      };
    },
    finalNorm: norm('layernorm'),
    head: headed ? { reads: 'first and mean', classifiers: [linear('classifier', true)] } : null,
  });
}
