// What is done token by token: preparing the input, choosing and ordering the active pairs, decoding, errors.
import { alignToken } from './alignment';
import { activation, activationGradients, decodeInto } from './pairs';
import { Pairs, Params } from './params';
import { axpy, clear, energy, rowAt } from './rows';
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

/**
 * Of one token: the squared error of a reconstruction after group g, and its gradient to `row` (which may be the same).
 * x̂ − x itself is kept where `plain` is not 0.
 */
function errorOf(p: Params, t: i32, g: i32, reconstruction: usize, row: usize, plain: usize): void {
  const bytes = <usize>p.stride * 4;
  const x = rowAt(p.x, t, bytes);
  for (let k: usize = 0; k < bytes; k += 16) {
    v128.store(row + k, f32x4.sub(v128.load(reconstruction + k), v128.load(x + k)));
  }
  if (plain) memory.copy(plain, row, bytes);
  store<f64>(p.tokenError + ((<usize>g * p.tokens + t) << 3), energy(row, bytes));
  const factor = f32x4.splat(errorFactor(p, g));
  for (let k: usize = 0; k < bytes; k += 16) v128.store(row + k, f32x4.mul(v128.load(row + k), factor));
}

/** What x̂ − x of group g is multiplied by in the gradient of its squared error. */
function errorFactor(p: Params, g: i32): f32 {
  return <f32>2 * p.invTokens * load<f32>(p.groupWeight + (g << 2));
}

/** As `decode` begins, of one group, where Σ z·W_dec of each token lies in its error row already. */
export function errorsOfDense(p: Params, main: Pairs, aux: Pairs, from: i32, to: i32): void {
  const bytes = <usize>p.stride * 4;
  for (let t = from; t < to; t++) {
    const row = rowAt(main.errors, t, bytes);
    axpy(row, 1, p.bDec, bytes);
    errorOf(p, t, 0, row, row, aux.errors ? rowAt(aux.errors, t, bytes) : 0);
  }
}

/** The block's part of b_dec's gradient in the decoder: the sum of its tokens' error rows. */
export function sumErrors(p: Params, pairs: Pairs, from: i32, to: i32, block: i32): void {
  const bytes = <usize>p.stride * 4;
  const blockErrors = rowAt(p.blockErrors, block, bytes);
  clear(blockErrors, bytes);
  for (let t = from; t < to; t++) axpy(blockErrors, 1, rowAt(pairs.errors, t, bytes), bytes);
}

/**
 * Tokens [from, to): reconstruction after each group, squared errors, L_R, the gradient of the loss by the
 * reconstruction (each group's row carries what its latents feel: the sum over its own and all later
 * groups), dz of every pair, sparsity, and the block's part of b_dec's gradient.
 */
export function decode(
  p: Params,
  pairs: Pairs,
  aux: Pairs,
  hasAux: i32,
  from: i32,
  to: i32,
  block: i32,
  scratch: usize,
): void {
  const bytes = <usize>p.stride * 4;
  const groupBytes = <usize>p.tokens * bytes;
  const whole = p.groups - 1;
  for (let t = from; t < to; t++) {
    const start = <usize>load<u32>(pairs.rowStart + (t << 2));
    const first = pairs.entries + (start << 3);
    const last = first + ((<usize>load<u32>(pairs.rowCount + (t << 2))) << 3);
    const error = rowAt(pairs.errors, t, bytes);
    memory.copy(scratch, p.bDec, bytes);
    let at = first;
    for (let g = 0; g <= whole; g++) {
      const end = endOfGroup(p, g, at, last);
      decodeInto(p, scratch, at, end);
      at = end;
      const plain = hasAux && g == whole ? rowAt(aux.errors, t, bytes) : 0;
      errorOf(p, t, g, scratch, rowAt(error, g, groupBytes), plain);
    }
    if (p.align) {
      const row = rowAt(error, whole, groupBytes);
      const squared = load<f64>(p.tokenError + ((<usize>whole * p.tokens + t) << 3));
      alignToken(p, t, row, errorFactor(p, whole), squared, first, last, pairs.dz + (start << 2), scratch);
    }
    for (let g = whole - 1; g >= 0; g--) {
      axpy(rowAt(error, g, groupBytes), 1, rowAt(error, g + 1, groupBytes), bytes);
    }
    at = first;
    for (let g = 0; g <= whole; g++) {
      const end = endOfGroup(p, g, at, last);
      const dz = pairs.dz + ((at - pairs.entries) >> 1);
      activationGradients(p, rowAt(error, g, groupBytes), at, end, dz, p.align != 0);
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
  sumErrors(p, pairs, from, to, block);
}

/** The end of group g's entries, which begin at `at`. */
function endOfGroup(p: Params, g: i32, at: usize, last: usize): usize {
  if (g == p.groups - 1) return last;
  const groupEnd = load<u32>(p.groupEnd + (g << 2));
  while (at < last && load<u32>(at, 4) < groupEnd) at += 8;
  return at;
}

/**
 * Auxiliary loss of dead latents: tokens [from, to) of `aux`, whose latents reconstruct the error e = x − x̂;
 * `decode` left x̂ − x in their rows, which now take α‖e − ê‖²'s gradient; writes dz.
 */
export function decodeAux(p: Params, aux: Pairs, from: i32, to: i32): void {
  const bytes = <usize>p.stride * 4;
  const factor = f32x4.splat(<f32>2 * p.invTokens * p.auxWeight);
  for (let t = from; t < to; t++) {
    const start = <usize>load<u32>(aux.rowStart + (t << 2));
    const first = aux.entries + (start << 3);
    const last = first + ((<usize>load<u32>(aux.rowCount + (t << 2))) << 3);
    const row = rowAt(aux.errors, t, bytes);
    decodeInto(p, row, first, last);
    store<f64>(p.tokenAux + (t << 3), energy(row, bytes));
    for (let k: usize = 0; k < bytes; k += 16) v128.store(row + k, f32x4.mul(v128.load(row + k), factor));
    activationGradients(p, row, first, last, aux.dz + (start << 2), false);
  }
}
