import { PolysemeError } from '../../errors.ts';
import type { Layout } from './layout.ts';
import { isBatchTopK, type SaeTrainerSettings, type SaeWeights } from './trainer-options.ts';

/** Copies the weights out, in SAELens's shapes and for unscaled inputs. */
export function readWeights(
  layout: Layout,
  settings: SaeTrainerSettings,
  { inputScale, threshold }: { inputScale: number; threshold: number },
): SaeWeights {
  const { latents, architecture } = settings;
  const scale = inputScale > 0 ? inputScale : 1;
  const weights = inSaeLensShapes(layout, settings, {
    encoder: layout.areas.encoder.address,
    decoder: layout.areas.decoder.address,
    bEnc: layout.areas.bEnc.address,
    bDec: layout.areas.bDec.address,
  });
  if (scale !== 1) {
    // pre = (s·x − b_dec)·W_enc = (x − b_dec/s)·(s·W_enc), and x̂ is divided by s.
    for (let i = 0; i < weights.W_enc.length; i++) weights.W_enc[i]! *= scale;
    for (let i = 0; i < weights.W_dec.length; i++) weights.W_dec[i]! /= scale;
    for (let i = 0; i < weights.b_dec.length; i++) weights.b_dec[i]! /= scale;
  }
  if (architecture === 'jumprelu') weights.threshold = Float32Array.from(layout.state('threshold'));
  if (isBatchTopK(architecture)) weights.threshold = new Float32Array(latents).fill(threshold);
  return weights;
}

/** Copies the last step's gradients out, in the same shapes; as they were before clipping. */
export function readGradients(layout: Layout, settings: SaeTrainerSettings): SaeWeights {
  const { kept } = layout;
  if (!kept) throw new PolysemeError('SAE training: gradients are not kept');
  const gradients = inSaeLensShapes(layout, settings, { ...kept, bDec: layout.bDecGradient });
  if (settings.architecture === 'jumprelu') {
    gradients.threshold = Float32Array.from(layout.f32(kept.threshold, settings.latents));
  }
  return gradients;
}

function inSaeLensShapes(
  layout: Layout,
  { latents, width }: SaeTrainerSettings,
  from: { encoder: number; decoder: number; bEnc: number; bDec: number },
): SaeWeights {
  const { stride } = layout;
  const encoder = layout.f32(from.encoder, latents * stride);
  const decoder = layout.f32(from.decoder, latents * stride);
  const W_enc = new Float32Array(width * latents);
  const W_dec = new Float32Array(latents * width);
  // Transposed in squares, so that both sides stay in cache.
  for (let j0 = 0; j0 < latents; j0 += SQUARE) {
    const j1 = Math.min(latents, j0 + SQUARE);
    for (let k0 = 0; k0 < width; k0 += SQUARE) {
      const k1 = Math.min(width, k0 + SQUARE);
      for (let k = k0; k < k1; k++)
        for (let j = j0; j < j1; j++) W_enc[k * latents + j] = encoder[j * stride + k]!;
    }
  }
  for (let j = 0; j < latents; j++) {
    W_dec.set(decoder.subarray(j * stride, j * stride + width), j * width);
  }
  return {
    W_enc,
    b_enc: Float32Array.from(layout.f32(from.bEnc, latents)),
    W_dec,
    b_dec: Float32Array.from(layout.f32(from.bDec, width)),
  };
}

const SQUARE = 64;
