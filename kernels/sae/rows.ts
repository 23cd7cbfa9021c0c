// Rows of f32, their length a multiple of 8 floats; `bytes` is the length in bytes.

/** Address of a row. */
export function rowAt(base: usize, index: u32, bytes: usize): usize {
  return base + <usize>index * bytes;
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
    const hi = f64x2.promote_low_f32x4(
      i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
    );
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
  to: usize,
  bytes: usize,
  a0: f32,
  r0: usize,
  a1: f32,
  r1: usize,
  a2: f32,
  r2: usize,
  a3: f32,
  r3: usize,
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

/** Four dot products of one row with others, to four floats at `to`. */
export function dot4(row: usize, r0: usize, r1: usize, r2: usize, r3: usize, bytes: usize, to: usize): void {
  let s0 = f32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0,
    t0 = s0,
    t1 = s0,
    t2 = s0,
    t3 = s0;
  for (let k: usize = 0; k < bytes; k += 32) {
    const e = v128.load(row + k);
    s0 = f32x4.add(s0, f32x4.mul(e, v128.load(r0 + k)));
    s1 = f32x4.add(s1, f32x4.mul(e, v128.load(r1 + k)));
    s2 = f32x4.add(s2, f32x4.mul(e, v128.load(r2 + k)));
    s3 = f32x4.add(s3, f32x4.mul(e, v128.load(r3 + k)));
    const f = v128.load(row + k, 16);
    t0 = f32x4.add(t0, f32x4.mul(f, v128.load(r0 + k, 16)));
    t1 = f32x4.add(t1, f32x4.mul(f, v128.load(r1 + k, 16)));
    t2 = f32x4.add(t2, f32x4.mul(f, v128.load(r2 + k, 16)));
    t3 = f32x4.add(t3, f32x4.mul(f, v128.load(r3 + k, 16)));
  }
  store<f32>(to, sum(f32x4.add(s0, t0)));
  store<f32>(to, sum(f32x4.add(s1, t1)), 4);
  store<f32>(to, sum(f32x4.add(s2, t2)), 8);
  store<f32>(to, sum(f32x4.add(s3, t3)), 12);
}

/** Σ u·h and Σ q·h² of four rows h, to four pairs of floats at `to`. */
export function weighed4(
  u: usize,
  q: usize,
  h0: usize,
  h1: usize,
  h2: usize,
  h3: usize,
  bytes: usize,
  to: usize,
): void {
  let n0 = f32x4.splat(0),
    n1 = n0,
    n2 = n0,
    n3 = n0,
    b0 = n0,
    b1 = n0,
    b2 = n0,
    b3 = n0;
  for (let k: usize = 0; k < bytes; k += 16) {
    const vu = v128.load(u + k);
    const vq = v128.load(q + k);
    const v0 = v128.load(h0 + k);
    n0 = f32x4.add(n0, f32x4.mul(vu, v0));
    b0 = f32x4.add(b0, f32x4.mul(vq, f32x4.mul(v0, v0)));
    const v1 = v128.load(h1 + k);
    n1 = f32x4.add(n1, f32x4.mul(vu, v1));
    b1 = f32x4.add(b1, f32x4.mul(vq, f32x4.mul(v1, v1)));
    const v2 = v128.load(h2 + k);
    n2 = f32x4.add(n2, f32x4.mul(vu, v2));
    b2 = f32x4.add(b2, f32x4.mul(vq, f32x4.mul(v2, v2)));
    const v3 = v128.load(h3 + k);
    n3 = f32x4.add(n3, f32x4.mul(vu, v3));
    b3 = f32x4.add(b3, f32x4.mul(vq, f32x4.mul(v3, v3)));
  }
  store<f32>(to, sum(n0));
  store<f32>(to, sum(b0), 4);
  store<f32>(to, sum(n1), 8);
  store<f32>(to, sum(b1), 12);
  store<f32>(to, sum(n2), 16);
  store<f32>(to, sum(b2), 20);
  store<f32>(to, sum(n3), 24);
  store<f32>(to, sum(b3), 28);
}

function sum(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}
