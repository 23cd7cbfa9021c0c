import { createRandom, type Random } from '../../base/random.ts';
import { PolysemeError } from '../../errors.ts';
import type { Layout } from './layout.ts';
import type { SaeTrainerSettings, SaeWeights } from './trainer-options.ts';

/** Writes starting weights: the given ones, or random decoder rows and the encoder that goes with them. */
export function initialise(
  layout: Layout,
  settings: SaeTrainerSettings,
  initial: SaeWeights | undefined,
): void {
  const { latents, width, architecture } = settings;
  if (architecture === 'jumprelu') layout.state('threshold').fill(settings.initialThreshold);
  if (initial) {
    writeWeights(layout, settings, initial);
    return;
  }
  const random = createRandom(settings.seed);
  const decoder = layout.state('decoder');
  const encoder = layout.state('encoder');
  for (let j = 0; j < latents; j++) {
    const at = j * layout.stride;
    drawRow(random, decoder, at, width, settings.decoderNorm);
    if (settings.encoderInit === 'random') drawRow(random, encoder, at, width, settings.decoderNorm);
    else encoder.set(decoder.subarray(at, at + width), at);
  }
}

function drawRow(
  random: Random,
  rows: { [i: number]: number },
  at: number,
  length: number,
  norm: number,
): void {
  let energy = 0;
  const row = new Float64Array(length);
  for (let k = 0; k < length; k++) {
    // Box–Muller
    const value = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    row[k] = value;
    energy += value * value;
  }
  const factor = norm / Math.sqrt(energy);
  for (let k = 0; k < length; k++) rows[at + k] = row[k]! * factor;
}

/** Checks weights in SAELens's shapes and writes them to the trainer's memory, where each latent is a row. */
function writeWeights(layout: Layout, settings: SaeTrainerSettings, weights: SaeWeights): void {
  const { latents, width, architecture } = settings;
  const lengths = { W_enc: latents * width, b_enc: latents, W_dec: latents * width, b_dec: width };
  for (const [name, length] of Object.entries(lengths)) {
    check(`initial.${name}`, weights[name as keyof typeof lengths], length);
  }
  const encoder = layout.state('encoder');
  const decoder = layout.state('decoder');
  for (let j = 0; j < latents; j++) {
    const at = j * layout.stride;
    decoder.set(weights.W_dec.subarray(j * width, (j + 1) * width), at);
    for (let k = 0; k < width; k++) encoder[at + k] = weights.W_enc[k * latents + j]!;
  }
  layout.state('bEnc').set(weights.b_enc);
  layout.state('bDec').set(weights.b_dec);
  if (architecture === 'jumprelu' && weights.threshold) {
    check('initial.threshold', weights.threshold, latents);
    const negative = weights.threshold.findIndex((value) => value < 0);
    if (negative >= 0) {
      throw new PolysemeError(
        `SAE training: initial.threshold[${negative}] is ${weights.threshold[negative]}: thresholds must be at least 0`,
      );
    }
    layout.state('threshold').set(weights.threshold);
  }
}

function check(name: string, values: Float32Array | undefined, length: number): void {
  if (values?.length !== length) {
    throw new PolysemeError(`SAE training: ${name} has ${values?.length ?? 'no'} values, not ${length}`);
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new PolysemeError(`SAE training: ${name}[${bad}] is ${values[bad]}`);
}

/** Mean of the rows, or their geometric median (Weiszfeld's iteration, to 1e-6 of the data's spread). */
export function centre(batch: Float32Array, width: number, kind: 'mean' | 'geometric-median'): Float64Array {
  const rows = batch.length / width;
  let guess = weightedMean(batch, width, () => 1);
  if (kind === 'mean') return guess;
  for (let iteration = 0; iteration < 100; iteration++) {
    const old = guess;
    let spread = 0;
    const distances = Float64Array.from({ length: rows }, (_, t) => {
      let energy = 0;
      for (let k = 0; k < width; k++) energy += (batch[t * width + k]! - old[k]!) ** 2;
      spread += Math.sqrt(energy) / rows;
      return Math.sqrt(energy);
    });
    if (spread === 0) break;
    // A row at the guess itself would weigh infinitely much.
    guess = weightedMean(batch, width, (t) => 1 / Math.max(distances[t]!, 1e-12 * spread));
    if (Math.hypot(...guess.map((value, k) => value - old[k]!)) <= 1e-6 * spread) break;
  }
  return guess;
}

function weightedMean(batch: Float32Array, width: number, weight: (row: number) => number): Float64Array {
  const mean = new Float64Array(width);
  let total = 0;
  for (let t = 0; t * width < batch.length; t++) {
    const w = weight(t);
    total += w;
    for (let k = 0; k < width; k++) mean[k]! += w * batch[t * width + k]!;
  }
  return mean.map((value) => value / total);
}

/** The factor that makes the rows' mean norm √width. */
export function sqrtDScale(batch: Float32Array, width: number): number {
  let norms = 0;
  for (let t = 0; t * width < batch.length; t++) {
    let energy = 0;
    for (let k = 0; k < width; k++) energy += batch[t * width + k]! ** 2;
    norms += Math.sqrt(energy);
  }
  const mean = norms / (batch.length / width);
  if (!(mean > 0))
    throw new PolysemeError('SAE training: the first batch is all zeros: inputScale cannot be found');
  return Math.fround(Math.sqrt(width) / mean);
}
