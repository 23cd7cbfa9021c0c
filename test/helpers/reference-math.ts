import type { Tensor } from './tiny-checkpoint.ts';

/** Plain float64 arithmetic of the reference forwards. Rows are positions of one sequence, row-major. */

/** What a forward saw at each site: [positions × width]. */
export type Sites = Record<string, Float64Array>;

/** x·W + b, with W [in, out] (`in_out`) or [out, in] (`out_in`). */
export function linear(
  x: Float64Array,
  weight: Tensor,
  bias: Tensor | undefined,
  layout: 'in_out' | 'out_in',
): Float64Array {
  const [rows, columns] = weight.shape as [number, number];
  const [inputs, outputs] = layout === 'in_out' ? [rows, columns] : [columns, rows];
  const count = x.length / inputs;
  const y = new Float64Array(count * outputs);
  for (let t = 0; t < count; t++) {
    const row = y.subarray(t * outputs, (t + 1) * outputs);
    if (bias) row.set(bias.data);
    for (let i = 0; i < inputs; i++) {
      const value = x[t * inputs + i]!;
      if (layout === 'in_out')
        for (let o = 0; o < outputs; o++) row[o]! += value * weight.data[i * outputs + o]!;
    }
    if (layout === 'in_out') continue;
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += x[t * inputs + i]! * weight.data[o * inputs + i]!;
      row[o]! += sum;
    }
  }
  return y;
}

export function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!);
}

/** Each row less its mean (LayerNorm alone), over its root mean square. */
export function normalize(x: Float64Array, width: number, epsilon: number, centre: boolean): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const row = x.subarray(start, start + width);
    const mean = centre ? row.reduce((sum, v) => sum + v, 0) / width : 0;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
    for (let k = 0; k < width; k++) y[start + k] = (row[k]! - mean) / Math.sqrt(variance + epsilon);
  }
  return y;
}

/** γ and β of a norm. */
export function affine(x: Float64Array, gamma: Tensor, beta?: Tensor): Float64Array {
  const width = gamma.data.length;
  return x.map((value, i) => value * gamma.data[i % width]! + (beta?.data[i % width] ?? 0));
}

/** Softmax attention, causal or of all positions; head h of q reads head ⌊h·kvHeads/heads⌋ of k and v. */
export function attend(
  [q, k, v]: readonly [Float64Array, Float64Array, Float64Array],
  {
    heads,
    kvHeads,
    headDim,
    scale,
    causal = true,
  }: { heads: number; kvHeads: number; headDim: number; scale: number; causal?: boolean },
): Float64Array {
  const length = q.length / (heads * headDim);
  const z = new Float64Array(q.length);
  for (let head = 0; head < heads; head++) {
    const own = Math.floor((head * kvHeads) / heads);
    const at = (t: number) => (t * heads + head) * headDim;
    const from = (s: number) => (s * kvHeads + own) * headDim;
    for (let t = 0; t < length; t++) {
      const scores = Array.from({ length: causal ? t + 1 : length }, (_, s) => {
        let dot = 0;
        for (let i = 0; i < headDim; i++) dot += q[at(t) + i]! * k[from(s) + i]!;
        return dot * scale;
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((sum, w) => sum + w, 0);
      weights.forEach((weight, s) => {
        for (let i = 0; i < headDim; i++) z[at(t) + i]! += (weight / total) * v[from(s) + i]!;
      });
    }
  }
  return z;
}

export const activations: Record<string, (x: number) => number> = {
  relu: (x) => Math.max(0, x),
  silu: (x) => x / (1 + Math.exp(-x)),
  swish: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  gelu_new: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  gelu_pytorch_tanh: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** erf x = 2/√π · e^(−x²) · Σ 2^k x^(2k+1) / (2k+1)!!; all terms of one sign. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = 0;
  for (let k = 0; Math.abs(term) > 1e-18; k++) {
    sum += term;
    term *= (2 * x * x) / (2 * k + 3);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** The largest |actual − reference| / max(1, |reference|). */
export function worstDifference(actual: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (actual.length !== reference.length) {
    throw new Error(`${actual.length} values, the reference has ${reference.length}`);
  }
  let worst = 0;
  for (let i = 0; i < reference.length; i++) {
    const difference = Math.abs(actual[i]! - reference[i]!) / Math.max(1, Math.abs(reference[i]!));
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return worst;
}
