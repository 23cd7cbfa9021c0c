// Finds the active entries of a tile of pre-activations [tokens, latents], in the private memory of one thread.
import { entryOf, keepLargest, placeOf, rankKey } from './sae/select';

/** Latents of a tile, rounded up to a multiple of 16. */
let width: i32;
let bias: usize;
let low: usize;

/** One row: appends (value f32, latent u32) of each entry with value + bias ≥ max(low, floor); returns the end. */
function scanRow(row: usize, floor: f32, latent: u32, out: usize): usize {
  const least = f32x4.splat(floor);
  const bytes = <usize>width * 4;
  for (let k: usize = 0; k < bytes; k += 64) {
    const v0 = f32x4.add(v128.load(row + k), v128.load(bias + k));
    const v1 = f32x4.add(v128.load(row + k, 16), v128.load(bias + k, 16));
    const v2 = f32x4.add(v128.load(row + k, 32), v128.load(bias + k, 32));
    const v3 = f32x4.add(v128.load(row + k, 48), v128.load(bias + k, 48));
    const m0 = f32x4.ge(v0, f32x4.max(least, v128.load(low + k)));
    const m1 = f32x4.ge(v1, f32x4.max(least, v128.load(low + k, 16)));
    const m2 = f32x4.ge(v2, f32x4.max(least, v128.load(low + k, 32)));
    const m3 = f32x4.ge(v3, f32x4.max(least, v128.load(low + k, 48)));
    if (!v128.any_true(v128.or(v128.or(m0, m1), v128.or(m2, m3)))) continue;
    let mask =
      i32x4.bitmask(m0) | (i32x4.bitmask(m1) << 4) | (i32x4.bitmask(m2) << 8) | (i32x4.bitmask(m3) << 12);
    while (mask != 0) {
      const i = ctz(mask);
      mask &= mask - 1;
      const at = k + ((<usize>i) << 2);
      store<f32>(out, load<f32>(row + at) + load<f32>(bias + at));
      store<u32>(out, latent + (<u32>at >> 2), 4);
      out += 8;
    }
  }
  return out;
}

/** All entries of a tile, row by row, with a count (u32) a row; returns how many. `low` holds a bound a latent. */
export function scan(
  tile: usize,
  rows: i32,
  columns: i32,
  biases: usize,
  lows: usize,
  latent: u32,
  counts: usize,
  out: usize,
): i32 {
  width = columns;
  bias = biases;
  low = lows;
  let at = out;
  for (let r = 0; r < rows; r++) {
    const end = scanRow(tile + ((<usize>r * columns) << 2), -Infinity, latent, at);
    store<u32>(counts + (r << 2), <u32>((end - at) >> 3));
    at = end;
  }
  return <i32>((at - out) >> 3);
}

/** How many of `scan`'s entries are above their latent's bound by more than `half`, half a window. */
export function countActive(entries: usize, count: i32, lows: usize, latent: u32, half: f32): i32 {
  let active = 0;
  for (let i: usize = entries; i < entries + (count << 3); i += 8) {
    if (load<f32>(i) > load<f32>(lows + ((<usize>(load<u32>(i, 4) - latent)) << 2)) + half) active++;
  }
  return active;
}

// A selection keeps `slots` rank keys a row; when they are full it is cut to its k largest.

/** Feeds a tile to per-row selections; `state` holds a row's count (u32) and lowest value worth keeping (f32). */
export function selectRows(
  tile: usize,
  rows: i32,
  columns: i32,
  biases: usize,
  lows: usize,
  latent: u32,
  k: i32,
  slots: i32,
  state: usize,
  keys: usize,
  spare: usize,
): void {
  width = columns;
  bias = biases;
  low = lows;
  for (let r = 0; r < rows; r++) {
    const row = state + (r << 3);
    const at = keys + ((<usize>r * slots) << 3);
    let count = <i32>load<u32>(row);
    let floor = load<f32>(row, 4);
    const end = scanRow(tile + ((<usize>r * columns) << 2), floor, latent, spare);
    for (let i = spare; i < end; i += 8) {
      if (load<f32>(i) < floor) continue;
      store<u64>(at + (count << 3), rankKey(load<u32>(i), load<u32>(i, 4)));
      if (++count < slots) continue;
      keepLargest(at, count, k);
      count = k;
      floor = load<f32>(at + ((k - 1) << 3), 4);
    }
    store<u32>(row, <u32>count);
    store<f32>(row, floor, 4);
  }
}

