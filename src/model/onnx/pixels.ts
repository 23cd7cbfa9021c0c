import { PolysemeError } from '../../errors.ts';
import type { GraphBuilder, Wire } from '../../onnx/graph.ts';
import type { OnnxFile } from '../../onnx/read-onnx.ts';
import type { OnnxIndex } from './linear.ts';

/** A file's input of pixels, and how they lie in it. */
export interface PixelInput {
  readonly name: string;
  /** TensorProto.DataType */
  readonly type: number;
  /** [channels, height, width], [height, width, channels], [height, width], or all in a row. */
  readonly layout: 'planes' | 'channels last' | 'grey' | 'flat';
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
}

/** The vectors of a vision transformer's patches, and those before them that stand for the whole image. */
export interface Patches {
  /** Pixels of a patch's side. */
  readonly side: number;
  readonly whole: number;
  /** The value that has them all, each with its place added. */
  readonly wire: string;
}

/** float and float16 */
const REAL = new Set([1, 10]);

/** The input of pixels of a file that reads nothing else; null where it reads something else. */
export function pixelInput(
  { path, inputs }: OnnxFile,
  config: Readonly<Record<string, unknown>>,
): PixelInput | null {
  const [input, ...more] = inputs;
  if (input === undefined || more.length > 0 || !REAL.has(input.type)) return null;
  const { name, type, shape } = input;
  const sizes = shape?.slice(1) ?? [];
  const wrong = (what: string): PolysemeError =>
    new PolysemeError(`${path}: its input ${JSON.stringify(name)} [${shape ?? '?'}] ${what}`, 'unsupported');
  if (typeof shape?.[0] === 'number') throw wrong('has a fixed batch: export the file with a dynamic batch');
  if (sizes.length === 0 || !sizes.every((size) => typeof size === 'number' && size > 0)) {
    throw wrong('is no image of a fixed size: [batch, channels, height, width] or [batch, pixels] is needed');
  }
  const [a, b, c] = sizes as number[];
  const is = (layout: PixelInput['layout'], channels: number, height: number, width: number): PixelInput => ({
    name,
    type,
    layout,
    channels: channels as 1 | 3,
    height,
    width,
  });
  // An image of 3 × n × 1 can be either: then config.json tells.
  const isLast = isColour(c!) && (!isColour(a!) || config['num_channels'] === c);
  if (sizes.length === 3 && isLast) return is('channels last', c!, a!, b!);
  if (sizes.length === 3 && isColour(a!)) return is('planes', a!, b!, c!);
  if (sizes.length === 2) return is('grey', 1, a!, b!);
  if (sizes.length === 1) {
    const size = sizeOf(a!, config);
    if (size !== null) return is('flat', ...size);
    throw wrong(
      'is no square image: say image_size [height, width] and num_channels in a config.json beside it',
    );
  }
  throw wrong('has neither one channel nor three');
}

/** Nodes that give the input from pixels [batch, channels, height, width]. */
export function fillPixels(
  graph: GraphBuilder,
  { name, type, layout, channels, height, width }: PixelInput,
): ReadonlyMap<string, Wire> {
  const pixels = graph.input('pixels', 'float', ['batch', channels, height, width]);
  const shaped =
    layout === 'channels last'
      ? graph.op('Transpose', [pixels], { perm: [0, 2, 3, 1] })
      : layout === 'planes'
        ? pixels
        : graph.op('Reshape', [pixels, graph.integers(0, ...(layout === 'flat' ? [-1] : [height, width]))]);
  return new Map([[name, type === 1 ? shaped : graph.op('Cast', [shaped], { to: type })]]);
}

/**
 * The patches of a file, where a convolution whose step is its own size makes them and learned places are added; null
 * where the image is read as one.
 */
export function findPatches(index: OnnxIndex, { name, height, width }: PixelInput): Patches | null {
  const cut = index.file.nodes.find(({ op, inputs }) => op === 'Conv' && index.unshaped(inputs[0]!) === name);
  if (cut === undefined) return null;
  const kernel = cut.attributes.get('kernel_shape')?.integers ?? [];
  const step = cut.attributes.get('strides')?.integers ?? [];
  const side = kernel[0] ?? 0;
  const padded = cut.attributes.get('pads')?.integers.some((size) => size > 0) ?? false;
  if (
    kernel.length !== 2 ||
    padded ||
    [...kernel, ...step].some((size) => size !== side) ||
    step.length !== 2
  ) {
    return null;
  }
  const patches = Math.floor(height / side) * Math.floor(width / side);
  for (const { op, domain, inputs, outputs } of index.file.nodes) {
    if (op !== 'Add' || domain !== '') continue;
    for (const input of inputs) {
      const shape = index.constant(input)?.shape ?? [];
      const whole = (shape.at(-2) ?? 0) - patches;
      const leading = shape.slice(0, -2).every((size) => size === 1);
      if (shape.length >= 2 && leading && whole >= 0 && whole <= 2) return { side, whole, wire: outputs[0]! };
    }
  }
  return null;
}

// ----------------------------------------------------------------

function isColour(channels: number): boolean {
  return channels === 1 || channels === 3;
}

/** Channels, height and width of so many numbers: as config.json says, else a square. */
function sizeOf(count: number, config: Readonly<Record<string, unknown>>): [number, number, number] | null {
  const side = config['image_size'];
  const sides: unknown[] = Array.isArray(side) ? side : [side, side];
  const channels = config['num_channels'] ?? 1;
  const given = [channels, ...sides].filter((size): size is number => Number.isInteger(size));
  if (given.length === 3 && isColour(given[0]!) && given.reduce((a, b) => a * b) === count) {
    return given as [number, number, number];
  }
  for (const colours of [1, 3]) {
    const square = Math.sqrt(count / colours);
    if (Number.isInteger(square)) return [colours, square, square];
  }
  return null;
}
