import type { Wire } from '../../onnx/graph.ts';
import type { Architecture, ModelConfig } from './architecture.ts';
import { readClasses, readPixels } from './image-config.ts';
import { activate, emitter, linear as multiply } from './parts.ts';
import { linear } from './plan.ts';
import type { RawConfig } from './raw-config.ts';

/** Hidden layers, and inputs of one: what a plain network is sensibly made of. */
const MOST_LAYERS = 1024;

/**
 * A plain MLP that classifies images: pixels, hidden layers with one activation, logits; tensors `layers.I.weight` [out,
 * in] and `layers.I.bias`. Hidden layer l is block l: its input is `mlp.hook_in`. config.json is of Polyseme's own
 * making (docs/images.md); the one of mechMNISTic, `{ layers, neurons }`, is read as what it stands for.
 */
export function mlp(raw: RawConfig): Architecture {
  const hidden = hiddenSizes(raw);
  const [height, width] = imageSize(raw);
  const channels = raw.size('num_channels', 1);
  if (channels !== 1 && channels !== 3) throw raw.error(`num_channels must be 1 or 3, not ${channels}`);
  const classes = readClasses(raw, 10);
  const inputs = channels * height * width;
  const sizes = [inputs, ...hidden, classes.length];
  const config: ModelConfig = {
    architecture: 'mlp',
    layers: hidden.length,
    width: inputs,
    heads: 1,
    kvHeads: 1,
    headDim: inputs,
    mlpWidth: hidden[0]!,
    vocabulary: classes.length,
    contextLength: 1,
    norm: { kind: 'layernorm', epsilon: 1e-5 },
    activation: raw.activation('hidden_act', 'relu'),
    gated: false,
    rotary: false,
    bidirectional: false,
    image: {
      channels,
      height,
      width,
      patch: null,
      whole: 1,
      registers: 0,
      anySize: false,
      classes,
      pixels: readPixels(raw, channels),
    },
  };
  raw.refuse();
  return {
    config,
    prefixes: [],
    ignored: /^$/,
    mlp: (layer) => ({
      width: sizes[layer]!,
      units: sizes[layer + 1]!,
      activation: config.activation,
      up: { weight: `layers.${layer}.weight`, bias: `layers.${layer}.bias`, layout: 'out_in', first: 0 },
      gate: null,
      out: {
        weight: `layers.${layer + 1}.weight`,
        bias: `layers.${layer + 1}.bias`,
        layout: 'out_in',
        site: layer + 1 < hidden.length ? `blocks.${layer + 1}.mlp.hook_pre` : 'logits',
      },
      norm: null,
    }),
    build(graph, weights, site): void {
      const pixels = graph.input('pixels', 'float', ['batch', channels, height, width]);
      const tokens = graph.input('tokens', 'int32', ['batch', 'position']);
      const e = emitter({ graph, weights, site, width: inputs, tokens, seen: null });
      let x: Wire = graph.op('Reshape', [pixels, graph.integers(0, 1, -1)]);
      hidden.forEach((units, l) => {
        const at = `blocks.${l}.mlp`;
        const h = site(`${at}.hook_in`, x, sizes[l]!);
        const pre = site(
          `${at}.hook_pre`,
          multiply(e, h, linear(`layers.${l}`, true), sizes[l]!, units),
          units,
        );
        x = site(`${at}.hook_post`, activate(graph, config.activation, pre), units);
      });
      const last = linear(`layers.${hidden.length}`, true);
      site('logits', multiply(e, x, last, hidden.at(-1)!, classes.length), classes.length);
    },
  };
}

/** Neurons of each hidden layer. */
function hiddenSizes(raw: RawConfig): number[] {
  const sizes = raw.value('hidden_sizes');
  if (sizes === undefined) {
    const layers = raw.size('layers', 1);
    if (layers > MOST_LAYERS) throw raw.error(`layers is ${layers}, over the limit of ${MOST_LAYERS}`);
    return Array(layers).fill(raw.size('neurons'));
  }
  const isRight = (size: unknown): boolean =>
    Number.isInteger(size) && (size as number) >= 1 && (size as number) <= 1 << 24;
  if (Array.isArray(sizes) && sizes.length >= 1 && sizes.length <= MOST_LAYERS && sizes.every(isRight))
    return sizes;
  throw raw.error(
    `hidden_sizes must be the neurons of each hidden layer, e.g. [64], not ${JSON.stringify(sizes)}`,
  );
}

function imageSize(raw: RawConfig): [number, number] {
  const size = raw.value('image_size') ?? 28;
  const [height, width] = Array.isArray(size) ? size : [size, size];
  const isRight = (side: unknown): boolean =>
    Number.isInteger(side) && (side as number) >= 1 && (side as number) <= 4096;
  if (isRight(height) && isRight(width)) return [height, width];
  throw raw.error(`image_size must be pixels, or [height, width], not ${JSON.stringify(size)}`);
}
