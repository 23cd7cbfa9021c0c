// Scans the activations of a bank: per-unit statistics, histograms, and the peak of every unit in every context.
// Also packs rows into half precision. Memory is laid out by src/harvest/scan.ts.

/** Bins of one sign: one for |a| < 2^-12, then eight an octave up to 2^20 (the last takes all above). */
const BINS: i32 = 257;
/** Index, in units of 1/8 octave of a float's bits, of 2^-12. */
const FIRST: i32 = (127 - 12) << 3;

/**
 * One context's activations [positions, units] (row stride = units floats; units a multiple of 16).
 * `valid`: a byte a position. Statistics: sum f64, max f32, min f32, active u32, histogram u32[units][2·BINS].
 * Peaks: best f32 and its position i32 (-1: none) of each unit, by score: a (sign 1), -a (-1), |a| (0).
 * Returns 1 when a NaN was met, else 0.
 */
export function scan(
  data: usize,
  positions: i32,
  units: i32,
  valid: usize,
  sign: i32,
  statistics: i32,
  sum: usize,
  max: usize,
  min: usize,
  active: usize,
  histogram: usize,
  best: usize,
  where: usize,
): i32 {
  let nan = i32x4.splat(0);
  const stride = (<usize>units) << 2;
  const flip = sign < 0 ? i32x4.splat(0x80000000) : i32x4.splat(0);
  const keep = sign == 0 ? i32x4.splat(0x7fffffff) : i32x4.splat(-1);
  for (let u: i32 = 0; u < units; u += 4) {
    const offset = (<usize>u) << 2;
    let peak = f32x4.splat(-Infinity);
    let place = i32x4.splat(-1);
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let top = f32x4.splat(-Infinity);
    let bottom = f32x4.splat(Infinity);
    let count = i32x4.splat(0);
    if (statistics) {
      low = v128.load(sum + (offset << 1));
      high = v128.load(sum + (offset << 1), 16);
      top = v128.load(max + offset);
      bottom = v128.load(min + offset);
      count = v128.load(active + offset);
    }
    const bins0 = histogram + <usize>(u * 2 * BINS) * 4;
    const bins1 = bins0 + 2 * BINS * 4;
    const bins2 = bins1 + 2 * BINS * 4;
    const bins3 = bins2 + 2 * BINS * 4;
    let at = data + offset;
    for (let t: i32 = 0; t < positions; t++, at += stride) {
      if (!load<u8>(valid + t)) continue;
      const v = v128.load(at);
      nan = v128.or(nan, f32x4.ne(v, v));
      const score = v128.and(v128.xor(v, flip), keep);
      const better = f32x4.gt(score, peak);
      peak = v128.bitselect(score, peak, better);
      place = v128.bitselect(i32x4.splat(t), place, better);
      if (statistics) {
        low = f64x2.add(low, f64x2.promote_low_f32x4(v));
        high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3)));
        top = f32x4.max(top, v);
        bottom = f32x4.min(bottom, v);
        count = i32x4.sub(count, f32x4.gt(v, f32x4.splat(0)));
        // |bits| in eighths of an octave, clamped to the bins, then the sign's half.
        const eighth = i32x4.shr_u(v128.and(v, i32x4.splat(0x7fffffff)), 20);
        const clamped = i32x4.min_s(
          i32x4.max_s(i32x4.sub(eighth, i32x4.splat(FIRST - 1)), i32x4.splat(0)),
          i32x4.splat(BINS - 1),
        );
        const negative = v128.and(i32x4.shr_s(v, 31), i32x4.splat(BINS));
        const bin = i32x4.shl(i32x4.add(clamped, negative), 2);
        const a = bins0 + i32x4.extract_lane(bin, 0);
        store<u32>(a, load<u32>(a) + 1);
        const b = bins1 + i32x4.extract_lane(bin, 1);
        store<u32>(b, load<u32>(b) + 1);
        const c = bins2 + i32x4.extract_lane(bin, 2);
        store<u32>(c, load<u32>(c) + 1);
        const d = bins3 + i32x4.extract_lane(bin, 3);
        store<u32>(d, load<u32>(d) + 1);
      }
    }
    v128.store(best + offset, peak);
    v128.store(where + offset, place);
    if (statistics) {
      v128.store(sum + (offset << 1), low);
      v128.store(sum + (offset << 1), high, 16);
      v128.store(max + offset, top);
      v128.store(min + offset, bottom);
      v128.store(active + offset, count);
    }
  }
  return v128.any_true(nan) ? 1 : 0;
}

/** Copies `count` floats that lie `stride` floats apart, and pads them with zeros to a multiple of 4. */
export function gather(from: usize, count: i32, stride: i32, to: usize): void {
  const step = (<usize>stride) << 2;
  let i: i32 = 0;
  for (; i < count; i++, from += step, to += 4) store<f32>(to, load<f32>(from));
  for (; i & 3; i++, to += 4) store<f32>(to, 0);
}

/**
 * Packs `count` floats (a multiple of 4, zero-padded) as IEEE half precision of value/scale, where scale is
 * the smallest power of two not below the largest |value| (1 for a row of zeros). Rounds to nearest even.
 * Returns the scale.
 */
export function halve(from: usize, count: i32, to: usize): f32 {
  const magnitude = i32x4.splat(0x7fffffff);
  let largest = f32x4.splat(0);
  for (let i: i32 = 0; i < count; i += 4) {
    largest = f32x4.max(largest, v128.and(v128.load(from + ((<usize>i) << 2)), magnitude));
  }
  const a = Mathf.max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1));
  const b = Mathf.max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3));
  const bits = reinterpret<i32>(Mathf.max(a, b));
  // Exponent of the next power of two, kept where both it and its inverse are normal floats.
  let exponent = (bits >> 23) + ((bits & 0x7fffff) != 0 ? 1 : 0);
  if (bits == 0) exponent = 127;
  exponent = min(max(exponent, 2), 252);
  const inverse = f32x4.splat(reinterpret<f32>((254 - exponent) << 23));
  for (let i: i32 = 0; i < count; i += 4) {
    const scaled = f32x4.mul(v128.load(from + ((<usize>i) << 2)), inverse);
    const sign = v128.and(i32x4.shr_u(scaled, 16), i32x4.splat(0x8000));
    const x = v128.and(scaled, magnitude);
    const odd = v128.and(i32x4.shr_u(x, 13), i32x4.splat(1));
    const rounded = i32x4.add(i32x4.add(x, i32x4.splat(0xfff - (112 << 23))), odd);
    const normal = i32x4.shr_u(rounded, 13);
    // Below 2^-14 a half is subnormal: adding 0.5 shifts its bits into place, rounded by the hardware.
    const subnormal = i32x4.sub(f32x4.add(x, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
    const half = v128.or(v128.bitselect(subnormal, normal, i32x4.lt_s(x, i32x4.splat(113 << 23))), sign);
    v128.store64_lane(to + ((<usize>i) << 1), i16x8.narrow_i32x4_u(half, half), 0);
  }
  return reinterpret<f32>(exponent << 23);
}
