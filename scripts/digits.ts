// `npx tsx scripts/digits.ts MNIST`: trains the bundled model builtin:digits, a 784–64–10 MLP, on the 60,000 training
// images of MNIST in a folder of idx files, and puts every second test image beside it. See models/digits/README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createRandom } from '../src/base/random.ts';
import { idxImages } from '../src/corpus/images/idx.ts';
import { writeSafetensors } from '../src/tensors/write-safetensors.ts';

const [INPUTS, HIDDEN, CLASSES] = [784, 64, 10];
const EPOCHS = 4;
const BATCH = 32;
const RATE = 0.05;
const MOMENTUM = 0.9;
/** Of the weights, towards 0. */
const DECAY = 1e-4;
const OUT = join(import.meta.dirname, '../models/digits');

interface Digit {
  readonly label: number;
  readonly bytes: Uint8Array;
}

async function digits(folder: string, name: string): Promise<Digit[]> {
  const file = `${name}-images-idx3-ubyte.gz`;
  const part = await idxImages(join(folder, file), file);
  const found: Digit[] = [];
  for await (const { label, load } of part.images(0))
    found.push({ label: Number(label), bytes: (await load()).data });
  return found;
}

/** A layer's weights [outputs, inputs] and biases, with their gradients and velocities. */
class Layer {
  readonly weights: Float32Array;
  readonly biases: Float32Array;
  readonly #gradient: Float32Array;
  readonly #biasGradient: Float32Array;
  readonly #velocity: Float32Array;
  readonly #biasVelocity: Float32Array;

  constructor(
    readonly inputs: number,
    readonly outputs: number,
    normal: () => number,
  ) {
    const size = inputs * outputs;
    this.weights = Float32Array.from({ length: size }, () => normal() * Math.sqrt(2 / inputs));
    this.biases = new Float32Array(outputs);
    this.#gradient = new Float32Array(size);
    this.#biasGradient = new Float32Array(outputs);
    this.#velocity = new Float32Array(size);
    this.#biasVelocity = new Float32Array(outputs);
  }

  /** @param on inputs that are not 0 */
  forward(x: Float32Array, on: Int32Array): Float32Array {
    const y = this.biases.slice();
    for (let o = 0; o < this.outputs; o++) {
      let sum = 0;
      const row = o * this.inputs;
      for (let k = 0; k < on.length; k++) sum += this.weights[row + on[k]!]! * x[on[k]!]!;
      y[o]! += sum;
    }
    return y;
  }

  /** Adds to the gradient; returns that of the inputs, where it is asked for. */
  backward(x: Float32Array, on: Int32Array, slope: Float32Array, needed: boolean): Float32Array {
    const back = new Float32Array(needed ? this.inputs : 0);
    for (let o = 0; o < this.outputs; o++) {
      const s = slope[o]!;
      if (s === 0) continue;
      this.#biasGradient[o]! += s;
      const row = o * this.inputs;
      for (let k = 0; k < on.length; k++) this.#gradient[row + on[k]!]! += s * x[on[k]!]!;
      if (needed) for (let i = 0; i < this.inputs; i++) back[i]! += s * this.weights[row + i]!;
    }
    return back;
  }

