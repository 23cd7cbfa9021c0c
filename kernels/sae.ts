// Sparse autoencoder training on active pairs. Memory is shared; src/sae/trainer/layout.ts lays it out.
import { adamRow } from './sae/adam';
import { normalise } from './sae/latents';
import { Pairs, Params } from './sae/params';
import { keepLargest } from './sae/select';

export { applyGradients, finishDense, keepGradients, meanOf, updateLatents } from './sae/latents';
export { cut, decode, decodeAux, errorsOfDense, order, prepare, sumErrors } from './sae/tokens';

/** Bytes of the two parameter blocks, so that a test can check the list of fields that the host is given. */
export function paramsBytes(): i32 {
  return offsetof<Params>();
}
export function pairsBytes(): i32 {
  return offsetof<Pairs>();
}

/** Adam's step on b_dec; returns 0 where it stayed finite. */
export function updateDecoderBias(p: Params, m: usize, v: usize, gradient: usize): f32 {
  return adamRow(p, p.bDec, m, v, gradient, <usize>p.stride * 4);
}

/** ‖W_dec‖ of every latent, and unit rows where asked. */
export function normaliseAll(p: Params): void {
  for (let j = 0; j < p.latents; j++) normalise(p, j);
}

/** The k-th largest of `count` distinct u64 keys; reorders them. */
export function kthLargest(keys: usize, count: i32, k: i32): void {
  keepLargest(keys, count, k);
}
