import type { GateActivation } from '../embed/gate-activation.ts';
import type { GatedMode } from '../embed/gated.ts';
import { PolysemeError } from '../errors.ts';
import { BANK_NAME, isBankName } from './bank-name.ts';
import type { Embedding } from './embedding.ts';

/** Weights of gated units, a = act(gate·h + gateBias) · (up·h + upBias). */
export interface GatedWeights {
  /** units × d, row-major. */
  readonly gate: Float32Array;
  /** units × d, row-major. */
  readonly up: Float32Array;
  /** One number per unit; default 0. */
  readonly gateBias?: Float32Array;
  /** One number per unit; default 0. */
  readonly upBias?: Float32Array;
  readonly activation: GateActivation;
  /** What weights the input: the activation's gradient (default), or one of the two matrices. */
  readonly mode?: GatedMode;
}

/** What `bankOf` makes a bank of: n vectors, from contexts one after another. */
export interface GivenBankOptions {
  /** `my-model/mlp.3`: part of BANK/INDEX; without spaces, commas and invisible characters. */
  readonly name: string;
  /** Where the vectors come from, in words or as TransformerLens names it; for display. */
  readonly site?: string;
  /** The units' inputs h: n × d, row-major. */
  readonly inputs: Float32Array;
  /** The units' activations a: n × units, row-major. */
  readonly activations: Float32Array;
  /** The units' input weights w: units × d, row-major. */
  readonly weights: Float32Array | GatedWeights;
  /** Texts of each context's tokens, n in all. Without them features have no words. */
  readonly tokens?: readonly (readonly string[])[];
  /** Positions of each context, n in all; default those of `tokens`, else each vector is a context of its own. */
  readonly lengths?: ArrayLike<number>;
  /** Texts of tokens that are never examples and enter no statistic, such as BOS and padding. */
  readonly special?: readonly string[];
  /** Where each context is from, for display. */
  readonly documents?: readonly string[];
}

/** One's own activations as a bank of units, in memory; its numbers are the caller's arrays, not copies. */
export interface GivenBank {
  readonly name: string;
  readonly site: string;
  readonly units: number;
  /** Dimension d of h. */
  readonly width: number;
  readonly embedding: Embedding;
  /** Every unit's row of weights: what `embedding` says. */
  readonly weights: Float32Array;
  /** n × d. */
  readonly inputs: Float32Array;
  /** n × units. */
  readonly activations: Float32Array;
  /** Positions of each context. */
  readonly lengths: Uint32Array;
  readonly tokens: readonly (readonly string[])[] | null;
  readonly special: ReadonlySet<string>;
  readonly documents: readonly string[] | null;
}

/**
 * Makes a bank of one's own activations, of whatever model and framework; `splitBank` splits its units into features.
 * n, d and the number of units follow from the lengths of the arrays.
 *
 * @throws PolysemeError where the sizes do not fit each other, or a number is NaN or infinite
 * @example
 * const bank = bankOf({
 *   name: 'mine',
 *   inputs: Float32Array.of(1, 0, 0, 1, 1, 1), // 3 vectors of 2 numbers
 *   activations: Float32Array.of(1, 2, 3), // 1 unit
 *   weights: Float32Array.of(1, 2),
 * });
 * console.log(bank.units, bank.width, bank.lengths.length); // 1 2 3
 */
export function bankOf(options: GivenBankOptions): GivenBank {
  const { name, site = '', inputs, activations, weights, tokens, special = [], documents } = options;
  if (!isBankName(name)) {
    throw new PolysemeError(`bankOf: name is ${JSON.stringify(name)}; it must be ${BANK_NAME}`);
  }
  const matrix = weights instanceof Float32Array ? weights : weights.gate;
  const { count, width, units } = sizesOf(inputs.length, activations.length, matrix.length);
  for (const [what, values] of Object.entries({ inputs, activations })) checkFinite(what, values);
  const lengths = lengthsOf(options, count);
  if (documents !== undefined && documents.length !== lengths.length) {
    throw new PolysemeError(
      `bankOf: documents names ${documents.length} contexts, but there are ${lengths.length}`,
    );
  }
  return {
    name,
    site,
    units,
    width,
    embedding: embeddingOf(weights),
    weights: weightRows(weights, units, width),
    inputs,
    activations,
    lengths,
    tokens: tokens ?? null,
    special: new Set(special),
    documents: documents ?? null,
  };
}

