import { PolysemeError } from '../../errors.ts';
import type { NeuronMatrix } from '../architectures/architecture.ts';
import type { ModelFiles } from '../compile.ts';

/** Largest error of float32 sums, relative to the sum of their parts' sizes. */
const TOLERANCE = 2e-4;
/** The same of an ONNX file that computes in half precision; the halves of a checkpoint are cast to float first. */
const HALF_TOLERANCE = 5e-3;

/** What the sites of one layer hold on a few tokens, and what is said of one that is not what it should be. */
export interface LayerValues {
  readonly positions: number;
  has(site: string): boolean;
  /** Values of a site of the layer, or of the model, at one position. */
  row(site: string, position: number): Float32Array;
  /**
   * Complains where a value is not what it should be, a sum of parts of so much size in all.
   * @param what the site should hold
   * @param matrix by whose type it is computed
   */
  check(site: string, what: string, sum: Sum, matrix?: NeuronMatrix): void;
}

/** A value, what it should be, and the sizes of the parts of that. */
export interface Sum {
  readonly value: number;
  readonly expected: number;
  readonly size: number;
}

export function layerValues(
  { dir, graph, named }: ModelFiles,
  layer: number,
  values: ReadonlyMap<string, Float32Array>,
  positions: number,
): LayerValues {
  const nameOf = (site: string): string => (values.has(site) ? site : `blocks.${layer}.${site}`);
  const isHalf = (matrix: Pick<NeuronMatrix, 'weight'>): boolean =>
    graph !== undefined && ['F16', 'BF16'].includes(named.get(matrix.weight)?.dtype ?? '');
  return {
    positions,
    has: (site) => values.has(nameOf(site)),
    row(site, position) {
      const all = values.get(nameOf(site))!;
      const wide = all.length / positions;
      return all.subarray(position * wide, (position + 1) * wide);
    },
    check(site, what, { value, expected, size }, matrix) {
      const tolerance = matrix !== undefined && isHalf(matrix) ? HALF_TOLERANCE : TOLERANCE;
      if (Math.abs(value - expected) <= tolerance * Math.max(1, size)) return;
      const fault = Number.isFinite(value)
        ? `is not ${what}: the weights are not what the model's architecture takes them for`
        : `is ${value} on a few tokens: the weights overflow in float32, or are damaged`;
      throw new PolysemeError(`${dir}: layer ${layer}: ${nameOf(site)} ${fault}`, 'damaged');
    },
  };
}
