// Scans the activations of a bank: per-unit statistics, histograms, and the peak of every unit in every context.
// Also packs rows into half precision. Memory is laid out by src/harvest/scan.ts.

/** Bins of one sign: one for |a| < 2^-12, then eight an octave up to 2^20 (the last takes all above). */
const BINS: i32 = 257;
/** Index, in units of 1/8 octave of a float's bits, of 2^-12. */
const FIRST: i32 = (127 - 12) << 3;

// Sums are exact, so that no order changes them: each value is split into a multiple of 2^-12 and a rest, rounded to a
// multiple of 2^-52, and both are summed as whole numbers. Adding 1.5 · 2^(52 - k) to a number rounds it to a multiple of
// 2^-k and leaves it in the low bits of the sum.
const COARSE: f64 = 1.5 * 1099511627776.0; // 2^40
const FINE: f64 = 1.5;
/** Bits of a fine sum that are a coarse one's. */
const CARRY: i32 = 40;
/** Numbers of this size or more can't be summed. */
const TOO_LARGE: f32 = 549755813888.0; // 2^39

/** Adds two numbers to their coarse sums at `high` and their fine ones at `low`. */
function addExactly(v: v128, high: usize, low: usize): void {
  const coarse = f64x2.splat(COARSE);
  const fine = f64x2.splat(FINE);
  const whole = f64x2.add(v, coarse);
  const rest = f64x2.add(f64x2.sub(v, f64x2.sub(whole, coarse)), fine);
  v128.store(high, i64x2.add(v128.load(high), i64x2.sub(whole, coarse)));
  v128.store(low, i64x2.add(v128.load(low), i64x2.sub(rest, fine)));
}

/** Moves what two fine sums have of a coarse one's size to these. */
function carry(high: usize, low: usize): void {
  const fine = v128.load(low);
  const over = i64x2.shr_s(fine, CARRY);
  v128.store(high, i64x2.add(v128.load(high), over));
  v128.store(low, i64x2.sub(fine, i64x2.shl(over, CARRY)));
}

/** Adds a row of `count` numbers (a multiple of 4) to their sums; returns 1 where one is NaN or too large. */
export function addRow(row: usize, count: i32, high: usize, low: usize): i32 {
  let bad = i32x4.splat(0);
  for (let i: i32 = 0; i < count; i += 4) {
    const v = v128.load(row + ((<usize>i) << 2));
    bad = v128.or(bad, v128.not(f32x4.lt(f32x4.abs(v), f32x4.splat(TOO_LARGE))));
    const at = (<usize>i) << 3;
    addExactly(f64x2.promote_low_f32x4(v), high + at, low + at);
    addExactly(f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3)), high + at + 16, low + at + 16);
    carry(high + at, low + at);
    carry(high + at + 16, low + at + 16);
  }
  return v128.any_true(bad) ? 1 : 0;
}

/** Stores the lanes of four numbers that a mask says. */
function keep4(at: usize, v: v128, lanes: v128): void {
  v128.store(at, v128.bitselect(v, v128.load(at), lanes));
}

/**
 * One context's activations of some units [positions, units]; rows are `stride` floats apart, and there are numbers to be
 * read up to the next multiple of 4 units, of which nothing is kept.
 * `valid`: a byte a position: 0 where it isn't text, 1 where it is, 2 where it is but can't be a peak. Statistics: sums as two i64 (high, low; see addExactly), max f32, min f32, active u32, histogram u32[units][2·BINS].
 * Peaks: best f32 and its position i32 (-1: none) of each unit, by score: a (sign 1), -a (-1), |a| (0).
 * Returns 1 when a NaN was met, 2 where an activation is too large to be summed, else 0.
 */
