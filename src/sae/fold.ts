import { copyOf, type Matrix, rowNorms, scaleColumns, scaleRows } from '../tensors/matrix.ts';
import { Sae, type SaeTensors } from './sae.ts';

/** Least norm that a decoder row is divided by (as SAELens). */
const MIN_NORM = 1e-8;

/**
 * Moves the norms of the decoder's rows into the encoder, in place: W_dec ÷ norm, W_enc and b_enc × norm.
 * Outputs stay the same; latents become what `rescaleActsByDecoderNorm` makes of them.
 */
export function foldDecoderNorm(tensors: SaeTensors, norms = rowNorms(tensors.W_dec)): void {
  const factors = norms.map((norm) => Math.max(norm, MIN_NORM));
  tensors.W_dec = scaleRows(
    tensors.W_dec,
    factors.map((norm) => 1 / norm),
  );
  tensors.W_enc = scaleColumns(tensors.W_enc, factors);
  tensors.b_enc = tensors.b_enc?.map((value, j) => value * factors[j]!);
}

/** Multiplies a whole matrix by a number, in place. */
export function scaleAll(m: Matrix, factor: number): Matrix {
  return scaleRows(m, new Float32Array(m.rows).fill(factor));
}

/** The same SAE (equal latents and outputs) with its decoder's norms in the encoder; a copy where it rescales. */
export function withoutRescale(sae: Sae): Sae {
  if (!sae.config.rescaleActsByDecoderNorm) return sae;
  const tensors = { ...sae.tensors, W_enc: copyOf(sae.tensors.W_enc), W_dec: copyOf(sae.tensors.W_dec) };
  foldDecoderNorm(tensors);
  return new Sae({ ...sae.config, rescaleActsByDecoderNorm: false }, tensors, { label: sae.label });
}
