import type { MlpNames } from './architectures/architecture.ts';
import { type LayerValues, layerValues } from './check/layer-values.ts';
import { checkMlp } from './check/mlp.ts';
import { checkStream } from './check/stream.ts';
import { type ModelFiles, mlpNamesOf, sitesOf } from './compile.ts';
import type { ModelImages } from './image-input.ts';
import type { Model } from './load-model.ts';
import type { TapInput } from './taps.ts';

/** Tokens that a model is checked on. */
const TOKENS = 4;

const MLP = ['hook_in', 'hook_pre', 'hook_pre_linear', 'hook_post', 'hook_share', 'hook_out'];
const SHARED = ['hook_pre', 'hook_pre_linear', 'hook_post', 'hook_share'];
const IN_LAYER = [
  ...MLP.map((name) => `mlp.${name}`),
  ...SHARED.map((name) => `mlp.shared.${name}`),
  ...['hook_resid_pre', 'hook_attn_out', 'hook_resid_mid', 'hook_mlp_out', 'hook_resid_post'],
];

/**
 * Checks a model on a few tokens, or an image: see `checkInvariants`.
 *
 * @throws PolysemeError (damaged) naming the layer and the site
 */
export async function checkModel(model: Model): Promise<void> {
  const { files } = model;
  const context = model.images === null ? fewTokens(model) : someImage(model.images);
  const open = model.openTaps(checkedSites(files));
  try {
    for await (const { taps } of open.stream([context])) {
      const values = new Map(Object.entries(taps).map(([site, { data }]) => [site, data]));
      await checkInvariants(files, values, context.tokens.length);
    }
  } finally {
    await open.close();
  }
}

/** The sites that are looked at: of the first, middle and last layer, those that the model has. */
export function checkedSites(files: ModelFiles): string[] {
  const sites = sitesOf(files);
  const names = layersOf(files).flatMap((layer) => [
    ...IN_LAYER.map((name) => `blocks.${layer}.${name}`),
    ...[mlpNamesOf(files, layer).out?.site].filter((site) => site !== undefined),
  ]);
  return [...new Set(names)].filter((site) => sites.has(site));
}

/**
 * What holds in every model, at its first, middle and last layer: W_in·h + b of some neurons is their pre-activation, the
 * activation function gives their activation, the output matrix makes of all activations what the MLP gives, and the stream
 * after attention and MLP is the stream before with what they add. A checkpoint whose weights are not what its names say
 * would give wrong embeddings silently.
 *
 * @param values of `checkedSites`: positions × width, row-major
 * @throws PolysemeError (damaged) naming the layer and the site
 */
export async function checkInvariants(
  files: ModelFiles,
  values: ReadonlyMap<string, Float32Array>,
  positions: number,
): Promise<void> {
  const has = sitesOf(files);
  for (const layer of layersOf(files)) {
    const at: LayerValues = layerValues(files, layer, values, positions);
    const { experts, shared, ...names } = mlpNamesOf(files, layer);
    // The first expert's names stand for all of them where there are some.
    const routed: readonly Pick<MlpNames, 'up' | 'gate' | 'out'>[] = experts ?? [names];
    await checkMlp(files, at, names, routed, shared);
    checkStream(at, has.has(`blocks.${layer}.hook_normalized_resid_post`));
  }
}

function layersOf({ model: { layers } }: ModelFiles): number[] {
  return [...new Set([0, layers >> 1, layers - 1])];
}

function fewTokens({ config }: Model): TapInput {
  const count = Math.min(TOKENS, config.contextLength);
  return {
    tokens: Int32Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * config.vocabulary) / count)),
  };
}

/** An image that is nowhere the same. */
function someImage({ positions, preprocessing: { channels }, height, width }: ModelImages): TapInput {
  const data = Float32Array.from({ length: channels * height * width }, (_, i) => Math.sin(1 + 0.37 * i));
  return {
    tokens: Int32Array.from({ length: positions }, (_, position) => position),
    pixels: { data, shape: [channels, height, width] },
  };
}
