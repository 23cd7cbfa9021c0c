// The active pairs of one token: what its entries decode to, and the gradients of their activations.
import { Params } from './params';
import { axpy4, dot, dot4, rowAt } from './rows';

/** Activation of an entry: its value, or 0 where a threshold gates it away. */
export function activation(p: Params, entry: usize): f32 {
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
export function decodeInto(p: Params, to: usize, at: usize, end: usize): void {
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

/**
 * dz of the entries [at, end): the dot product of the error row with each decoder row; added to what is there where `adds`.
 */
export function activationGradients(
  p: Params,
  error: usize,
  at: usize,
  end: usize,
  dz: usize,
  adds: bool,
): void {
  const bytes = <usize>p.stride * 4;
  for (; at + 24 < end; at += 32, dz += 16) {
    const before = v128.load(dz);
    dot4(
      error,
      rowAt(p.decoder, load<u32>(at, 4), bytes),
      rowAt(p.decoder, load<u32>(at, 12), bytes),
      rowAt(p.decoder, load<u32>(at, 20), bytes),
      rowAt(p.decoder, load<u32>(at, 28), bytes),
      bytes,
      dz,
    );
    if (adds) v128.store(dz, f32x4.add(v128.load(dz), before));
  }
  for (; at < end; at += 8, dz += 4) {
    const before: f32 = adds ? load<f32>(dz) : 0;
    store<f32>(dz, dot(error, rowAt(p.decoder, load<u32>(at, 4), bytes), bytes) + before);
  }
}
