// Cosine distances between rows, in SIMD.
//
// Rows are packed three at a time: for every four columns, 4 values of the first row, 4 of the second, 4 of the
// third (48 bytes). A tile is three rows by two: its six sums, the five loads of a step and a product fit the 15 vector
// registers that engines have to give, with none written to memory inside the loop (of 3 × 3, one was: half the speed).

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
    const squared = squaredNorm(row, width, hashes + <usize>r * 4, weights, centre);
    if (!(squared < Infinity)) return r;
    store<f64>(norms + <usize>r * 8, squared);
    const scale: f64 = squared > 0 ? 1 / sqrt(squared) : 0;
    scaleRow(row, width, scale, out + <usize>(r / 3) * groupBytes + <usize>(r % 3) * 16);
  }
  return -1;
}

/** The squared norm of a row and a hash of its bits; with `weights` of its embedding, which takes its place. */
function squaredNorm(row: usize, width: i32, hashAt: usize, weights: usize, centre: usize): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let hash = i32x4.splat(width);
  const prime = i32x4.splat(0x01000193);
  const whole = width & ~3;
  for (let k = 0; k < whole; k += 4) {
    const at = row + ((<usize>k) << 2);
    let bits = v128.load(at);
    if (weights) {
      const from = (<usize>k) << 3;
      bits = embedded(bits, weights + from, centre + from);
      v128.store(at, bits);
    }
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
    if (weights) {
      const from = (<usize>k) << 3;
      store<f32>(at, <f32>((<f64>load<f32>(at) - load<f64>(centre + from)) * load<f64>(weights + from)));
    }
    const value = <f64>load<f32>(at);
    sum += value * value;
    mixed = (mixed ^ load<i32>(at)) * 0x01000193;
  }
  store<i32>(hashAt, mixed);
  return sum;
}

/** (h − μ) · w of four values in f64, rounded once. */
function embedded(values: v128, weights: usize, centre: usize): v128 {
  const low = f64x2.promote_low_f32x4(values);
  const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3));
  const first = f64x2.mul(f64x2.sub(low, v128.load(centre)), v128.load(weights));
  const second = f64x2.mul(f64x2.sub(high, v128.load(centre, 16)), v128.load(weights, 16));
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(first), f32x4.demote_f64x2_zero(second), 0, 1, 4, 5);
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
 * wholly below the diagonal are left out. `sums`: 96 bytes of scratch.
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
  const columns = groupsB * 3;
  const zero = f64x2.splat(0);
  const one = f64x2.splat(1);
  const two = f64x2.splat(2);
  for (let i = 0; i < groupsA; i++) {
    const rowA = a + <usize>i * groupBytes;
    const to = out + <usize>i * 3 * rowBytes;
    for (let j = upper ? i * 3 : 0; j < columns; j += 2) {
      // Of an odd number the last one is taken twice.
      const next = min(j + 1, columns - 1);
      tile(rowA, packedRow(b, j, groupBytes), packedRow(b, next, groupBytes), steps, sums);
      for (let r: usize = 0; r < 3; r++) {
        const first = v128.load(sums + r * 32);
        const second = v128.load(sums + r * 32, 16);
        const dots = f64x2.add(
          v128.shuffle<f64>(first, second, 0, 2),
          v128.shuffle<f64>(first, second, 1, 3),
        );
        const clamped = f64x2.pmin(f64x2.pmax(f64x2.sub(one, dots), zero), two);
        const distances = f32x4.demote_f64x2_zero(clamped);
        const row = to + r * rowBytes;
        v128.store_lane<f32>(row + ((<usize>j) << 2), distances, 0);
        v128.store_lane<f32>(row + ((<usize>next) << 2), distances, 1);
      }
    }
  }
}

/** Where row `index` of packed groups starts. */
function packedRow(groups: usize, index: i32, groupBytes: usize): usize {
  const group = index / 3;
  return groups + <usize>group * groupBytes + <usize>(index - group * 3) * 16;
}

/** Six dot products of the three rows of a packed group with two rows, each as the two halves of an f64x2 at `sums`. */
function tile(a: usize, b: usize, c: usize, steps: i32, sums: usize): void {
  const zero = f64x2.splat(0);
  for (let at: usize = 0; at < 96; at += 16) v128.store(sums + at, zero);
  let pa = a;
  let pb = b;
  let pc = c;
  for (let left = steps; left > 0; left -= STEPS) {
    let s00 = f32x4.splat(0),
      s01 = f32x4.splat(0);
    let s10 = f32x4.splat(0),
      s11 = f32x4.splat(0);
    let s20 = f32x4.splat(0),
      s21 = f32x4.splat(0);
    const end = pa + <usize>min(left, STEPS) * 48;
    while (pa < end) {
      const a0 = v128.load(pa, 0),
        a1 = v128.load(pa, 16),
        a2 = v128.load(pa, 32);
      const b0 = v128.load(pb);
      s00 = f32x4.add(s00, f32x4.mul(a0, b0));
      s10 = f32x4.add(s10, f32x4.mul(a1, b0));
      s20 = f32x4.add(s20, f32x4.mul(a2, b0));
      const b1 = v128.load(pc);
      s01 = f32x4.add(s01, f32x4.mul(a0, b1));
      s11 = f32x4.add(s11, f32x4.mul(a1, b1));
      s21 = f32x4.add(s21, f32x4.mul(a2, b1));
      pa += 48;
      pb += 48;
      pc += 48;
    }
    flush(sums, 0, s00);
    flush(sums, 16, s01);
    flush(sums, 32, s10);
    flush(sums, 48, s11);
    flush(sums, 64, s20);
    flush(sums, 80, s21);
  }
}

function flush(sums: usize, offset: usize, values: v128): void {
  const low = f64x2.promote_low_f32x4(values);
  const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3));
  v128.store(sums + offset, f64x2.add(v128.load(sums + offset), f64x2.add(low, high)));
}
