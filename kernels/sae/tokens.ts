// What is done token by token: preparing the input, choosing and ordering the active pairs, decoding, errors.
import { Pairs, Params } from './params';
import { axpy, axpy4, clear, dot, dot4, energy, rowAt } from './rows';
import { entryOf, heapSort, keepLargest, placeOf, rankKey } from './select';

/**
 * Tokens [from, to) of x: scales them, writes h, ‖x‖² a token and the block's sum of x.
 * Returns the first token that is not finite, or -1.
 */
export function prepare(p: Params, from: i32, to: i32, block: i32): i32 {
  const bytes = <usize>p.stride * 4;
  const blockSum = rowAt(p.blockSum, block, bytes * 2);
  memory.fill(blockSum, 0, bytes * 2);
  const factor = f32x4.splat(p.inputScale);
  for (let t = from; t < to; t++) {
    const x = rowAt(p.x, t, bytes);
    const h = rowAt(p.h, t, bytes);
    for (let k: usize = 0; k < bytes; k += 16) {
      const v = f32x4.mul(v128.load(x + k), factor);
      v128.store(x + k, v);
      if (p.centred) v128.store(h + k, f32x4.sub(v, v128.load(p.bDec + k)));
      const s = blockSum + 2 * k;
      const hi = i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
      v128.store(s, f64x2.add(v128.load(s), f64x2.promote_low_f32x4(v)));
      v128.store(s, f64x2.add(v128.load(s, 16), f64x2.promote_low_f32x4(hi)), 16);
    }
    const e = energy(x, bytes);
    if (!isFinite(e)) return t;
    store<f64>(p.tokenEnergy + (t << 3), e);
  }
  return -1;
}

/** Keeps the k largest entries of each row (all for k = 0), then orders each row by latent. */
export function order(p: Params, pairs: Pairs, from: i32, to: i32, k: i32): void {
  for (let t = from; t < to; t++) {
    const at = pairs.entries + ((<usize>load<u32>(pairs.rowStart + (t << 2))) << 3);
    let count = <i32>load<u32>(pairs.rowCount + (t << 2));
    if (k > 0 && count > k) {
      for (let i: usize = at; i < at + (count << 3); i += 8) {
        store<u64>(i, rankKey(load<u32>(i), load<u32>(i, 4)));
      }
      keepLargest(at, count, k);
      count = k;
      store<u32>(pairs.rowCount + (t << 2), count);
      for (let i: usize = at; i < at + (count << 3); i += 8) {
        const key = load<u64>(i);
        store<u64>(i, entryOf(<u32>(key >>> 32), placeOf(key)));
      }
    }
    heapSort(at, count);
  }
}

/** Drops the entries whose key (value, then lower place token · latents + latent) is below `cut`. */
export function cut(p: Params, pairs: Pairs, from: i32, to: i32, cutValue: u32, cutPlace: u32): void {
  for (let t = from; t < to; t++) {
    const at = pairs.entries + ((<usize>load<u32>(pairs.rowStart + (t << 2))) << 3);
    const end = at + ((<usize>load<u32>(pairs.rowCount + (t << 2))) << 3);
    let to = at;
    for (let i = at; i < end; i += 8) {
      const value = load<u32>(i);
      const place = <u32>t * <u32>p.latents + load<u32>(i, 4);
      if (value > cutValue || (value == cutValue && place <= cutPlace)) {
        store<u64>(to, load<u64>(i));
        to += 8;
      }
    }
    store<u32>(pairs.rowCount + (t << 2), <u32>((to - at) >> 3));
  }
}

function activation(p: Params, entry: usize): f32 {
  const value = load<f32>(entry);
  if (p.gated && value <= load<f32>(p.threshold + ((<usize>load<u32>(entry, 4)) << 2))) return 0;
  return value;
}

/** The first active entry of [at, end), or `end`. */
function nextActive(p: Params, at: usize, end: usize): usize {
  if (p.gated) while (at < end && activation(p, at) == 0) at += 8;
  return at;
}

/** to += Σ activation · decoder row over the entries [at, end). */
function decodeInto(p: Params, to: usize, at: usize, end: usize): void {
  const bytes = <usize>p.stride * 4;
  at = nextActive(p, at, end);
  while (at < end) {
    const r0 = rowAt(p.decoder, load<u32>(at, 4), bytes);
    const a0 = load<f32>(at);
    let r1 = r0,
      r2 = r0,
      r3 = r0;
    let a1: f32 = 0,
      a2: f32 = 0,
      a3: f32 = 0;
    at = nextActive(p, at + 8, end);
    if (at < end) {
      r1 = rowAt(p.decoder, load<u32>(at, 4), bytes);
      a1 = load<f32>(at);
      at = nextActive(p, at + 8, end);
    }
    if (at < end) {
      r2 = rowAt(p.decoder, load<u32>(at, 4), bytes);
      a2 = load<f32>(at);
      at = nextActive(p, at + 8, end);
    }
    if (at < end) {
      r3 = rowAt(p.decoder, load<u32>(at, 4), bytes);
      a3 = load<f32>(at);
      at = nextActive(p, at + 8, end);
    }
    axpy4(to, bytes, a0, r0, a1, r1, a2, r2, a3, r3);
  }
}

/** dz of the entries [at, end): the dot product of the error row with each decoder row. */
function activationGradients(p: Params, error: usize, at: usize, end: usize, dz: usize): void {
  const bytes = <usize>p.stride * 4;
  for (; at + 24 < end; at += 32, dz += 16) {
    dot4(
      error,
      rowAt(p.decoder, load<u32>(at, 4), bytes),
      rowAt(p.decoder, load<u32>(at, 12), bytes),
      rowAt(p.decoder, load<u32>(at, 20), bytes),
      rowAt(p.decoder, load<u32>(at, 28), bytes),
      bytes,
      dz,
    );
  }
  for (; at < end; at += 8, dz += 4)
    store<f32>(dz, dot(error, rowAt(p.decoder, load<u32>(at, 4), bytes), bytes));
}

