import type { Rotary } from './plan.ts';
import type { RawConfig } from './raw-config.ts';

/** What of rotary positions differs by family. */
export interface RotaryOptions {
  /** θ where config.json names none; default 10,000. */
  readonly theta?: number;
  /** Share of each head's dimensions that turn, where config.json names none; without it, all must. */
  readonly partial?: number;
  readonly interleaved?: boolean;
  /** The parameters, where not as `ropeParameters` has them. */
  readonly parameters?: RopeParameters;
}

/** Parameters of rotary positions, and the key of config.json that has them. */
export interface RopeParameters {
  readonly key: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Rotary positions as config.json has them: θ^(−2i/dim), scaled as `rope_scaling` says, else `rope_parameters`
 * (transformers' modeling_rope_utils). Where frequencies would depend on the length of the context (`dynamic`,
 * `longrope`), contexts are as long as the ones that the model was trained on first.
 */
export function readRotary(
  raw: RawConfig,
  headDim: number,
  contextLength: number,
  options: RotaryOptions = {},
): { rotary: Rotary; contextLength: number } {
  const read = new Parameters(raw, options.parameters ?? ropeParameters(raw));
  const partial = read.positive(
    'partial_rotary_factor',
    raw.positive(['partial_rotary_factor', 'rotary_pct'], options.partial ?? 1),
  );
  if (options.partial === undefined && partial !== 1) {
    throw raw.error(
      `partial_rotary_factor = ${partial} changes the computation and is not supported (only 1)`,
    );
  }
  const dim = Math.floor(headDim * partial);
  if (dim % 2 !== 0 || dim < 2 || dim > headDim) {
    throw raw.error(
      `head_dim ${headDim}: rotary positions turn ${dim} of its dimensions, which must be pairs`,
    );
  }
  const theta = read.positive(
    'rope_theta',
    raw.positive(['rope_theta', 'rotary_emb_base'], options.theta ?? 10_000),
  );
  const plain = Float64Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
  const facts = { plain, dim, theta, contextLength };
  const type = read.values['rope_type'] ?? read.values['type'] ?? 'default';
  const scale = typeof type === 'string' && Object.hasOwn(SCALINGS, type) ? SCALINGS[type] : undefined;
  if (scale === undefined) {
    throw raw.error(
      `${read.key} type ${JSON.stringify(type)} changes the computation and is not supported (only ${Object.keys(SCALINGS).join(', ')})`,
    );
  }
  const { frequencies, factor = 1, longest = contextLength } = scale(read, facts);
  const { interleaved = false } = options;
  return { rotary: { frequencies, factor, interleaved }, contextLength: Math.min(contextLength, longest) };
}

/** `rope_scaling`, or else `rope_parameters`: an empty one counts as none. */
export function ropeParameters(raw: RawConfig): RopeParameters {
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const value = raw.value(key) ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw raw.error(`${key} must be an object, not ${JSON.stringify(value)}`);
    }
    if (Object.keys(value).length === 0) continue;
    const nested = Object.entries(value).find(
      ([, part]) => typeof part === 'object' && part !== null && !Array.isArray(part),
    );
    if (nested !== undefined) {
      throw raw.error(
        `${key}.${nested[0]}: rotary positions that differ by layer change the computation and are not supported`,
      );
    }
    return { key, values: value as Record<string, unknown> };
  }
  return { key: 'rope_parameters', values: {} };
}

interface Facts {
  readonly plain: Float64Array;
  /** Dimensions of a head that turn. */
  readonly dim: number;
  readonly theta: number;
  readonly contextLength: number;
}

interface Scaled {
  readonly frequencies: Float64Array;
  /** Multiplier of cosines and sines. */
  readonly factor?: number;
  /** Tokens for which the frequencies hold. */
  readonly longest?: number;
}

