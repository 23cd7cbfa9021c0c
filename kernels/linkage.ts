// The inner loops of nearest-neighbour chains, over a square f64 matrix of distances. Rows are `stride` values apart,
// a multiple of eight. `dead` holds a row more: 0 for each live cluster, infinity for every other place.

/** Copies the upper triangle of the n × n matrix to the lower one, and sets the diagonal to infinity. */
export function mirror(square: usize, n: i32, stride: i32, firstRow: i32, lastRow: i32): void {
  const rowBytes = (<usize>stride) << 3;
  for (let top = firstRow; top < lastRow; top += 32) {
    const bottom = min(top + 32, lastRow);
    for (let left = 0; left < bottom; left += 32) {
      for (let i = top; i < bottom; i++) {
        const row = square + <usize>i * rowBytes;
        const right = min(left + 32, i);
        for (let j = left; j < right; j++) {
          store<f64>(row + ((<usize>j) << 3), load<f64>(square + <usize>j * rowBytes + ((<usize>i) << 3)));
        }
      }
    }
    for (let i = top; i < bottom; i++) store<f64>(square + <usize>i * rowBytes + ((<usize>i) << 3), Infinity);
  }
}

/**
 * The nearest live cluster to the one whose row lies at `row`: `previous` (−1: none) where it ties, else the lowest.
 */
export function nearest(row: usize, dead: usize, stride: i32, previous: i32): i32 {
  const bytes = (<usize>stride) << 3;
  let m0 = f64x2.splat(Infinity),
    m1 = m0,
    m2 = m0,
    m3 = m0;
  for (let at: usize = 0; at < bytes; at += 64) {
    const a = f64x2.add(v128.load(row + at, 0), v128.load(dead + at, 0));
    const b = f64x2.add(v128.load(row + at, 16), v128.load(dead + at, 16));
    const c = f64x2.add(v128.load(row + at, 32), v128.load(dead + at, 32));
    const d = f64x2.add(v128.load(row + at, 48), v128.load(dead + at, 48));
    m0 = f64x2.pmin(m0, a);
    m1 = f64x2.pmin(m1, b);
    m2 = f64x2.pmin(m2, c);
    m3 = f64x2.pmin(m3, d);
  }
  m0 = f64x2.pmin(f64x2.pmin(m0, m1), f64x2.pmin(m2, m3));
  const least = min(f64x2.extract_lane(m0, 0), f64x2.extract_lane(m0, 1));
  if (previous >= 0 && load<f64>(row + ((<usize>previous) << 3)) <= least) return previous;
  let at: usize = 0;
  while (load<f64>(row + at) + load<f64>(dead + at) != least) at += 8;
  return <i32>(at >> 3);
}

/**
 * Merges the cluster `low` of `sizeLow` points into `high` of `sizeHigh`: rewrites the row and the column of `high`.
 * `method`: 0 average, 1 complete, 2 weighted. Places of dead clusters in the row get values that nothing reads.
 */
export function merge(
  square: usize,
  dead: usize,
  n: i32,
  stride: i32,
  low: i32,
  high: i32,
  sizeLow: f64,
  sizeHigh: f64,
  method: i32,
): void {
  const rowBytes = (<usize>stride) << 3;
  const rowLow = square + <usize>low * rowBytes;
  const rowHigh = square + <usize>high * rowBytes;
  const weightLow = f64x2.splat(sizeLow);
  const weightHigh = f64x2.splat(sizeHigh);
  const both = f64x2.splat(sizeLow + sizeHigh);
  const half = f64x2.splat(0.5);
  for (let at: usize = 0; at < rowBytes; at += 16) {
    const a = v128.load(rowLow + at);
    const b = v128.load(rowHigh + at);
    let value: v128;
    if (method == 0) value = f64x2.div(f64x2.add(f64x2.mul(weightLow, a), f64x2.mul(weightHigh, b)), both);
    else if (method == 1) value = f64x2.pmax(a, b);
    else value = f64x2.mul(half, f64x2.add(a, b));
    v128.store(rowHigh + at, value);
  }
  let column = square + ((<usize>high) << 3);
  const end = (<usize>n) << 3;
  for (let at: usize = 0; at < end; at += 8) {
    if (load<f64>(dead + at) == 0) store<f64>(column, load<f64>(rowHigh + at));
    column += rowBytes;
  }
}
