// Cosine distances between rows, in SIMD.
//
// Rows are packed three at a time: for every four columns, 4 values of the first row, 4 of the second, 4 of the
// third (48 bytes). One 3 × 3 tile of pairs then needs two pointers, six loads and nine multiply-adds a step, and
// all of it stays in registers.

/** Steps of four columns between two moves of the f32 sums into f64: it bounds the rounding error for every width. */
const STEPS: i32 = 32;

/**
 * Scales `count` rows of `width` f32 at `rows` to length 1 and packs them at `out`, groups of three rows, the last
 * group filled up with zeros and the width filled up to a multiple of four. Norms are taken in f64.
 * For each row: its squared norm to `norms` (f64), a hash of its bits to `hashes` (i32).
 * A zero row stays zero. Returns the first row with a NaN or an infinity, or −1.
 * With `weights` and `centre` (`width` f64 each; 0: none) rows are inputs, and first become embeddings, in place.
 */
export function pack(
  rows: usize,
  count: i32,
  width: i32,
  out: usize,
  norms: usize,
  hashes: usize,
  weights: usize,
  centre: usize,
): i32 {
  const steps = (width + 3) >> 2;
  const groupBytes = <usize>steps * 48;
  const groups = (count + 2) / 3;
  if (groups * 3 > count) memory.fill(out + <usize>(groups - 1) * groupBytes, 0, groupBytes);
  for (let r = 0; r < count; r++) {
    const row = rows + <usize>r * <usize>width * 4;
    if (weights) embedRow(row, width, weights, centre);
    const squared = squaredNorm(row, width, hashes + <usize>r * 4);
    if (!(squared < Infinity)) return r;
    store<f64>(norms + <usize>r * 8, squared);
    const scale: f64 = squared > 0 ? 1 / sqrt(squared) : 0;
    scaleRow(row, width, scale, out + <usize>(r / 3) * groupBytes + <usize>(r % 3) * 16);
  }
  return -1;
}

/** (h − μ) · w in f64, rounded once. */
function embedRow(row: usize, width: i32, weights: usize, centre: usize): void {
  const whole = width & ~3;
  for (let k = 0; k < whole; k += 4) {
    const at = row + ((<usize>k) << 2);
    const from = (<usize>k) << 3;
    const values = v128.load(at);
    const low = f64x2.promote_low_f32x4(values);
    const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3));
    const first = f64x2.mul(f64x2.sub(low, v128.load(centre + from)), v128.load(weights + from));
    const second = f64x2.mul(f64x2.sub(high, v128.load(centre + from, 16)), v128.load(weights + from, 16));
    v128.store(
      at,
      v128.shuffle<f32>(f32x4.demote_f64x2_zero(first), f32x4.demote_f64x2_zero(second), 0, 1, 4, 5),
    );
  }
  for (let k = whole; k < width; k++) {
    const at = row + ((<usize>k) << 2);
    const from = (<usize>k) << 3;
    store<f32>(at, <f32>((<f64>load<f32>(at) - load<f64>(centre + from)) * load<f64>(weights + from)));
  }
}

function squaredNorm(row: usize, width: i32, hashAt: usize): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let hash = i32x4.splat(width);
  const prime = i32x4.splat(0x01000193);
  const whole = width & ~3;
  for (let k = 0; k < whole; k += 4) {
    const bits = v128.load(row + ((<usize>k) << 2));
    hash = i32x4.mul(v128.xor(hash, bits), prime);
    const a = f64x2.promote_low_f32x4(bits);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(bits, bits, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const both = f64x2.add(low, high);
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  let mixed = i32x4.extract_lane(hash, 0);
  mixed = mixed * 31 + i32x4.extract_lane(hash, 1);
  mixed = mixed * 31 + i32x4.extract_lane(hash, 2);
  mixed = mixed * 31 + i32x4.extract_lane(hash, 3);
  for (let k = whole; k < width; k++) {
    const at = row + ((<usize>k) << 2);
    const value = <f64>load<f32>(at);
    sum += value * value;
    mixed = (mixed ^ load<i32>(at)) * 0x01000193;
  }
  store<i32>(hashAt, mixed);
  return sum;
}

function scaleRow(row: usize, width: i32, scale: f64, out: usize): void {
  const factor = f64x2.splat(scale);
  const whole = width & ~3;
  let to = out;
  for (let k = 0; k < whole; k += 4) {
    const values = v128.load(row + ((<usize>k) << 2));
    const a = f64x2.mul(f64x2.promote_low_f32x4(values), factor);
    const b = f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3)), factor);
    const first = f32x4.demote_f64x2_zero(a);
    const second = f32x4.demote_f64x2_zero(b);
    v128.store(to, v128.shuffle<f32>(first, second, 0, 1, 4, 5));
    to += 48;
  }
  if (whole < width) {
    v128.store(to, f32x4.splat(0));
    for (let k = whole; k < width; k++) {
      store<f32>(to + ((<usize>(k - whole)) << 2), <f32>(<f64>load<f32>(row + ((<usize>k) << 2)) * scale));
    }
  }
}