const SCALINGS: Readonly<Record<string, (read: Parameters, facts: Facts) => Scaled>> = {
  default: (_, { plain }) => ({ frequencies: plain }),
  linear: (read, { plain }) => {
    const factor = read.positive('factor');
    return { frequencies: plain.map((f) => f / factor) };
  },
  // θ grows with contexts beyond max_position_embeddings; there are none here.
  dynamic: (read, { plain }) => {
    read.positive('factor');
    return { frequencies: plain };
  },
  llama3,
  yarn,
  longrope,
};

function llama3(read: Parameters, { plain, contextLength }: Facts): Scaled {
  const factor = read.positive('factor');
  const low = read.positive('low_freq_factor');
  const high = read.positive('high_freq_factor');
  const original = read.original(contextLength);
  const frequencies = plain.map((f) => {
    const wavelength = (2 * Math.PI) / f;
    if (wavelength < original / high) return f;
    if (wavelength > original / low) return f / factor;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * f) / factor + smooth * f;
  });
  return { frequencies };
}

/** Low frequencies are divided by the factor, high ones kept, with a ramp between (arXiv 2309.00071). */
function yarn(read: Parameters, { plain, dim, theta, contextLength }: Facts): Scaled {
  const original = read.original(contextLength);
  const factor = read.positive('factor', contextLength / original);
  const mscale = read.positive('mscale', Number.NaN);
  const mscaleAll = read.positive('mscale_all_dim', Number.NaN);
  const ofScale = (by: number): number => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  const both = mscale > 0 && mscaleAll > 0;
  const attention = read.positive(
    'attention_factor',
    both ? ofScale(mscale) / ofScale(mscaleAll) : ofScale(1),
  );
  const dimOf = (turns: number): number =>
    (dim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const truncate = read.values['truncate'] ?? true;
  const from = dimOf(read.positive('beta_fast', 32));
  const to = dimOf(read.positive('beta_slow', 1));
  const low = Math.max(truncate ? Math.floor(from) : from, 0);
  let high = Math.min(truncate ? Math.ceil(to) : to, dim - 1);
  if (low === high) high += 0.001;
  const frequencies = plain.map((f, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (f / factor) * ramp + f * (1 - ramp);
  });
  return { frequencies, factor: attention };
}

/** Each frequency is divided by a factor of its own; the long ones hold past the first training's length only. */
function longrope(read: Parameters, { plain, contextLength }: Facts): Scaled {
  const original = read.original(contextLength);
  const factor = read.positive('factor', contextLength / original);
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const short = read.values['short_factor'];
  const fits =
    Array.isArray(short) &&
    short.length === plain.length &&
    short.every((f) => typeof f === 'number' && f > 0 && Number.isFinite(f));
  if (!fits) {
    throw read.error(`short_factor must be ${plain.length} positive numbers, not ${JSON.stringify(short)}`);
  }
  const frequencies = plain.map((f, i) => f / (short as number[])[i]!);
  return { frequencies, factor: read.positive('attention_factor', inferred), longest: original };
}

/** Parameters of a scaling, checked. */
class Parameters {
  readonly key: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly #raw: RawConfig;

  constructor(raw: RawConfig, { key, values }: RopeParameters) {
    this.#raw = raw;
    this.key = key;
    this.values = values;
  }

  /** A positive number, or the fallback. */
  positive(key: string, fallback?: number): number {
    const value = this.values[key] ?? fallback;
    const given = this.values[key] !== undefined && this.values[key] !== null;
    if (typeof value !== 'number' || (given && !(value > 0 && Number.isFinite(value)))) {
      throw this.error(`${key} must be a positive number, not ${JSON.stringify(value)}`);
    }
    return value;
  }

  /** Tokens of the contexts of the first training: the config's own wins, as in transformers. */
  original(contextLength: number): number {
    const key = 'original_max_position_embeddings';
    return this.#raw.size(key, this.positive(key, contextLength));
  }

  error(what: string): Error {
    return this.#raw.error(`${this.key}.${what}`);
  }
}
