// The dense step's work between its matrix products, on tiles [tokens, latents] in the private memory of one thread.
// The number of latents is a multiple of 4; those past the end have an infinite threshold.

import { alignPair, alongError, alongRow, distance, perActivation } from './sae/alignment';
import { ACTIVATION, ACTIVE, ALONG, DISTANCE, DISTANCES, OVER_A, PRE, THRESHOLD } from './sae/places';

/**
 * Pre-activations become activations: value + bias above the threshold, else 0. Adds to each token's Σ z·weight (f64;
 * the number of active latents where `gated`), and counts the active (u32).
 */
export function activate(
  tile: usize,
  rows: i32,
  columns: i32,
  bias: usize,
  threshold: usize,
  weight: usize,
  gated: i32,
  sums: usize,
  counts: usize,
): void {
  const bytes = (<usize>columns) << 2;
  for (let r = 0; r < rows; r++) {
    const row = tile + <usize>r * bytes;
    let lo = f64x2.splat(0);
    let hi = f64x2.splat(0);
    let active = i32x4.splat(0);
    for (let k: usize = 0; k < bytes; k += 16) {
      const value = f32x4.add(v128.load(row + k), v128.load(bias + k));
      const on = f32x4.gt(value, v128.load(threshold + k));
      const z = v128.and(value, on);
      v128.store(row + k, z);
      active = i32x4.sub(active, on);
      const w = v128.load(weight + k);
      lo = f64x2.add(lo, f64x2.mul(f64x2.promote_low_f32x4(z), f64x2.promote_low_f32x4(w)));
      hi = f64x2.add(hi, f64x2.mul(f64x2.promote_low_f32x4(high(z)), f64x2.promote_low_f32x4(high(w))));
    }
    const count =
      i32x4.extract_lane(active, 0) +
      i32x4.extract_lane(active, 1) +
      i32x4.extract_lane(active, 2) +
      i32x4.extract_lane(active, 3);
    const both = f64x2.add(lo, hi);
    const sum = gated ? <f64>count : f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
    store<f64>(sums + (r << 3), load<f64>(sums + (r << 3)) + sum);
    store<u32>(counts + (r << 2), load<u32>(counts + (r << 2)) + count);
  }
}

/**
 * Pre-activations become activations, gradients of activations become those of pre-activations (plus `sparsity` a
 * latent), and `on` 1 where active; sums a latent over the tokens, in their order.
 */
export function gradients(
  tile: usize,
  dz: usize,
  on: usize,
  rows: i32,
  columns: i32,
  bias: usize,
  threshold: usize,
  sparsity: usize,
  gated: i32,
  bandwidth: f32,
  sparsityWeight: f32,
  sums: usize,
): void {
  const bytes = (<usize>columns) << 2;
  const one = f32x4.splat(1);
  const half = f32x4.splat(0.5);
  const band = f32x4.splat(bandwidth);
  const perWindow = f32x4.splat(sparsityWeight);
  for (let r: usize = 0; r < <usize>rows; r++) {
    const row = r * bytes;
    for (let k: usize = 0; k < bytes; k += 16) {
      const value = f32x4.add(v128.load(tile + row + k), v128.load(bias + k));
      const least = v128.load(threshold + k);
      const gradient = v128.load(dz + row + k);
      const isOn = f32x4.gt(value, least);
      const z = v128.and(value, isOn);
      const dpre = v128.and(f32x4.add(gradient, v128.load(sparsity + k)), isOn);
      const active = v128.and(one, isOn);
      v128.store(tile + row + k, z);
      v128.store(dz + row + k, dpre);
      v128.store(on + row + k, active);
      const at = sums + 2 * k;
      add(at, ACTIVATION, bytes, z);
      add(at, PRE, bytes, dpre);
      add(at, ACTIVE, bytes, active);
      if (!gated) continue;
      const near = f32x4.lt(f32x4.abs(f32x4.div(f32x4.sub(value, least), band)), half);
      if (!v128.any_true(near)) continue;
      const part = f32x4.div(f32x4.add(f32x4.mul(least, gradient), perWindow), band);
      add(at, THRESHOLD, bytes, f32x4.neg(v128.and(part, near)));
    }
  }
}

/**
 * L_N of a tile: N = Σ h̄hw² and B = Σ h²w² become, of the active, the a and c of kernels/sae/latents.ts; their
 * distances and Σ aN/2A are added to the latents' sums. `energy` holds A a latent (f64), below 0 where there is no mean.
 */
