// Selection and ordering of u64 keys in memory.

/** Key of a value (bits of a positive float) at a place: the larger key is the larger value, then the lower place. */
export function rankKey(value: u32, place: u32): u64 {
  const inverted: u32 = ~place;
  return ((<u64>value) << 32) | <u64>inverted;
}

/** The place of a rank key. */
export function placeOf(key: u64): u32 {
  const low = <u32>key;
  return ~low;
}

/** An entry as rows hold it, value below and latent above, so that entries order by latent. */
export function entryOf(value: u32, latent: u32): u64 {
  return ((<u64>latent) << 32) | <u64>value;
}

function swap(a: usize, b: usize): void {
  const x = load<u64>(a);
  store<u64>(a, load<u64>(b));
  store<u64>(b, x);
}

/** Moves the k largest of `count` distinct keys to the front, the smallest of them to place k − 1. */
export function keepLargest(at: usize, count: i32, k: i32): void {
  let lo = at;
  let hi = at + ((count - 1) << 3);
  const target = at + ((k - 1) << 3);
  while (lo < hi) {
    // Median of three as the pivot, so that ordered input does not take quadratic time.
    const mid = lo + (((hi - lo) >> 4) << 3);
    if (load<u64>(mid) > load<u64>(lo)) swap(mid, lo);
    if (load<u64>(hi) > load<u64>(lo)) swap(hi, lo);
    if (load<u64>(hi) > load<u64>(mid)) swap(hi, mid);
    const pivot = load<u64>(mid);
    let i = lo;
    let j = hi;
    while (i <= j) {
      while (load<u64>(i) > pivot) i += 8;
      while (load<u64>(j) < pivot) j -= 8;
      if (i <= j) {
        swap(i, j);
        i += 8;
        j -= 8;
      }
    }
    if (target <= j) hi = j;
    else if (target >= i) lo = i;
    else return;
  }
}

/** Sorts keys ascending: insertion for short or ordered runs, heap sort for the rest. */
export function heapSort(at: usize, count: i32): void {
  if (count <= 64 || isOrdered(at, count)) {
    for (let i = 1; i < count; i++) {
      const key = load<u64>(at + (i << 3));
      let j = at + (i << 3);
      while (j > at && load<u64>(j - 8) > key) {
        store<u64>(j, load<u64>(j - 8));
        j -= 8;
      }
      store<u64>(j, key);
    }
    return;
  }
  for (let i = (count >> 1) - 1; i >= 0; i--) sift(at, i, count);
  for (let end = count - 1; end > 0; end--) {
    swap(at, at + (end << 3));
    sift(at, 0, end);
  }
}

function isOrdered(at: usize, count: i32): bool {
  for (let i = 1; i < count; i++) {
    if (load<u64>(at + (i << 3)) < load<u64>(at + (i << 3) - 8)) return false;
  }
  return true;
}

function sift(at: usize, root: i32, count: i32): void {
  const key = load<u64>(at + (root << 3));
  for (;;) {
    let child = 2 * root + 1;
    if (child >= count) break;
    if (child + 1 < count && load<u64>(at + ((child + 1) << 3)) > load<u64>(at + (child << 3))) child++;
    if (load<u64>(at + (child << 3)) <= key) break;
    store<u64>(at + (root << 3), load<u64>(at + (child << 3)));
    root = child;
  }
  store<u64>(at + (root << 3), key);
}
