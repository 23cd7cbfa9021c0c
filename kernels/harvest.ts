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

/** Most rows whose parts are summed as 32-bit numbers before they are added to the sums. */
const CHUNK: i32 = 256;
// Numbers below 2^10 are split in single precision: into multiples of 2^-12, of 2^-32 and of 2^-52, each below 2^22 times
// that, so that those of a chunk are summed in 32 bits. What these are added to has the parts above.
const SMALL: i32 = 137 << 23; // 2^10
const FIRST_PART: f32 = 1.5 * 2048.0; // 2^11
const SECOND_PART: f32 = 1.5 / 512.0; // 2^-9
const THIRD_PART: f32 = 1.5 / 536870912.0; // 2^-29

/** The largest magnitudes, as bits, of the four columns that `sumColumns` summed last. */
let largest4: v128 = i32x4.splat(0);

/**
 * Adds four neighbouring columns to their exact sums at `high` and `low`, those of `own` columns: the numbers at `at` plus each
 * of `count` offsets.
 */
function sumColumns(at: usize, offsets: usize, count: i32, high: usize, low: usize, own: v128): void {
  const c1 = f32x4.splat(FIRST_PART);
  const c2 = f32x4.splat(SECOND_PART);
  const c3 = f32x4.splat(THIRD_PART);
  const own01 = v128.shuffle<i32>(own, own, 0, 0, 1, 1);
  const own23 = v128.shuffle<i32>(own, own, 2, 2, 3, 3);
  let largest = i32x4.splat(0);
  for (let start: i32 = 0; start < count; start += CHUNK) {
    const end = min(start + CHUNK, count);
    let first = i32x4.splat(0);
    let second = i32x4.splat(0);
    let third = i32x4.splat(0);
    let size = i32x4.splat(0);
    for (let i = start; i < end; i++) {
      const v = v128.load(at + load<u32>(offsets + ((<usize>i) << 2)));
      size = i32x4.max_s(size, v128.and(v, i32x4.splat(0x7fffffff)));
      const w1 = f32x4.add(v, c1);
      first = i32x4.add(first, w1);
      const r1 = f32x4.sub(v, f32x4.sub(w1, c1));
      const w2 = f32x4.add(r1, c2);
      second = i32x4.add(second, w2);
      const w3 = f32x4.add(f32x4.sub(r1, f32x4.sub(w2, c2)), c3);
      third = i32x4.add(third, w3);
    }
    largest = i32x4.max_s(largest, size);
    if (v128.any_true(v128.and(i32x4.ge_s(size, i32x4.splat(SMALL)), own))) {
      for (let i = start; i < end; i++) {
        const v = v128.and(v128.load(at + load<u32>(offsets + ((<usize>i) << 2))), own);
        addExactly(f64x2.promote_low_f32x4(v), high, low);
        addExactly(f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3)), high + 16, low + 16);
      }
    } else {
      // The bits of the constants were summed, too.
      const times = i32x4.splat(end - start);
      first = i32x4.sub(first, i32x4.mul(times, c1));
      second = i32x4.sub(second, i32x4.mul(times, c2));
      third = i32x4.sub(third, i32x4.mul(times, c3));
      const low01 = i64x2.add(
        i64x2.shl(i64x2.extend_low_i32x4_s(second), 20),
        i64x2.extend_low_i32x4_s(third),
      );
      const low23 = i64x2.add(
        i64x2.shl(i64x2.extend_high_i32x4_s(second), 20),
        i64x2.extend_high_i32x4_s(third),
      );
      addWhole(high, v128.and(i64x2.extend_low_i32x4_s(first), own01));
      addWhole(high + 16, v128.and(i64x2.extend_high_i32x4_s(first), own23));
      addWhole(low, v128.and(low01, own01));
      addWhole(low + 16, v128.and(low23, own23));
    }
    carry(high, low);
    carry(high + 16, low + 16);
  }
  largest4 = v128.and(largest, own);
}

function addWhole(at: usize, value: v128): void {
  v128.store(at, i64x2.add(v128.load(at), value));
}

/** What the magnitudes that are met say: 1 of a NaN, 2 of one that is too large to be summed, else 0. */
function faultOf(magnitudes: v128): i32 {
  if (v128.any_true(i32x4.gt_s(magnitudes, i32x4.splat(0x7f800000)))) return 1;
  return v128.any_true(f32x4.ge(magnitudes, f32x4.splat(TOO_LARGE))) ? 2 : 0;
}