/**
 * Distances 1 − a·b, clamped to [0, 2], of every row of `groupsA` packed groups at `a` to every row of `groupsB` at
 * `b`, to a row-major f32 block at `out` with `stride` values a row. With `upper` (a and b are the same rows) tiles
 * wholly below the diagonal are left out. `sums`: 144 bytes of scratch.
 */
export function block(
  a: usize,
  groupsA: i32,
  b: usize,
  groupsB: i32,
  steps: i32,
  out: usize,
  stride: i32,
  sums: usize,
  upper: bool,
): void {
  const groupBytes = <usize>steps * 48;
  const rowBytes = <usize>stride * 4;
  for (let i = 0; i < groupsA; i++) {
    const rowA = a + <usize>i * groupBytes;
    for (let j = upper ? i : 0; j < groupsB; j++) {
      tile(rowA, b + <usize>j * groupBytes, steps, sums);
      const to = out + <usize>i * 3 * rowBytes + <usize>j * 12;
      for (let r: usize = 0; r < 3; r++) {
        for (let c: usize = 0; c < 3; c++) {
          const pair = v128.load(sums + (r * 3 + c) * 16);
          const dot = f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
          store<f32>(to + r * rowBytes + c * 4, <f32>min(max(1 - dot, 0), 2));
        }
      }
    }
  }
}

/** Nine dot products of three packed rows with three, each as the two halves of an f64x2 at `sums`. */

function tile(a: usize, b: usize, steps: i32, sums: usize): void {
  memory.fill(sums, 0, 144);
  let pa = a;
  let pb = b;
  for (let left = steps; left > 0; left -= STEPS) {
    let s00 = f32x4.splat(0),
      s01 = f32x4.splat(0),
      s02 = f32x4.splat(0);
    let s10 = f32x4.splat(0),
      s11 = f32x4.splat(0),
      s12 = f32x4.splat(0);
    let s20 = f32x4.splat(0),
      s21 = f32x4.splat(0),
      s22 = f32x4.splat(0);
    const end = pa + <usize>min(left, STEPS) * 48;
    while (pa < end) {
      const a0 = v128.load(pa, 0),
        a1 = v128.load(pa, 16),
        a2 = v128.load(pa, 32);
      const b0 = v128.load(pb, 0);
      s00 = f32x4.add(s00, f32x4.mul(a0, b0));
      s10 = f32x4.add(s10, f32x4.mul(a1, b0));
      s20 = f32x4.add(s20, f32x4.mul(a2, b0));
      const b1 = v128.load(pb, 16);
      s01 = f32x4.add(s01, f32x4.mul(a0, b1));
      s11 = f32x4.add(s11, f32x4.mul(a1, b1));
      s21 = f32x4.add(s21, f32x4.mul(a2, b1));
      const b2 = v128.load(pb, 32);
      s02 = f32x4.add(s02, f32x4.mul(a0, b2));
      s12 = f32x4.add(s12, f32x4.mul(a1, b2));
      s22 = f32x4.add(s22, f32x4.mul(a2, b2));
      pa += 48;
      pb += 48;
    }
    flush(sums, 0, s00);
    flush(sums, 16, s01);
    flush(sums, 32, s02);
    flush(sums, 48, s10);
    flush(sums, 64, s11);
    flush(sums, 80, s12);
    flush(sums, 96, s20);
    flush(sums, 112, s21);
    flush(sums, 128, s22);
  }
}

function flush(sums: usize, offset: usize, values: v128): void {
  const low = f64x2.promote_low_f32x4(values);
  const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3));
  v128.store(sums + offset, f64x2.add(v128.load(sums + offset), f64x2.add(low, high)));
}