export function scanUnits(
  data: usize,
  positions: i32,
  units: i32,
  stride: usize,
  valid: usize,
  sign: i32,
  statistics: i32,
  high: usize,
  low: usize,
  max: usize,
  min: usize,
  active: usize,
  histogram: usize,
  best: usize,
  where: usize,
): i32 {
  let nan = i32x4.splat(0);
  let large = i32x4.splat(0);
  const coarse = f64x2.splat(COARSE);
  const fine = f64x2.splat(FINE);
  const row = stride << 2;
  const flip = sign < 0 ? i32x4.splat(0x80000000) : i32x4.splat(0);
  const keep = sign == 0 ? i32x4.splat(0x7fffffff) : i32x4.splat(-1);
  for (let u: i32 = 0; u < units; u += 4) {
    const offset = (<usize>u) << 2;
    // The last four may be partly of other units: these lanes are not kept.
    const own = i32x4.lt_s(i32x4.add(i32x4.splat(u), i32x4(0, 1, 2, 3)), i32x4.splat(units));
    const one1: u32 = u + 1 < units ? 1 : 0;
    const one2: u32 = u + 2 < units ? 1 : 0;
    const one3: u32 = u + 3 < units ? 1 : 0;
    let bad = i32x4.splat(0);
    let peak = f32x4.splat(-Infinity);
    let place = i32x4.splat(-1);
    let high01 = i64x2.splat(0);
    let high23 = i64x2.splat(0);
    let low01 = i64x2.splat(0);
    let low23 = i64x2.splat(0);
    let top = f32x4.splat(-Infinity);
    let bottom = f32x4.splat(Infinity);
    let count = i32x4.splat(0);
    if (statistics) {
      top = v128.load(max + offset);
      bottom = v128.load(min + offset);
      count = v128.load(active + offset);
    }
    const bins0 = histogram + <usize>(u * 2 * BINS) * 4;
    const bins1 = bins0 + 2 * BINS * 4;
    const bins2 = bins1 + 2 * BINS * 4;
    const bins3 = bins2 + 2 * BINS * 4;
    let at = data + offset;
    for (let t: i32 = 0; t < positions; t++, at += row) {
      const role = load<u8>(valid + t);
      if (!role) continue;
      const v = v128.load(at);
      bad = v128.or(bad, f32x4.ne(v, v));
      if (role == 1) {
        const score = v128.and(v128.xor(v, flip), keep);
        const better = f32x4.gt(score, peak);
        peak = v128.bitselect(score, peak, better);
        place = v128.bitselect(i32x4.splat(t), place, better);
      }
      if (statistics) {
        const v01 = f64x2.promote_low_f32x4(v);
        const v23 = f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3));
        const whole01 = f64x2.add(v01, coarse);
        const whole23 = f64x2.add(v23, coarse);
        high01 = i64x2.add(high01, i64x2.sub(whole01, coarse));
        high23 = i64x2.add(high23, i64x2.sub(whole23, coarse));
        low01 = i64x2.add(
          low01,
          i64x2.sub(f64x2.add(f64x2.sub(v01, f64x2.sub(whole01, coarse)), fine), fine),
        );
        low23 = i64x2.add(
          low23,
          i64x2.sub(f64x2.add(f64x2.sub(v23, f64x2.sub(whole23, coarse)), fine), fine),
        );
        top = f32x4.pmax(top, v);
        bottom = f32x4.pmin(bottom, v);
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
        store<u32>(b, load<u32>(b) + one1);
        const c = bins2 + i32x4.extract_lane(bin, 2);
        store<u32>(c, load<u32>(c) + one2);
        const d = bins3 + i32x4.extract_lane(bin, 3);
        store<u32>(d, load<u32>(d) + one3);
      }
    }
    nan = v128.or(nan, v128.and(bad, own));
    keep4(best + offset, peak, own);
    keep4(where + offset, place, own);
    if (statistics) {
      const at = offset << 1;
      const own01 = v128.shuffle<i32>(own, own, 0, 0, 1, 1);
      const own23 = v128.shuffle<i32>(own, own, 2, 2, 3, 3);
      v128.store(high + at, i64x2.add(v128.load(high + at), v128.and(high01, own01)));
      v128.store(high + at, i64x2.add(v128.load(high + at, 16), v128.and(high23, own23)), 16);
      v128.store(low + at, i64x2.add(v128.load(low + at), v128.and(low01, own01)));
      v128.store(low + at, i64x2.add(v128.load(low + at, 16), v128.and(low23, own23)), 16);
      carry(high + at, low + at);
      carry(high + at + 16, low + at + 16);
      const beyond = f32x4.ge(f32x4.max(top, f32x4.neg(bottom)), f32x4.splat(TOO_LARGE));
      large = v128.or(large, v128.and(beyond, own));
      keep4(max + offset, top, own);
      keep4(min + offset, bottom, own);
      keep4(active + offset, count, own);
    }
  }
  return v128.any_true(nan) ? 1 : v128.any_true(large) ? 2 : 0;
}

/**
 * Packs the windows of four neighbouring units: their activations over the context, each as `halve` packs a row.
 * data: the first unit's activation at the first position, rows `units` floats apart, up to the next multiple of
 * eight rows. Unit i's halves go to to + 2·pitch·i (zeros after the positions; pitch a multiple of 8), its scale to
 * scales + 4·i.
 */
