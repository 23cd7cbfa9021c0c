import { createRandom } from '../../../src/base/random.ts';
import type { SaeTrainerOptions, SaeWeights } from '../../../src/sae/trainer/trainer-options.ts';

/** Inputs made of a few of `count` directions each, off the origin, with a little noise. */
export function makeBatch(seed: number, tokens: number, width: number, count = 3 * width): Float32Array {
  const directions = normals(1000, count * width);
  const random = createRandom(seed);
  const noise = normals(seed + 1, tokens * width);
  const batch = new Float32Array(tokens * width);
  for (let t = 0; t < tokens; t++) {
    for (let k = 0; k < width; k++) batch[t * width + k] = 0.3 + 0.05 * noise[t * width + k]!;
    for (let i = 0; i < 3; i++) {
      const at = random.integer(count) * width;
      const size = 1 + random.next();
      for (let k = 0; k < width; k++) batch[t * width + k]! += size * directions[at + k]!;
    }
  }
  return batch;
}

export function makeWeights(seed: number, width: number, latents: number): SaeWeights {
  const W_dec = normals(seed, latents * width).map((value) => value / Math.sqrt(width));
  const offset = normals(seed + 1, latents * width);
  const W_enc = new Float32Array(width * latents);
  for (let j = 0; j < latents; j++) {
    for (let k = 0; k < width; k++) {
      W_enc[k * latents + j] = W_dec[j * width + k]! + 0.02 * offset[j * width + k]!;
    }
  }
  const b_enc = normals(seed + 2, latents).map((value) => 0.1 * value - 1);
  return { W_enc, b_enc, W_dec, b_dec: normals(seed + 3, width).map((value) => 0.1 * value) };
}

export function normals(seed: number, count: number): Float32Array {
  const { next } = createRandom(seed);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}

/** Forward pass and the terms of the loss in plain float64, dense, straight from the definitions. */
export function forward(options: SaeTrainerOptions, weights: SaeWeights, batch: Float32Array) {
  const { architecture, width: d, latents, k = 0, applyBDecToInput = true } = options;
  const tokens = batch.length / d;
  const { W_enc, b_enc, W_dec, b_dec } = weights;
  const pre = new Float64Array(tokens * latents);
  for (let t = 0; t < tokens; t++) {
    for (let j = 0; j < latents; j++) pre[t * latents + j] = b_enc[j]!;
    for (let i = 0; i < d; i++) {
      const h = batch[t * d + i]! - (applyBDecToInput ? b_dec[i]! : 0);
      for (let j = 0; j < latents; j++) pre[t * latents + j]! += h * W_enc[i * latents + j]!;
    }
  }
  const z = new Float64Array(tokens * latents);
  const keep = (places: number[]) => {
    for (const place of places) z[place] = Math.max(0, pre[place]!);
  };
  const largest = (from: number, to: number, count: number) =>
    Array.from({ length: to - from }, (_, i) => from + i)
      .sort((a, b) => pre[b]! - pre[a]!)
      .slice(0, count);
  if (architecture === 'topk') {
    for (let t = 0; t < tokens; t++) keep(largest(t * latents, (t + 1) * latents, k));
  } else if (architecture === 'batchtopk' || architecture === 'matryoshka') {
    keep(largest(0, tokens * latents, Math.floor(k * tokens)));
  } else {
    for (const [place, value] of pre.entries()) {
      const threshold = architecture === 'jumprelu' ? weights.threshold![place % latents]! : 0;
      z[place] = value > threshold ? value : 0;
    }
  }
  let mse = 0;
  let l0 = 0;
  for (let t = 0; t < tokens; t++) {
    const error = Float64Array.from({ length: d }, (_, i) => b_dec[i]! - batch[t * d + i]!);
    for (let j = 0; j < latents; j++) {
      const activation = z[t * latents + j]!;
      if (activation === 0) continue;
      l0++;
      for (let i = 0; i < d; i++) error[i]! += activation * W_dec[j * d + i]!;
    }
    mse += error.reduce((sum, value) => sum + value * value, 0);
  }
  return { mse: mse / tokens, l0: l0 / tokens, z };
}

/** 1 − cos(h̄ ⊙ w, h ⊙ w), and its gradient by w as DESIGN §2 has it. */
export function embeddingDistance(mean: ArrayLike<number>, h: ArrayLike<number>, w: ArrayLike<number>) {
  let [n, a, b] = [0, 0, 0];
  for (let k = 0; k < w.length; k++) {
    const square = w[k]! ** 2;
    n += mean[k]! * h[k]! * square;
    a += mean[k]! ** 2 * square;
    b += h[k]! ** 2 * square;
  }
  const root = Math.sqrt(a * b);
  const gradient = Float64Array.from(
    { length: w.length },
    (_, k) => ((-2 * w[k]!) / root) * (mean[k]! * h[k]! - (n / 2) * (mean[k]! ** 2 / a + h[k]! ** 2 / b)),
  );
  return { distance: 1 - n / root, gradient };
}