/** How embeddings follow from given weights. */
export function embeddingOf(weights: Float32Array | Pick<GatedWeights, 'activation' | 'mode'>): Embedding {
  if (weights instanceof Float32Array) return { kind: 'linear' };
  return { kind: 'gated', activation: weights.activation, mode: weights.mode ?? 'gradient' };
}

/** Every unit's row of weights, finite and of the right size. */
export function weightRows(
  weights: Float32Array | GatedWeights,
  units: number,
  width: number,
  rows: Float32Array = new Float32Array(units * (weights instanceof Float32Array ? width : 2 * width + 2)),
): Float32Array {
  if (weights instanceof Float32Array) {
    checkFinite('weights', weights);
    rows.set(weights);
    return rows;
  }
  const { gate, up, gateBias, upBias } = weights;
  const sizes = {
    gate: [gate, units * width],
    up: [up, units * width],
    gateBias: [gateBias, units],
    upBias: [upBias, units],
  } as const;
  for (const [name, [values, size]] of Object.entries(sizes)) {
    if (values === undefined) continue;
    if (values.length !== size) {
      throw new PolysemeError(
        `${name} holds ${values.length} values; ${units} units of ${width} need ${size}`,
      );
    }
    checkFinite(name, values);
  }
  const length = 2 * width + 2;
  for (let unit = 0; unit < units; unit++) {
    rows.set(gate.subarray(unit * width, (unit + 1) * width), unit * length);
    rows.set(up.subarray(unit * width, (unit + 1) * width), unit * length + width);
    rows[unit * length + 2 * width] = gateBias?.[unit] ?? 0;
    rows[unit * length + 2 * width + 1] = upBias?.[unit] ?? 0;
  }
  return rows;
}

/** n, d and units, of which the three arrays hold n·d, n·units and units·d numbers: n² = n·d · n·units ÷ units·d. */
function sizesOf(inputs: number, activations: number, weights: number) {
  const count = Math.round(Math.sqrt((inputs / weights) * activations));
  const [width, units] = [inputs / count, activations / count];
  if (
    Number.isSafeInteger(count) &&
    count > 0 &&
    Number.isInteger(width) &&
    Number.isInteger(units) &&
    units * width === weights
  ) {
    return { count, width, units };
  }
  throw new PolysemeError(
    `bankOf: inputs holds ${inputs} values, activations ${activations} and weights ${weights}: for no n, d and units are they n × d, n × units and units × d`,
  );
}

function lengthsOf({ tokens, lengths }: GivenBankOptions, count: number): Uint32Array {
  const found = Uint32Array.from(
    lengths ?? tokens?.map((context) => context.length) ?? new Uint32Array(count).fill(1),
  );
  const name = lengths === undefined ? 'tokens' : 'lengths';
  const total = found.reduce((sum, length) => sum + length, 0);
  if (total !== count)
    throw new PolysemeError(`bankOf: ${name} makes ${total} positions, but there are ${count} inputs`);
  tokens?.forEach((context, i) => {
    if (context.length !== found[i]) {
      throw new PolysemeError(
        `bankOf: context ${i} has ${context.length} tokens, but lengths says ${found[i]}`,
      );
    }
  });
  return found;
}

function checkFinite(name: string, values: Float32Array): void {
  // A sum of v·0 is 0 unless one v is NaN or infinite.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  if (sum === 0) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new PolysemeError(`${name} holds ${values[at]} at ${at}: every number must be finite`);
}
