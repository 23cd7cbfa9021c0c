import type { Architecture, ImageInput, ModelConfig } from './architecture.ts';
import { imagePositions } from './architecture.ts';
import { readClasses } from './image-config.ts';
import { type BlockPlan, biasBy, type LinearPlan, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { type ClassHead, type VisionPlan, visionTransformer } from './vision.ts';

/** What the configs of vision transformers have in common. @param own what is the family's */
export function visionConfig(
  raw: RawConfig,
  architecture: string,
  own: Pick<ImageInput, 'whole' | 'registers' | 'anySize' | 'pixels'> & {
    mlpWidth: number;
    gated?: boolean;
    epsilon: number;
    activation: string;
    headed: boolean;
  },
): VisionPlan['config'] {
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  if (width % heads !== 0)
    throw raw.error(`hidden_size ${width} is not a multiple of num_attention_heads ${heads}`);
  const [height, wide] = pair(raw, 'image_size', 224);
  const [patch, across] = pair(raw, 'patch_size', 16);
  if (patch !== across)
    throw raw.error(
      `patch_size ${JSON.stringify(raw.value('patch_size'))}: only square patches are supported`,
    );
  const channels = raw.size('num_channels', 3);
  if (channels !== 3) throw raw.error(`num_channels = ${channels} is not supported (only 3)`);
  const classes = readClasses(raw, 2);
  const { whole, registers, anySize, pixels } = own;
  const image: ImageInput = {
    channels,
    height,
    width: wide,
    patch,
    whole,
    registers,
    anySize,
    pixels,
    classes: own.headed ? classes : null,
  };
  const positions = imagePositions(image, image);
  if (positions < whole + registers + 1)
    throw raw.error(`patch_size ${patch} is more than image_size ${height}`);
  return {
    architecture,
    layers: raw.size('num_hidden_layers'),
    width,
    heads,
    kvHeads: heads,
    headDim: width / heads,
    mlpWidth: own.mlpWidth,
    vocabulary: positions,
    contextLength: positions,
    norm: { kind: 'layernorm', epsilon: own.epsilon },
    activation: own.gated ? 'silu' : raw.activation('hidden_act', own.activation),
    gated: own.gated ?? false,
    rotary: false,
    bidirectional: true,
    image,
  };
}

/** Whether config.json says that the checkpoint is of a class whose name ends so. */
export function isClass(raw: RawConfig, ending: RegExp): boolean {
  const classes = raw.value('architectures');
  return Array.isArray(classes) && classes.some((name) => typeof name === 'string' && ending.test(name));
}

function pair(raw: RawConfig, key: string, fallback: number): [number, number] {
  const value = raw.value(key) ?? fallback;
  const sides = Array.isArray(value) ? value : [value, value];
  const isRight = (n: unknown): boolean =>
    Number.isInteger(n) && (n as number) >= 1 && (n as number) <= 1 << 14;
  if (sides.length === 2 && sides.every(isRight)) return sides as [number, number];
  throw raw.error(`${key} must be pixels, not ${JSON.stringify(value)}`);
}

/** ViT: CLS, learned positions, norms before each part. Hugging Face's ViTForImageClassification, ViTModel. */
export function vit(raw: RawConfig): Architecture {
  return pre(raw, 'vit', [{ name: 'embeddings.cls_token', rows: 1 }], 'ViTImageProcessor');
}

/** DeiT: as ViT, with a distillation token, and a classifier of CLS, or one of each of the two. */
export function deit(raw: RawConfig): Architecture {
  const whole = [
    { name: 'embeddings.cls_token', rows: 1 },
    { name: 'embeddings.distillation_token', rows: 1 },
  ];
  return pre(raw, 'deit', whole, 'DeiTImageProcessor');
}

function pre(
  raw: RawConfig,
  architecture: 'vit' | 'deit',
  whole: readonly { name: string; rows: number }[],
  processor: string,
): Architecture {
  const epsilon = raw.positive('layer_norm_eps', 1e-12);
  const taught = architecture === 'deit' && isClass(raw, /WithTeacher$/);
  const headed = taught || isClass(raw, /ForImageClassification$/);
  const width = raw.size('hidden_size');
  const config = visionConfig(raw, architecture, {
    whole: whole.length,
    registers: 0,
    anySize: false,
    pixels: processor,
    mlpWidth: raw.size('intermediate_size', 4 * width),
    epsilon,
    activation: 'gelu',
    headed,
  });
  const bias = biasBy(raw.flag('qkv_bias', true));
  raw.refuse();
  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  const head = (...names: string[]): ClassHead => ({
    reads: names.length === 1 ? 'first' : 'first two',
    classifiers: names.map((name) => linear(name, true)),
  });
  return visionTransformer({
    config,
    prefixes: [`${architecture}.`],
    ignored: headed
      ? /^(pooler\.|embeddings\.mask_token$)/
      : /^(pooler\.|embeddings\.mask_token$|classifier\.|decoder\.|layernorm\.)/,
    patches: { name: 'embeddings.patch_embeddings.projection', bias: true },
    whole: whole.map(({ name }) => ({ name, shape: [1, 1, width] })),
    positions: { name: 'embeddings.position_embeddings', table: false },
    block: (l) => namedBlock(config, `encoder.layer.${l}`, bias, norm),
    finalNorm: norm('layernorm'),
    head: !headed ? null : taught ? head('cls_classifier', 'distillation_classifier') : head('classifier'),
  });
}

/** A block as ViT's and DeiT's checkpoints name it. */
function namedBlock(
  { heads, headDim, activation, mlpWidth }: ModelConfig,
  at: string,
  bias: LinearPlan['bias'],
  norm: (name: string) => NormPlan,
): BlockPlan {
  const own = (name: string): LinearPlan => linear(`${at}.attention.attention.${name}`, bias);
  return {
    order: 'pre',
    attentionNorm: norm(`${at}.layernorm_before`),
    attention: {
      heads,
      kvHeads: heads,
      headDim,
      qkv: { q: own('query'), k: own('key'), v: own('value') },
      out: linear(`${at}.attention.output.dense`, true),
      scale: 1 / Math.sqrt(headDim),
      causal: false,
    },
    mlp: {
      norm: norm(`${at}.layernorm_after`),
      neurons: { up: linear(`${at}.intermediate.dense`, true) },
      out: linear(`${at}.output.dense`, true),
      activation,
      width: mlpWidth,
    },
  };
}