export function windows(data: usize, positions: i32, units: i32, pitch: i32, to: usize, scales: usize): void {
  const stride = (<usize>units) << 2;
  let largest = i32x4.splat(0);
  let at = data;
  for (let t: i32 = 0; t < positions; t++, at += stride) {
    largest = i32x4.max_s(largest, v128.and(v128.load(at), i32x4.splat(0x7fffffff)));
  }
  const exponent = scaleExponents(largest);
  v128.store(scales, i32x4.shl(exponent, 23));
  const inverse = i32x4.shl(i32x4.sub(i32x4.splat(254), exponent), 23);
  const first = to;
  const second = first + ((<usize>pitch) << 1);
  const third = second + ((<usize>pitch) << 1);
  const fourth = third + ((<usize>pitch) << 1);
  const end = (<usize>((positions + 7) & ~7)) << 1;
  at = data;
  for (let offset: usize = 0; offset < end; offset += 16) {
    // Halves of units 0 to 3 at one position and at the fourth after it, then two zips, which interleave positions.
    const p04 = halves(v128.load(at), v128.load(at + 4 * stride), inverse);
    const p15 = halves(v128.load(at + stride), v128.load(at + 5 * stride), inverse);
    const p26 = halves(v128.load(at + 2 * stride), v128.load(at + 6 * stride), inverse);
    const p37 = halves(v128.load(at + 3 * stride), v128.load(at + 7 * stride), inverse);
    at += 8 * stride;
    const p01 = v128.shuffle<i16>(p04, p15, 0, 8, 1, 9, 2, 10, 3, 11);
    const p45 = v128.shuffle<i16>(p04, p15, 4, 12, 5, 13, 6, 14, 7, 15);
    const p23 = v128.shuffle<i16>(p26, p37, 0, 8, 1, 9, 2, 10, 3, 11);
    const p67 = v128.shuffle<i16>(p26, p37, 4, 12, 5, 13, 6, 14, 7, 15);
    const early01 = v128.shuffle<i32>(p01, p23, 0, 4, 1, 5);
    const early23 = v128.shuffle<i32>(p01, p23, 2, 6, 3, 7);
    const late01 = v128.shuffle<i32>(p45, p67, 0, 4, 1, 5);
    const late23 = v128.shuffle<i32>(p45, p67, 2, 6, 3, 7);
    v128.store(first + offset, v128.shuffle<i64>(early01, late01, 0, 2));
    v128.store(second + offset, v128.shuffle<i64>(early01, late01, 1, 3));
    v128.store(third + offset, v128.shuffle<i64>(early23, late23, 0, 2));
    v128.store(fourth + offset, v128.shuffle<i64>(early23, late23, 1, 3));
  }
  const rest = ((<usize>pitch) << 1) - end;
  memory.fill(first + end, 0, rest);
  memory.fill(second + end, 0, rest);
  memory.fill(third + end, 0, rest);
  memory.fill(fourth + end, 0, rest);
}

/**
 * Packs `count` floats (a multiple of 4, zero-padded) as IEEE half precision of value/scale, where scale is
 * the smallest power of two not below the largest |value| (1 for a row of zeros). Rounds to nearest even.
 * Returns the scale.
 */
export function halve(from: usize, count: i32, to: usize): f32 {
  let largest = i32x4.splat(0);
  for (let i: i32 = 0; i < count; i += 4) {
    largest = i32x4.max_s(largest, v128.and(v128.load(from + ((<usize>i) << 2)), i32x4.splat(0x7fffffff)));
  }
  // Magnitudes compare as whole numbers.
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1));
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 1, 0, 3, 2));
  const exponent = scaleExponents(largest);
  const inverse = i32x4.shl(i32x4.sub(i32x4.splat(254), exponent), 23);
  for (let i: i32 = 0; i < count; i += 4) {
    const v = v128.load(from + ((<usize>i) << 2));
    v128.store64_lane(to + ((<usize>i) << 1), halves(v, v, inverse), 0);
  }
  return f32x4.extract_lane(i32x4.shl(exponent, 23), 0);
}

/** Biased exponents of the next powers of two, kept where both they and their inverses are normal floats. */
function scaleExponents(largest: v128): v128 {
  // A comparison gives -1 where it holds.
  const above = i32x4.ne(v128.and(largest, i32x4.splat(0x7fffff)), i32x4.splat(0));
  const exponents = i32x4.sub(i32x4.shr_u(largest, 23), above);
  const clamped = i32x4.min_s(i32x4.max_s(exponents, i32x4.splat(2)), i32x4.splat(252));
  return v128.bitselect(i32x4.splat(127), clamped, i32x4.eq(largest, i32x4.splat(0)));
}

/** Two vectors of floats as eight halves of value · inverse. */
function halves(low: v128, high: v128, inverse: v128): v128 {
  return i16x8.narrow_i32x4_u(halfBits(f32x4.mul(low, inverse)), halfBits(f32x4.mul(high, inverse)));
}

/** Bits of four numbers in half precision, one in each lane of 32 bits. */
function halfBits(value: v128): v128 {
  const x = v128.and(value, i32x4.splat(0x7fffffff));
  const sign = i32x4.shr_u(v128.xor(value, x), 16);
  const odd = v128.and(i32x4.shr_u(x, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0xfff - (112 << 23))), odd), 13);
  // Below 2^-14 a half is subnormal: adding 0.5 shifts its bits into place, rounded by the hardware.
  const subnormal = i32x4.sub(f32x4.add(x, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  return v128.or(v128.bitselect(subnormal, normal, i32x4.lt_s(x, i32x4.splat(113 << 23))), sign);
}
