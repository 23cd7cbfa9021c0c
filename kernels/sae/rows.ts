// Rows of f32, their length a multiple of 8 floats; `bytes` is the length in bytes.

/** Address of a row. */
// @ts-ignore: decorator
@inline
export function rowAt(base: usize, index: u32, bytes: usize): usize {
  return base + <usize>index * bytes;
}

// @ts-ignore: decorator
@inline
export function sum(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

export function clear(row: usize, bytes: usize): void {
  memory.fill(row, 0, bytes);
}

export function dot(a: usize, b: usize, bytes: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  for (let k: usize = 0; k < bytes; k += 32) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a + k), v128.load(b + k)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a + k, 16), v128.load(b + k, 16)));
  }
  return sum(f32x4.add(s0, s1));
}

/** Σ row² in f64. */
export function energy(row: usize, bytes: usize): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  for (let k: usize = 0; k < bytes; k += 16) {
    const v = v128.load(row + k);
    const lo = f64x2.promote_low_f32x4(v);
    const hi = f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
    s0 = f64x2.add(s0, f64x2.mul(lo, lo));
    s1 = f64x2.add(s1, f64x2.mul(hi, hi));
  }
  const s = f64x2.add(s0, s1);
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/** to += a·row */
export function axpy(to: usize, a: f32, row: usize, bytes: usize): void {
  const va = f32x4.splat(a);
  for (let k: usize = 0; k < bytes; k += 32) {
    v128.store(to + k, f32x4.add(v128.load(to + k), f32x4.mul(va, v128.load(row + k))));
    v128.store(to + k, f32x4.add(v128.load(to + k, 16), f32x4.mul(va, v128.load(row + k, 16))), 16);
  }
}

/** to += a0·r0 + a1·r1 + a2·r2 + a3·r3 */
export function axpy4(
  to: usize, bytes: usize,
  a0: f32, r0: usize, a1: f32, r1: usize, a2: f32, r2: usize, a3: f32, r3: usize,
): void {
  const v0 = f32x4.splat(a0);
  const v1 = f32x4.splat(a1);
  const v2 = f32x4.splat(a2);
  const v3 = f32x4.splat(a3);
  for (let k: usize = 0; k < bytes; k += 16) {
    const s01 = f32x4.add(f32x4.mul(v0, v128.load(r0 + k)), f32x4.mul(v1, v128.load(r1 + k)));
    const s23 = f32x4.add(f32x4.mul(v2, v128.load(r2 + k)), f32x4.mul(v3, v128.load(r3 + k)));
    v128.store(to + k, f32x4.add(v128.load(to + k), f32x4.add(s01, s23)));
  }
}

export function scale(row: usize, a: f32, bytes: usize): void {
  const va = f32x4.splat(a);
  for (let k: usize = 0; k < bytes; k += 16) v128.store(row + k, f32x4.mul(va, v128.load(row + k)));
}