/**
 * Writes the offsets of the rows of a role, `row` bytes each and the first at `from`, to `offsets` after `count` others; returns
 * how many there are then.
 */
function offsetsOf(
  role: u8,
  valid: usize,
  positions: i32,
  row: usize,
  from: usize,
  offsets: usize,
  count: i32,
): i32 {
  for (let t: i32 = 0; t < positions; t++) {
    if (load<u8>(valid + t) != role) continue;
    store<u32>(offsets + ((<usize>count) << 2), <u32>(from + <usize>t * row));
    count++;
  }
  return count;
}

/**
 * Adds rows of `width` numbers (a multiple of 4) to their sums, those of them that `valid` says; returns 1 where one is
 * NaN, 2 where one is too large. offsets: room for one u32 a row.
 */
export function addRows(
  rows: usize,
  count: i32,
  width: i32,
  valid: usize,
  offsets: usize,
  high: usize,
  low: usize,
): i32 {
  const text = offsetsOf(1, valid, count, (<usize>width) << 2, 0, offsets, 0);
  const all = i32x4.splat(-1);
  let magnitudes = i32x4.splat(0);
  for (let i: i32 = 0; i < width; i += 4) {
    const at = (<usize>i) << 2;
    sumColumns(rows + at, offsets, text, high + (at << 1), low + (at << 1), all);
    magnitudes = i32x4.max_s(magnitudes, largest4);
  }
  return faultOf(magnitudes);
}

/** Stores the lanes of four numbers that a mask says. */
function keep4(at: usize, v: v128, lanes: v128): void {
  v128.store(at, v128.bitselect(v, v128.load(at), lanes));
}

/** Bins of eight activations, four of one position and four of another, times 4; those of the first position come first. */
function binsOf(early: v128, late: v128): v128 {
  const bits = i16x8.narrow_i32x4_s(i32x4.shr_s(early, 16), i32x4.shr_s(late, 16));
  // |bits| in eighths of an octave, clamped to the bins, then the sign's half.
  const eighth = i16x8.shr_u(v128.and(bits, i16x8.splat(0x7fff)), 4);
  const clamped = i16x8.min_u(
    i16x8.sub_sat_u(eighth, i16x8.splat(<i16>(FIRST - 1))),
    i16x8.splat(<i16>(BINS - 1)),
  );
  return i16x8.shl(i16x8.add(clamped, v128.and(i16x8.shr_s(bits, 15), i16x8.splat(<i16>BINS))), 2);
}

function addOne(at: usize, one: u32): void {
  store<u32>(at, load<u32>(at) + one);
}

/**
 * Activations of some units in some contexts: context r has `rows` rows, `stride` floats apart, of which the first
 * positions[r] (u32) are its positions; there are numbers to be read up to the next multiple of 4 units, of which nothing
 * is kept.
 * valid: a byte a row: 0 where it isn't text, 1 where it is, 2 where it is but can't be a peak. offsets: room for one u32
 * a row; bounds: for two u32 a context, and one. Statistics: sums as two i64 (high, low; see addExactly), max f32, min f32,
 * active u32, histogram u32[units][2·BINS].
 * best: the largest score of each unit in each context, f32, `pitch` bytes from one context to the next: a (sign 1), -a (-1),
 * |a| (0); -Infinity where no position can be a peak. faults: room for 16 bytes a context.
 * Returns 0, or of the first context with a fault 4 times its number and 1 when a NaN was met, 2 where an activation is too
 * large to be summed.
 */