/** Of one token: the squared error of a reconstruction after group g, and its gradient to `row` (which may be the same). */
function errorOf(p: Params, t: i32, g: i32, reconstruction: usize, row: usize): void {
  const bytes = <usize>p.stride * 4;
  const x = rowAt(p.x, t, bytes);
  for (let k: usize = 0; k < bytes; k += 16) {
    v128.store(row + k, f32x4.sub(v128.load(reconstruction + k), v128.load(x + k)));
  }
  store<f64>(p.tokenError + ((<usize>g * p.tokens + t) << 3), energy(row, bytes));
  const factor = f32x4.splat(<f32>2 * p.invTokens * load<f32>(p.groupWeight + (g << 2)));
  for (let k: usize = 0; k < bytes; k += 16) v128.store(row + k, f32x4.mul(v128.load(row + k), factor));
}

/** As `decode`, of one group, where Σ z·W_dec of each token lies in its error row already. */
export function errorsOfDense(p: Params, pairs: Pairs, from: i32, to: i32, block: i32): void {
  const bytes = <usize>p.stride * 4;
  const blockErrors = rowAt(p.blockErrors, block, bytes);
  clear(blockErrors, bytes);
  for (let t = from; t < to; t++) {
    const row = rowAt(pairs.errors, t, bytes);
    axpy(row, 1, p.bDec, bytes);
    errorOf(p, t, 0, row, row);
    axpy(blockErrors, 1, row, bytes);
  }
}

/**
 * Tokens [from, to): reconstruction after each group, squared errors, the gradient of the loss by the
 * reconstruction (each group's row carries what its latents feel: the sum over its own and all later
 * groups), dz of every pair, sparsity, and the block's part of b_dec's gradient.
 */
export function decode(p: Params, pairs: Pairs, from: i32, to: i32, block: i32, scratch: usize): void {
  const bytes = <usize>p.stride * 4;
  const groupBytes = <usize>p.tokens * bytes;
  const blockErrors = rowAt(p.blockErrors, block, bytes);
  clear(blockErrors, bytes);
  for (let t = from; t < to; t++) {
    const start = <usize>load<u32>(pairs.rowStart + (t << 2));
    const first = pairs.entries + (start << 3);
    const last = first + ((<usize>load<u32>(pairs.rowCount + (t << 2))) << 3);
    const error = rowAt(pairs.errors, t, bytes);
    memory.copy(scratch, p.bDec, bytes);
    let at = first;
    for (let g = 0; g < p.groups; g++) {
      const groupEnd = load<u32>(p.groupEnd + (g << 2));
      let end = at;
      if (g == p.groups - 1) end = last;
      else while (end < last && load<u32>(end, 4) < groupEnd) end += 8;
      decodeInto(p, scratch, at, end);
      at = end;
      errorOf(p, t, g, scratch, rowAt(error, g, groupBytes));
    }
    for (let g = p.groups - 2; g >= 0; g--) {
      axpy(rowAt(error, g, groupBytes), 1, rowAt(error, g + 1, groupBytes), bytes);
    }
    axpy(blockErrors, 1, error, bytes);
    at = first;
    for (let g = 0; g < p.groups; g++) {
      const groupEnd = load<u32>(p.groupEnd + (g << 2));
      let end = at;
      if (g == p.groups - 1) end = last;
      else while (end < last && load<u32>(end, 4) < groupEnd) end += 8;
      activationGradients(p, rowAt(error, g, groupBytes), at, end, pairs.dz + ((at - pairs.entries) >> 1));
      at = end;
    }
    let sparsity: f64 = 0;
    for (at = first; at < last; at += 8) {
      const z = activation(p, at);
      if (z > 0)
        sparsity += p.gated ? 1 : <f64>z * <f64>load<f32>(p.decoderNorm + ((<usize>load<u32>(at, 4)) << 2));
    }
    store<f64>(p.tokenSparsity + (t << 3), sparsity);
  }
}

/**
 * Auxiliary loss of dead latents: tokens [from, to) of `aux`, whose latents reconstruct the error e = x − x̂
 * that the last group of `main` left; writes α‖e − ê‖²'s gradient and dz.
 */
export function decodeAux(p: Params, main: Pairs, aux: Pairs, from: i32, to: i32): void {
  const bytes = <usize>p.stride * 4;
  const g = p.groups - 1;
  // main's row is 2 · weight / tokens · (x̂ − x)
  const unscale: f32 = <f32>1 / (<f32>2 * p.invTokens * load<f32>(p.groupWeight + (g << 2)));
  const factor = f32x4.splat(<f32>2 * p.invTokens * p.auxWeight);
  for (let t = from; t < to; t++) {
    const start = <usize>load<u32>(aux.rowStart + (t << 2));
    const first = aux.entries + (start << 3);
    const last = first + ((<usize>load<u32>(aux.rowCount + (t << 2))) << 3);
    const row = rowAt(aux.errors, t, bytes);
    clear(row, bytes);
    axpy(row, unscale, rowAt(main.errors, g * p.tokens + t, bytes), bytes);
    decodeInto(p, row, first, last);
    store<f64>(p.tokenAux + (t << 3), energy(row, bytes));
    for (let k: usize = 0; k < bytes; k += 16) v128.store(row + k, f32x4.mul(v128.load(row + k), factor));
    activationGradients(p, row, first, last, aux.dz + (start << 2));
  }
}