/** Writes the k largest of each row as (value, latent), with a count a row; returns how many. */
export function finishRows(
  rows: i32,
  k: i32,
  slots: i32,
  state: usize,
  keys: usize,
  counts: usize,
  out: usize,
): i32 {
  let at = out;
  for (let r = 0; r < rows; r++) {
    const from = keys + ((<usize>r * slots) << 3);
    let count = <i32>load<u32>(state + (r << 3));
    if (count > k) {
      keepLargest(from, count, k);
      count = k;
    }
    for (let i = 0; i < count; i++) {
      const key = load<u64>(from + (i << 3));
      store<u64>(at, entryOf(<u32>(key >>> 32), placeOf(key)));
      at += 8;
    }
    store<u32>(counts + (r << 2), <u32>count);
  }
  return <i32>((at - out) >> 3);
}

/**
 * Feeds a tile to one selection over the whole batch; the place of a key is
 * token · latents + latent. `state` holds the count (u32) and the lowest value worth keeping (f32).
 */
export function selectBatch(
  tile: usize,
  rows: i32,
  columns: i32,
  biases: usize,
  lows: usize,
  latent: u32,
  token: u32,
  latents: u32,
  k: i32,
  slots: i32,
  state: usize,
  keys: usize,
  spare: usize,
): void {
  width = columns;
  bias = biases;
  low = lows;
  let count = <i32>load<u32>(state);
  let floor = load<f32>(state, 4);
  for (let r = 0; r < rows; r++) {
    const base = (token + r) * latents;
    const end = scanRow(tile + ((<usize>r * columns) << 2), floor, latent, spare);
    for (let i = spare; i < end; i += 8) {
      if (load<f32>(i) < floor) continue;
      store<u64>(keys + ((<usize>count) << 3), rankKey(load<u32>(i), base + load<u32>(i, 4)));
      if (++count < slots) continue;
      keepLargest(keys, count, k);
      count = k;
      floor = load<f32>(keys + ((<usize>(k - 1)) << 3), 4);
    }
  }
  store<u32>(state, <u32>count);
  store<f32>(state, floor, 4);
}

/** Writes the k largest of the batch by token as (value, latent), with a count a token; returns how many. */
export function finishBatch(
  tokens: i32,
  latents: u32,
  k: i32,
  state: usize,
  keys: usize,
  counts: usize,
  out: usize,
): i32 {
  let count = <i32>load<u32>(state);
  if (count > k) {
    keepLargest(keys, count, k);
    count = k;
  }
  memory.fill(counts, 0, (<usize>tokens) << 2);
  for (let i = 0; i < count; i++) {
    const slot = counts + ((<usize>(placeOf(load<u64>(keys + ((<usize>i) << 3))) / latents)) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  // Counts become the place of each token's next entry, and then counts again.
  let next: u32 = 0;
  for (let t = 0; t < tokens; t++) {
    const slot = counts + ((<usize>t) << 2);
    const here = load<u32>(slot);
    store<u32>(slot, next);
    next += here;
  }
  for (let i = 0; i < count; i++) {
    const key = load<u64>(keys + ((<usize>i) << 3));
    const place = placeOf(key);
    const slot = counts + ((<usize>(place / latents)) << 2);
    const at = load<u32>(slot);
    store<u32>(slot, at + 1);
    store<u64>(out + ((<usize>at) << 3), entryOf(<u32>(key >>> 32), place % latents));
  }
  for (let t = tokens - 1; t > 0; t--) {
    const slot = counts + ((<usize>t) << 2);
    store<u32>(slot, load<u32>(slot) - load<u32>(slot - 4));
  }
  return count;
}
