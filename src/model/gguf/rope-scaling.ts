import { PolysemeError } from '../../errors.ts';
import type { Metadata } from './metadata.ts';

/** Tensors that are part of config.json, by name: what divides each rotary frequency. */
export type ConfigVectors = ReadonlyMap<string, Float32Array>;

export const ROPE_FREQS = 'rope_freqs.weight';
export const ROPE_LONG = 'rope_factors_long.weight';
export const ROPE_SHORT = 'rope_factors_short.weight';

/** `rope_parameters` of config.json. */
export function ropeParameters(
  meta: Metadata,
  headDim: number,
  vectors: ConfigVectors,
): Record<string, unknown> {
  const plain: Record<string, unknown> = {
    rope_type: 'default',
    rope_theta: meta.positive('rope.freq_base', 10000),
  };
  const rotated = meta.size('rope.dimension_count', headDim);
  if (rotated !== headDim) plain['partial_rotary_factor'] = rotated / headDim;
  const factors = vectors.get(ROPE_FREQS);
  if (factors !== undefined) return { ...plain, ...llama3Scaling(meta, factors, rotated) };
  const [long, short] = [vectors.get(ROPE_LONG), vectors.get(ROPE_SHORT)];
  if (long !== undefined && short !== undefined) {
    return {
      ...plain,
      rope_type: 'longrope',
      long_factor: [...long],
      short_factor: [...short],
      attention_factor: meta.positive('rope.scaling.attn_factor', 1),
    };
  }
  const type =
    meta.get('rope.scaling.type') ?? (meta.get('rope.scale_linear') === undefined ? 'none' : 'linear');
  if (type === 'none') return plain;
  const factor = meta.positive('rope.scaling.factor', meta.positive('rope.scale_linear', 1));
  if (type === 'linear') return factor === 1 ? plain : { ...plain, rope_type: 'linear', factor };
  if (type === 'yarn') {
    return {
      ...plain,
      rope_type: 'yarn',
      factor,
      original_max_position_embeddings: meta.size('rope.scaling.original_context_length'),
      beta_fast: meta.positive('rope.scaling.yarn_beta_fast', 32),
      beta_slow: meta.positive('rope.scaling.yarn_beta_slow', 1),
    };
  }
  meta.refuse({ 'rope.scaling.type': ['none', 'linear', 'yarn'] });
  return plain;
}

/** Of the published Llamas; only their proportions matter. */
const LLAMA3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

/**
 * The scaling that a tensor of factors came from: 1 for short wavelengths, the whole factor for long ones, and a passage
 * between. The file keeps only the tensor, so that it is computed again and compared.
 */
function llama3Scaling(meta: Metadata, factors: Float32Array, rotated: number): Record<string, unknown> {
  const factor = Math.max(...factors);
  const theta = meta.positive('rope.freq_base', 10000);
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = LLAMA3;
  const isLlama3 =
    factors.length === rotated / 2 &&
    factors.every((given, i) => {
      const wavelength = 2 * Math.PI * theta ** ((2 * i) / rotated);
      const smooth = Math.min(1, Math.max(0, (original / wavelength - low) / (high - low)));
      const expected = 1 / ((1 - smooth) / factor + smooth);
      return Math.abs(given - expected) <= 1e-5 * expected;
    });
  if (!isLlama3) {
    throw new PolysemeError(
      `${meta.label}: its ${ROPE_FREQS} is not Llama 3's scaling (${[...factors.slice(0, 4)].join(', ')}, …), and no other is known`,
      'unsupported',
    );
  }
  return factor === 1 ? {} : { rope_type: 'llama3', factor, ...LLAMA3 };
}
