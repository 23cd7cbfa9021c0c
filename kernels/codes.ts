// Dot products of one vector with many rows of 8-bit codes, in SIMD.

/**
 * For each of `count` rows of `width` signed bytes at `codes`: the dot product with `query`, `width` 16-bit integers,
 * times the row's factor at `scales` and times `scale`, to `out` (f32). `width` is a multiple of 16 and at most 2^17, so
 * that no sum leaves 32 bits.
 */
export function products(
  codes: usize,
  count: i32,
  width: i32,
  query: usize,
  scale: f32,
  scales: usize,
  out: usize,
): void {
  let row = codes;
  for (let r = 0; r < count; r++) {
    let first = i32x4.splat(0);
    let second = i32x4.splat(0);
    let other = query;
    const end = row + <usize>width;
    while (row < end) {
      const bytes = v128.load(row);
      first = i32x4.add(first, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(bytes), v128.load(other)));
      second = i32x4.add(second, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(bytes), v128.load(other, 16)));
      row += 16;
      other += 32;
    }
    const sums = i32x4.add(first, second);
    const sum =
      i32x4.extract_lane(sums, 0) +
      i32x4.extract_lane(sums, 1) +
      i32x4.extract_lane(sums, 2) +
      i32x4.extract_lane(sums, 3);
    const at = (<usize>r) << 2;
    store<f32>(out + at, <f32>sum * scale * load<f32>(scales + at));
  }
}