  step(rate: number, count: number): void {
    for (const [values, gradient, velocity, decay] of [
      [this.weights, this.#gradient, this.#velocity, DECAY],
      [this.biases, this.#biasGradient, this.#biasVelocity, 0],
    ] as const) {
      for (let k = 0; k < values.length; k++) {
        velocity[k] = MOMENTUM * velocity[k]! + gradient[k]! / count + decay * values[k]!;
        values[k]! -= rate * velocity[k]!;
      }
      gradient.fill(0);
    }
  }
}

function nonZero(x: Float32Array): Int32Array {
  const on = new Int32Array(x.length);
  let count = 0;
  for (let i = 0; i < x.length; i++) if (x[i] !== 0) on[count++] = i;
  return on.subarray(0, count);
}

function logits([first, second]: readonly Layer[], bytes: Uint8Array) {
  const x = Float32Array.from(bytes, (value) => value / 255);
  const on = nonZero(x);
  const hidden = first!.forward(x, on).map((value) => Math.max(0, value));
  const onHidden = nonZero(hidden);
  return { x, on, hidden, onHidden, out: second!.forward(hidden, onHidden) };
}

function learn(layers: readonly Layer[], { label, bytes }: Digit): void {
  const { x, on, hidden, onHidden, out } = logits(layers, bytes);
  const most = Math.max(...out);
  const slope = out.map((value) => Math.exp(value - most));
  const total = slope.reduce((a, b) => a + b);
  for (let c = 0; c < CLASSES; c++) slope[c] = slope[c]! / total - (c === label ? 1 : 0);
  const back = layers[1]!.backward(hidden, onHidden, slope, true);
  for (let h = 0; h < HIDDEN; h++) if (hidden[h] === 0) back[h] = 0;
  layers[0]!.backward(x, on, back, false);
}

function accuracy(layers: readonly Layer[], images: readonly Digit[]): number {
  const right = images.filter(({ label, bytes }) => {
    const { out } = logits(layers, bytes);
    return out.indexOf(Math.max(...out)) === label;
  });
  return right.length / images.length;
}

/** Images and labels as idx files. */
function idxFiles(images: readonly Digit[]): { images: Buffer; labels: Buffer } {
  const header = (magic: number, ...sizes: number[]): Buffer => {
    const out = Buffer.alloc(4 + 4 * sizes.length);
    out.writeUInt32BE(magic, 0);
    sizes.forEach((size, i) => {
      out.writeUInt32BE(size, 4 + 4 * i);
    });
    return out;
  };
  return {
    images: Buffer.concat([header(0x803, images.length, 28, 28), ...images.map(({ bytes }) => bytes)]),
    labels: Buffer.concat([header(0x801, images.length), Buffer.from(images.map(({ label }) => label))]),
  };
}

const [folder] = process.argv.slice(2);
if (folder === undefined)
  throw new Error('say where the idx files of MNIST lie: npx tsx scripts/digits.ts FOLDER');
const random = createRandom(0);
const normal = (): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
const train = await digits(folder, 'mnist-train');
const test = await digits(folder, 'mnist-t10k');
const layers = [new Layer(INPUTS, HIDDEN, normal), new Layer(HIDDEN, CLASSES, normal)];
const order = Int32Array.from(train.keys());
const steps = EPOCHS * Math.ceil(train.length / BATCH);
let step = 0;
for (let epoch = 0; epoch < EPOCHS; epoch++) {
  random.shuffle(order);
  for (let at = 0; at < order.length; at += BATCH) {
    const batch = order.subarray(at, at + BATCH);
    for (const i of batch) learn(layers, train[i]!);
    for (const layer of layers) layer.step(RATE * (1 - step / steps), batch.length);
    step++;
  }
  console.log(`epoch ${epoch + 1}: ${(100 * accuracy(layers, test)).toFixed(2)} % of the test images`);
}
await mkdir(OUT, { recursive: true });
const tensors = layers.flatMap(({ weights, biases, inputs, outputs }, l) => [
  [`layers.${l}.weight`, { shape: [outputs, inputs], data: weights }] as const,
  [`layers.${l}.bias`, { shape: [outputs], data: biases }] as const,
]);
await writeSafetensors(join(OUT, 'model.safetensors'), Object.fromEntries(tensors));
const config = {
  model_type: 'mlp',
  image_size: [28, 28],
  num_channels: 1,
  hidden_sizes: [HIDDEN],
  num_labels: CLASSES,
  hidden_act: 'relu',
  rescale_factor: 1 / 255,
  image_mean: [0],
  image_std: [1],
};
await writeFile(join(OUT, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
const half = idxFiles(test.filter((_, i) => i % 2 === 0));
await writeFile(join(OUT, 'images-idx3-ubyte.gz'), gzipSync(half.images, { level: 9 }));
await writeFile(join(OUT, 'labels-idx1-ubyte.gz'), gzipSync(half.labels, { level: 9 }));
