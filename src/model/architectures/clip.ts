import type { Architecture } from './architecture.ts';
import { linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { visionTransformer } from './vision.ts';
import { isClass, visionConfig } from './vit.ts';

/** CLIP's two halves in one checkpoint: the vision tower, which `vision_config` describes. */
export function clip(raw: RawConfig): Architecture {
  const said = ['architectures', 'id2label', 'num_labels'].map((key) => [key, raw.value(key)] as const);
  const own = Object.fromEntries(said.filter(([, value]) => value !== undefined));
  return clipVision(raw.part('vision_config').over(own), 'clip');
}

/** CLIP's vision tower: a norm before the first block, quick GELU. Hugging Face's CLIPVisionModel. */
export function clipVision(raw: RawConfig, architecture = 'clip_vision_model'): Architecture {
  const epsilon = raw.positive('layer_norm_eps', 1e-5);
  const width = raw.size('hidden_size', 768);
  const headed = isClass(raw, /^CLIPForImageClassification$/);
  const config = visionConfig(raw, architecture, {
    whole: 1,
    registers: 0,
    anySize: false,
    pixels: 'CLIPImageProcessor',
    mlpWidth: raw.size('intermediate_size', 4 * width),
    epsilon,
    activation: 'quick_gelu',
    headed,
  });
  raw.refuse();
  const { heads, headDim } = config;
  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return visionTransformer({
    config,
    prefixes: ['vision_model.'],
    // The other half of CLIP, and what makes one vector of an image: no site reads it.
    ignored:
      /^(text_model\.|text_projection\.|visual_projection\.|logit_scale$|post_layernorm\.|embeddings\.position_ids$)/,
    patches: { name: 'embeddings.patch_embedding', bias: false },
    whole: [{ name: 'embeddings.class_embedding', shape: [width] }],
    positions: { name: 'embeddings.position_embedding.weight', table: true },
    embeddingNorm: norm('pre_layrnorm'),
    block(l) {
      const at = `encoder.layers.${l}`;
      return {
        order: 'pre',
        attentionNorm: norm(`${at}.layer_norm1`),
        attention: {
          heads,
          kvHeads: heads,
          headDim,
          qkv: {
            q: linear(`${at}.self_attn.q_proj`, true),
            k: linear(`${at}.self_attn.k_proj`, true),
            v: linear(`${at}.self_attn.v_proj`, true),
          },
          out: linear(`${at}.self_attn.out_proj`, true),
          scale: 1 / Math.sqrt(headDim),
          causal: false,
        },
        mlp: {
          norm: norm(`${at}.layer_norm2`),
          neurons: { up: linear(`${at}.mlp.fc1`, true) },
          out: linear(`${at}.mlp.fc2`, true),
          activation: config.activation,
          width: config.mlpWidth,
        },
      };
    },
    finalNorm: null,
    head: headed ? { reads: 'mean', classifiers: [linear('classifier', true)] } : null,
  });
}
