import { createRandom } from '../../base/random.ts';
import { deadLatents } from './arrays.ts';
import type { Layout } from './layout.ts';
import type { SaeTrainerSettings } from './trainer-options.ts';

/** Of an encoder row's norm: what a resampled one starts with (Bricken et al. 2023). */
const ENCODER_SHARE = 0.2;

/**
 * Gives dead latents new weights, in the directions of inputs of the last batch drawn by their squared error:
 * decoder rows with the mean norm of the others, encoder rows with 0.2 times theirs; biases, moments and
 * averages start anew. Returns how many.
 */
export function resample(
  layout: Layout,
  kernel: { normaliseAll(params: number): void },
  { deadAfter, latents, groupSizes, seed, initialThreshold }: SaeTrainerSettings,
  step: number,
): number {
  const dead = deadLatents(layout, deadAfter);
  if (dead.length === 0 || dead.length === latents) return 0;
  const { stride } = layout;
  const tokens = layout.get('tokens');
  const errors = layout.f64(layout.get('tokenError') + (groupSizes.length - 1) * tokens * 8, tokens);
  const cumulative = new Float64Array(tokens);
  let total = 0;
  for (let t = 0; t < tokens; t++) {
    total += errors[t]!;
    cumulative[t] = total;
  }
  const isDead = new Set(dead);
  const decoderNorm = meanNorm(layout, 'decoder', isDead, latents);
  const encoderNorm = meanNorm(layout, 'encoder', isDead, latents) * ENCODER_SHARE;
  const random = createRandom(seed, step);
  const h = layout.f32(layout.get('h'), tokens * stride);
  for (const j of dead) {
    const row = draw(cumulative, random.next() * total);
    const input = h.subarray(row * stride, (row + 1) * stride);
    const norm = Math.sqrt(input.reduce((sum, value) => sum + value * value, 0));
    if (norm === 0) continue;
    for (const [name, length] of [
      ['decoder', decoderNorm],
      ['encoder', encoderNorm],
    ] as const) {
      layout.state(name).set(
        input.map((value) => (value * length) / norm),
        j * stride,
      );
    }
    for (const name of ['encoderM', 'encoderV', 'decoderM', 'decoderV', 'mean'] as const) {
      if (layout.areas[name].length > 0) layout.state(name).fill(0, j * stride, (j + 1) * stride);
    }
    for (const name of [
      'bEnc',
      'bEncM',
      'bEncV',
      'thresholdM',
      'thresholdV',
      'seen',
      'idle',
      'moved',
    ] as const) {
      if (layout.areas[name].length > 0) layout.state(name)[j] = 0;
    }
    if (layout.areas.threshold.length > 0) layout.state('threshold')[j] = initialThreshold;
  }
  kernel.normaliseAll(layout.params);
  return dead.length;
}

/** The first place whose running sum is above `target`. */
function draw(cumulative: Float64Array, target: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

function meanNorm(
  layout: Layout,
  name: 'encoder' | 'decoder',
  without: Set<number>,
  latents: number,
): number {
  const { stride } = layout;
  const rows = layout.state(name);
  let sum = 0;
  for (let j = 0; j < latents; j++) {
    if (without.has(j)) continue;
    let energy = 0;
    for (let k = 0; k < stride; k++) energy += rows[j * stride + k]! ** 2;
    sum += Math.sqrt(energy);
  }
  return sum / (latents - without.size);
}
