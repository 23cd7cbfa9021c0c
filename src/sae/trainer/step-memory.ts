import { mostPairs } from './dense-share.ts';
import { DENSE_TOKENS, TILE_LATENTS, TILE_TOKENS } from './layout.ts';
import { isBatchTopK, isTopK, type SaeTrainerSettings } from './trainer-options.ts';

/** Bytes that one trainer shares between its threads at most. */
export const MOST_SHARED = 2 ** 32;
/** Bytes of an active pair: latent, value, gradient, and its place by token and by latent. */
const PAIR = 20;
/** Bytes of an active pair on its way from a thread. */
const ENTRY = 8;

export interface TrainerBytes {
  /** Weights, Adam's moments, averages and, where they are kept, gradients. */
  readonly parameters: number;
  /** What a batch needs besides: activations, errors, active pairs, pre-activations in each thread. */
  readonly batch: number;
  /** Of that, what the active pairs need. */
  readonly pairs: number;
  /** What is shared between threads, and may be `MOST_SHARED`. */
  readonly shared: number;
}

/** Memory that a trainer takes with batches of `tokens`, at most and to some per cent. */
export function trainerBytes(settings: SaeTrainerSettings, threads: number, tokens: number): TrainerBytes {
  const { width, latents, architecture, groupSizes, k, auxK, clipNorm, measureResidual } = settings;
  const row = 4 * Math.ceil(width / 8) * 8;
  const gated = architecture === 'jumprelu' ? 1 : 0;
  const kept = clipNorm > 0 ? 2 : 0;
  const rows = 6 + (settings.measureEmbedding ? 1 : 0) + kept + 1 / 64;
  const parameters = latents * (rows * row + 12 * (1 + gated) + 60);

  // Threads find the largest k each, of which the largest k are kept.
  const encoded = isTopK(architecture) ? threads * k * tokens : mostPairs(architecture, latents * tokens);
  const auxiliary = threads * Math.min(auxK, latents) * tokens;
  const pairs = (encoded + auxiliary) * (PAIR + ENTRY);
  const keepsErrors = auxK > 0 || (measureResidual && !isTopK(architecture));
  const inputs = 1 + (settings.applyBDecToInput ? 1 : 0) + groupSizes.length + (keepsErrors ? 1 : 0);
  const vectors = tokens * (inputs * row + 8 * groupSizes.length + 56 + (12 * row) / (4 * 64));

  const candidates = (wanted: number) => tokens * ((2 * wanted + 64) * 8 + wanted * ENTRY);
  const choosing = Math.max(
    auxK > 0 ? candidates(Math.min(auxK, latents)) : 0,
    architecture === 'topk' ? candidates(k) : 0,
    isBatchTopK(architecture) ? (2 * k * tokens + 65_536) * 8 + k * tokens * ENTRY : 0,
    isTopK(architecture) ? 0 : Math.min(tokens, TILE_TOKENS) * TILE_LATENTS * ENTRY,
  );
  const dense = isTopK(architecture)
    ? 0
    : (measureResidual ? 3 : 2) * tokens * row + TILE_LATENTS * (14 * row + 20 * DENSE_TOKENS);
  const thread = dense + tokens * row + TILE_LATENTS * (row + 4 * Math.min(tokens, TILE_TOKENS)) + choosing;
  return {
    parameters,
    batch: vectors + pairs + threads * thread,
    pairs: pairs + threads * choosing,
    shared: parameters + vectors + (encoded + auxiliary) * PAIR,
  };
}