export function scanUnits(
  data: usize,
  contexts: i32,
  rows: i32,
  positions: usize,
  units: i32,
  stride: usize,
  valid: usize,
  offsets: usize,
  bounds: usize,
  sign: i32,
  statistics: i32,
  high: usize,
  low: usize,
  max: usize,
  min: usize,
  active: usize,
  histogram: usize,
  best: usize,
  pitch: usize,
  faults: usize,
): i32 {
  let text: i32 = 0;
  for (let r: i32 = 0; r < contexts; r++) {
    const count = load<i32>(positions + ((<usize>r) << 2));
    const own = valid + <usize>(r * rows);
    const from = (<usize>(r * rows) * stride) << 2;
    const bound = bounds + ((<usize>r) << 3);
    store<i32>(bound, text);
    text = offsetsOf(1, own, count, stride << 2, from, offsets, text);
    store<i32>(bound, text, 4);
    text = offsetsOf(2, own, count, stride << 2, from, offsets, text);
    store<i32>(bound, text, 8);
    v128.store(faults + ((<usize>r) << 4), i32x4.splat(0));
  }
  for (let u: i32 = 0; u < units; u += 4) {
    const offset = (<usize>u) << 2;
    const at = data + offset;
    // The last four may be partly of other units: these lanes are not kept.
    const own = i32x4.lt_s(i32x4.add(i32x4.splat(u), i32x4(0, 1, 2, 3)), i32x4.splat(units));
    // All contexts at once: what is kept of the units stays in the cache.
    if (statistics) {
      sumColumns(at, offsets, text, high + (offset << 1), low + (offset << 1), own);
      countColumns(at, offsets, text, histogram + <usize>(u * 2 * BINS) * 4, active + offset, own);
    }
    let top = f32x4.splat(-Infinity);
    let bottom = f32x4.splat(Infinity);
    for (let r: i32 = 0; r < contexts; r++) {
      const bound = bounds + ((<usize>r) << 3);
      const first = load<i32>(bound);
      const peaks = load<i32>(bound, 4);
      const end = load<i32>(bound, 8);
      let largest = f32x4.splat(-Infinity);
      let smallest = f32x4.splat(Infinity);
      let size = i32x4.splat(0);
      for (let i = first; i < peaks; i++) {
        const v = v128.load(at + load<u32>(offsets + ((<usize>i) << 2)));
        largest = f32x4.pmax(largest, v);
        smallest = f32x4.pmin(smallest, v);
        size = i32x4.max_s(size, v128.and(v, i32x4.splat(0x7fffffff)));
      }
      let score = largest;
      if (sign < 0) score = f32x4.neg(smallest);
      if (sign == 0) score = peaks > first ? size : f32x4.splat(-Infinity);
      keep4(best + <usize>r * pitch + offset, score, own);
      for (let i = peaks; i < end; i++) {
        const v = v128.load(at + load<u32>(offsets + ((<usize>i) << 2)));
        largest = f32x4.pmax(largest, v);
        smallest = f32x4.pmin(smallest, v);
        size = i32x4.max_s(size, v128.and(v, i32x4.splat(0x7fffffff)));
      }
      top = f32x4.pmax(top, largest);
      bottom = f32x4.pmin(bottom, smallest);
      const met = faults + ((<usize>r) << 4);
      v128.store(met, i32x4.max_s(v128.load(met), v128.and(size, own)));
    }
    if (statistics) {
      keep4(max + offset, f32x4.pmax(v128.load(max + offset), top), own);
      keep4(min + offset, f32x4.pmin(v128.load(min + offset), bottom), own);
    }
  }
  for (let r: i32 = 0; r < contexts; r++) {
    const fault = faultOf(v128.load(faults + ((<usize>r) << 4)));
    // Where nothing is summed nothing is too large.
    if (fault == 1 || (fault == 2 && statistics)) return (r << 2) | fault;
  }
  return 0;
}

