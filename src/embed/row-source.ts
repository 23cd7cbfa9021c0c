import { PolysemeError } from '../errors.ts';
import { rowWidth } from './check-rows.ts';
import { kernel } from './distance-kernel.ts';
import { checkCentre, neuronEmbeddings } from './neuron.ts';

/**
 * Rows, row-major; or with `weights` the neuron embeddings of inputs `rows` under them, with `centre` of h − μ, which are
 * computed where they are needed.
 */
export interface RowSource {
  readonly rows: Float32Array;
  /** A unit's input weights w, d values. */
  readonly weights?: Float32Array;
  /** μ, d values; needs `weights`. */
  readonly centre?: Float32Array;
}

/** The width of the rows; throws unless rows, weights and centre fit. */
export function sourceWidth(caller: string, { rows, weights, centre }: RowSource, count: number): number {
  const width = rowWidth(caller, rows, count);
  if (weights === undefined) {
    if (centre !== undefined) throw new PolysemeError(`${caller}: a centre needs weights`);
    return width;
  }
  if (count > 0 && weights.length !== width) {
    throw new PolysemeError(
      `${caller}: rows holds ${count} rows of ${width} values, weights ${weights.length}; they must be equal`,
    );
  }
  checkCentre(caller, centre, weights.length, 'weights');
  return width;
}

/** Bytes of the kernel's memory that weights and centre take. */
export function weightBytes({ weights }: RowSource): number {
  return weights === undefined ? 0 : 2 * weights.length * 8;
}

/** Puts weights and centre at `at` of the kernel's memory: where `pack` finds them; 0 where there are none. */
export function putWeights(
  { weights, centre }: RowSource,
  at: number,
): { readonly weights: number; readonly centre: number } {
  if (weights === undefined) return { weights: 0, centre: 0 };
  const width = weights.length;
  const both = new Float64Array(kernel().memory.buffer, at, 2 * width);
  both.set(weights);
  if (centre === undefined) both.fill(0, width);
  else both.set(centre, width);
  return { weights: at, centre: at + 8 * width };
}

/** A row as it is compared. */
export function sourceRow({ rows, weights, centre }: RowSource, index: number, width: number): Float32Array {
  const row = rows.subarray(index * width, (index + 1) * width);
  return weights === undefined ? row : neuronEmbeddings({ inputs: row, weights, centre });
}
