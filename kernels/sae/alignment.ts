// L_R, the residual alignment: Σ over active pairs of 1 − cos(r, d). d is the latent's decoder row, of any norm n, and
// r = e + z d what is left of the input for the latent, with e = x − x̂. The direction of d is a constant for the gradient,
// in r as well; z n is not (holdLength in latents.ts). With u = e·d and c = cos(r, d) = (u + z n²) / (|r| n):
//   ∂c/∂e = (1/n − c z/|r|) / |r| · d − c/|r|² · e,   ∂c/∂z where e is held = n (1 − c²) / |r|.
import { activation, activationGradients } from './pairs';
import { Params } from './params';
import { ALIGNED, PRODUCTS, WITHOUT_DIRECTION } from './places';
import { axpy4, clear, rowAt } from './rows';

/** Share of |e|² + |z d|² below which |r|² is nothing but rounding: such an r has no direction. */
const ROUNDING: f64 = 1e-6;

// Of the last pair: 1 − c, and the factors of ∂c/∂e (of d, and of −e) and of ∂c/∂z.
export let distance: f64;
export let alongRow: f64;
export let alongError: f64;
export let perActivation: f64;

/** One pair; without direction (r or d is 0) its distance is 1 and its gradient 0. */
export function alignPair(z: f64, u: f64, norm: f64, errorEnergy: f64): void {
  distance = 1;
  alongRow = 0;
  alongError = 0;
  perActivation = 0;
  if (!(norm > 0)) return;
  const own = z * norm;
  const along = own + u / norm;
  const square = errorEnergy + own * (own + (2 * u) / norm);
  if (!(square > ROUNDING * (errorEnergy + own * own))) return;
  // r is at least as long as its part along d, also after rounding.
  const length = Math.sqrt(max<f64>(square, along * along));
  const c = along / length;
  distance = 1 - c;
  alongRow = (1 / norm - (c * z) / length) / length;
  alongError = c / (length * length);
  perActivation = (norm * (1 - c * c)) / length;
}

/** A pair of the control: the relative error, the same for every latent of a token. */
function relativePair(errorEnergy: f64, inputEnergy: f64): void {
  distance = inputEnergy > 0 ? errorEnergy / inputEnergy : 0;
  alongRow = 0;
  alongError = inputEnergy > 0 ? 2 / inputEnergy : 0;
  perActivation = 0;
}

/**
 * L_R of one token, whose entries are [first, last) and whose row of the gradient by the full reconstruction is `row`,
 * `factor` · (x̂ − x) so far: adds L_R's gradient to the row, and writes to dz what L_R gives to each activation besides.
 */
export function alignToken(
  p: Params,
  t: i32,
  row: usize,
  factor: f32,
  errorEnergy: f64,
  first: usize,
  last: usize,
  dz: usize,
  scratch: usize,
): void {
  const bytes = <usize>p.stride * 4;
  const weight = <f64>p.residualWeight;
  const sum = rowAt(scratch, ALIGNED, bytes);
  const slots = rowAt(scratch, PRODUCTS, bytes);
  clear(sum, bytes);
  activationGradients(p, row, first, last, dz, false);
  const isControl = p.align == WITHOUT_DIRECTION;
  const inputEnergy = load<f64>(p.tokenEnergy + (t << 3));
  let sumDistance: f64 = 0;
  let sumError: f64 = 0;
  for (let at = first; at < last; ) {
    let filled = 0;
    for (; filled < 4 && at < last; at += 8, dz += 4) {
      const z = activation(p, at);
      const u = -(<f64>load<f32>(dz)) / <f64>factor;
      store<f32>(dz, 0);
      if (!(z > 0)) continue;
      const latent = load<u32>(at, 4);
      if (isControl) relativePair(errorEnergy, inputEnergy);
      else alignPair(<f64>z, u, <f64>load<f32>(p.decoderNorm + ((<usize>latent) << 2)), errorEnergy);
      sumDistance += distance;
      sumError += alongError;
      store<f32>(dz, <f32>(-weight * perActivation));
      store<u32>(slots + (filled << 3), latent);
      store<f32>(slots + (filled << 3), <f32>(weight * alongRow), 4);
      filled++;
    }
    if (filled == 0) break;
    // A short last quartet repeats a row with weight 0.
    for (; filled < 4; filled++) {
      store<u32>(slots + (filled << 3), load<u32>(slots));
      store<f32>(slots + (filled << 3), 0, 4);
    }
    axpy4(
      sum,
      bytes,
      load<f32>(slots, 4),
      rowAt(p.decoder, load<u32>(slots), bytes),
      load<f32>(slots, 12),
      rowAt(p.decoder, load<u32>(slots, 8), bytes),
      load<f32>(slots, 20),
      rowAt(p.decoder, load<u32>(slots, 16), bytes),
      load<f32>(slots, 28),
      rowAt(p.decoder, load<u32>(slots, 24), bytes),
    );
  }
  store<f64>(p.tokenAlignment + (t << 3), sumDistance);
  const keep = f32x4.splat(<f32>(1 + (weight * sumError) / <f64>factor));
  for (let k: usize = 0; k < bytes; k += 16) {
    v128.store(row + k, f32x4.add(f32x4.mul(v128.load(row + k), keep), v128.load(sum + k)));
  }
}