export function embed(
  n: usize,
  b: usize,
  on: usize,
  rows: i32,
  columns: i32,
  energy: usize,
  weight: f32,
  sums: usize,
): void {
  const bytes = (<usize>columns) << 2;
  for (let r: usize = 0; r < <usize>rows; r++) {
    for (let j: usize = 0; j < <usize>columns; j++) {
      const at = r * bytes + (j << 2);
      const inner = <f64>load<f32>(n + at);
      const square = <f64>load<f32>(b + at);
      store<f32>(n + at, 0);
      store<f32>(b + at, 0);
      if (load<f32>(on + at) == 0) continue;
      const meanEnergy = load<f64>(energy + (j << 3));
      if (meanEnergy < 0) continue;
      const slot = sums + (j << 3);
      addOne(slot, DISTANCES, bytes, 1);
      const root = Math.sqrt(meanEnergy * square);
      if (!(root > 0)) {
        addOne(slot, DISTANCE, bytes, 1);
        continue;
      }
      addOne(slot, DISTANCE, bytes, min<f64>(max<f64>(1 - inner / root, 0), 2));
      if (weight == 0) continue;
      const a = (-2 * <f64>weight) / root;
      store<f32>(n + at, <f32>a);
      store<f32>(b + at, <f32>((a * inner) / (2 * square)));
      addOne(slot, OVER_A, bytes, (a * inner) / (2 * meanEnergy));
    }
  }
}

/**
 * L_R of a tile: `dots` holds (x̂ − x)·d and becomes the factor of d in the gradient by x̂; `energy` is ‖x − x̂‖² a token
 * (f64). Adds to each token's Σ 1 − cos and to its factor of x̂ − x (f64, f64).
 */
export function align(
  tile: usize,
  dots: usize,
  rows: i32,
  columns: i32,
  bias: usize,
  threshold: usize,
  norm: usize,
  energy: usize,
  weight: f32,
  sums: usize,
): void {
  const bytes = (<usize>columns) << 2;
  for (let r: usize = 0; r < <usize>rows; r++) {
    const squared = load<f64>(energy + (r << 3));
    const sum = sums + (r << 4);
    for (let k: usize = 0; k < bytes; k += 4) {
      const at = r * bytes + k;
      const u = -(<f64>load<f32>(dots + at));
      store<f32>(dots + at, 0);
      const value = load<f32>(tile + at) + load<f32>(bias + k);
      if (!(value > load<f32>(threshold + k))) continue;
      alignPair(<f64>value, u, <f64>load<f32>(norm + k), squared);
      store<f32>(dots + at, <f32>(<f64>weight * alongRow));
      store<f64>(sum, load<f64>(sum) + distance);
      store<f64>(sum, load<f64>(sum, 8) + <f64>weight * alongError, 8);
    }
  }
}

/** Adds L_R's gradient by x̂ to rows of it: `along` (Σ over latents) and the sums' factor of x̂ − x, which is `plain`. */
export function addAlignment(
  errors: usize,
  along: usize,
  plain: usize,
  rows: i32,
  stride: i32,
  sums: usize,
): void {
  const bytes = (<usize>stride) << 2;
  for (let r: usize = 0; r < <usize>rows; r++) {
    const factor = f32x4.splat(<f32>load<f64>(sums + (r << 4), 8));
    for (let at = r * bytes; at < (r + 1) * bytes; at += 16) {
      const own = f32x4.mul(factor, v128.load(plain + at));
      v128.store(errors + at, f32x4.add(v128.load(errors + at), f32x4.add(own, v128.load(along + at))));
    }
  }
}

/** Adds to dz of a tile what L_R gives to each activation where e is held, and to ALONG of each latent; `dots` and `energy` as in `align`. */
export function alignActivations(
  tile: usize,
  dots: usize,
  dz: usize,
  rows: i32,
  columns: i32,
  bias: usize,
  threshold: usize,
  norm: usize,
  energy: usize,
  weight: f32,
  sums: usize,
): void {
  const bytes = (<usize>columns) << 2;
  for (let r: usize = 0; r < <usize>rows; r++) {
    const squared = load<f64>(energy + (r << 3));
    for (let k: usize = 0; k < bytes; k += 4) {
      const at = r * bytes + k;
      const value = load<f32>(tile + at) + load<f32>(bias + k);
      if (!(value > load<f32>(threshold + k))) continue;
      alignPair(<f64>value, -(<f64>load<f32>(dots + at)), <f64>load<f32>(norm + k), squared);
      const held = <f64>weight * perActivation;
      store<f32>(dz + at, load<f32>(dz + at) - <f32>held);
      addOne(sums + 2 * k, ALONG, bytes, <f64>value * held);
    }
  }
}

/** to = row², `count` floats, a multiple of 4. */
export function square(row: usize, to: usize, count: i32): void {
  for (let k: usize = 0; k < (<usize>count) << 2; k += 16) {
    const v = v128.load(row + k);
    v128.store(to + k, f32x4.mul(v, v));
  }
}

function high(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
}

/** Adds four floats to four f64 sums of a kind. */
function add(at: usize, kind: i32, bytes: usize, v: v128): void {
  const slot = at + 2 * <usize>kind * bytes;
  v128.store(slot, f64x2.add(v128.load(slot), f64x2.promote_low_f32x4(v)));
  v128.store(slot, f64x2.add(v128.load(slot, 16), f64x2.promote_low_f32x4(high(v))), 16);
}

function addOne(slot: usize, kind: i32, bytes: usize, value: f64): void {
  const at = slot + 2 * <usize>kind * bytes;
  store<f64>(at, load<f64>(at) + value);
}