/** Counts the activations of four neighbouring units that are above 0, and those in each bin. */
function countColumns(
  at: usize,
  offsets: usize,
  count: i32,
  histogram: usize,
  active: usize,
  own: v128,
): void {
  // Lanes of others count nothing.
  const one1: u32 = -i32x4.extract_lane(own, 1);
  const one2: u32 = -i32x4.extract_lane(own, 2);
  const one3: u32 = -i32x4.extract_lane(own, 3);
  const bins1 = histogram + 2 * BINS * 4;
  const bins2 = bins1 + 2 * BINS * 4;
  const bins3 = bins2 + 2 * BINS * 4;
  const zero = f32x4.splat(0);
  let above = v128.load(active);
  const pairs = count & ~1;
  for (let i: i32 = 0; i < pairs; i += 2) {
    const early = v128.load(at + load<u32>(offsets + ((<usize>i) << 2)));
    const late = v128.load(at + load<u32>(offsets + ((<usize>i) << 2), 4));
    above = i32x4.sub(above, i32x4.add(f32x4.gt(early, zero), f32x4.gt(late, zero)));
    const bins = binsOf(early, late);
    addOne(histogram + i16x8.extract_lane_u(bins, 0), 1);
    addOne(bins1 + i16x8.extract_lane_u(bins, 1), one1);
    addOne(bins2 + i16x8.extract_lane_u(bins, 2), one2);
    addOne(bins3 + i16x8.extract_lane_u(bins, 3), one3);
    addOne(histogram + i16x8.extract_lane_u(bins, 4), 1);
    addOne(bins1 + i16x8.extract_lane_u(bins, 5), one1);
    addOne(bins2 + i16x8.extract_lane_u(bins, 6), one2);
    addOne(bins3 + i16x8.extract_lane_u(bins, 7), one3);
  }
  if (pairs < count) {
    const last = v128.load(at + load<u32>(offsets + ((<usize>pairs) << 2)));
    above = i32x4.sub(above, f32x4.gt(last, zero));
    const bins = binsOf(last, last);
    addOne(histogram + i16x8.extract_lane_u(bins, 0), 1);
    addOne(bins1 + i16x8.extract_lane_u(bins, 1), one1);
    addOne(bins2 + i16x8.extract_lane_u(bins, 2), one2);
    addOne(bins3 + i16x8.extract_lane_u(bins, 3), one3);
  }
  keep4(active, above, own);
}

/**
 * Of four neighbouring units in one context: where their scores, of which `best` has the largest, are largest, the first
 * position of those that `valid` says are 1, as i32 (-1: none), to `where`; and how far `windows` scales each, to `exponents`.
 * data: the first unit's activation at the first position, rows `stride` floats apart.
 */
export function places(
  data: usize,
  positions: i32,
  stride: usize,
  valid: usize,
  sign: i32,
  best: usize,
  where: usize,
  exponents: usize,
): void {
  const row = stride << 2;
  const flip = sign < 0 ? i32x4.splat(0x80000000) : i32x4.splat(0);
  const keep = sign == 0 ? i32x4.splat(0x7fffffff) : i32x4.splat(-1);
  const peak = v128.load(best);
  let place = i32x4.splat(-1);
  let largest = i32x4.splat(0);
  let at = data + <usize>(positions - 1) * row;
  for (let t = positions - 1; t >= 0; t--, at -= row) {
    const v = v128.load(at);
    largest = i32x4.max_s(largest, v128.and(v, i32x4.splat(0x7fffffff)));
    if (load<u8>(valid + t) != 1) continue;
    const here = f32x4.eq(v128.and(v128.xor(v, flip), keep), peak);
    place = v128.bitselect(i32x4.splat(t), place, here);
  }
  v128.store(where, place);
  v128.store(exponents, scaleExponents(largest));
}

/**
 * Packs the windows of four neighbouring units, their activations over the context, each as `halve` packs a row; exponents:
 * what `places` said. data: the first unit's activation at the first position, rows `units` floats apart, up to the next
 * multiple of eight rows. Unit i's row goes to to + apart·i: its scale (f32), from the eighth byte on its halves, zeros after the
 * positions, up to `pitch` bytes, a multiple of 16, and 8.
 */
export function windows(
  data: usize,
  positions: i32,
  units: usize,
  exponents: usize,
  pitch: usize,
  apart: usize,
  to: usize,
): void {
  const stride = units << 2;
  const exponent = v128.load(exponents);
  const scales = i32x4.shl(exponent, 23);
  const inverse = i32x4.shl(i32x4.sub(i32x4.splat(254), exponent), 23);
  v128.store32_lane(to, scales, 0);
  v128.store32_lane(to + apart, scales, 1);
  v128.store32_lane(to + 2 * apart, scales, 2);
  v128.store32_lane(to + 3 * apart, scales, 3);
  const first = to + 8;
  const second = first + apart;
  const third = second + apart;
  const fourth = third + apart;
  const end = (<usize>((positions + 7) & ~7)) << 1;
  let at = data;
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
  const rest = pitch - 8 - end;
  if (rest == 0) return;
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

/** Copies bytes: one row, to where the host reads it without making a view of it. */
export function copy(to: usize, from: usize, bytes: usize): void {
  memory.copy(to, from, bytes);
}
