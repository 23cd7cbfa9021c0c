import { toHalves } from '../../../base/half.ts';
import { MOST_WEIGHTS } from '../../../contract/site-model.ts';
import { PolysemeError } from '../../../errors.ts';
import { compile, type ModelFiles, sitesOf } from '../../../model/compile.ts';
import { readTensor, type TensorRef } from '../../../tensors/safetensors.ts';

/** The largest number of half precision. */
const MOST_HALF = 65504;

/** A tensor of a checkpoint that its model reads. */
export interface UsedTensor {
  readonly name: string;
  readonly ref: TensorRef;
}

/**
 * The tensors that a model reads.
 * @throws PolysemeError (unsupported) where a page could not hold them
 */
export function usedTensors(files: ModelFiles): UsedTensor[] {
  const { weights } = compile(files, [...sitesOf(files).keys()]);
  const place = ({ file, offset }: TensorRef): string => `${file}:${offset}`;
  const used = new Set(Array.from(weights.values(), place));
  const tensors = Array.from(files.named, ([name, ref]) => ({ name, ref })).filter(({ ref }) =>
    used.has(place(ref)),
  );
  const count = weightsOf(tensors);
  if (count <= MOST_WEIGHTS) return tensors;
  throw new PolysemeError(
    `the model has ${count} weights, and a page holds ${MOST_WEIGHTS} at most: leave out option with-model`,
    'unsupported',
  );
}

/** How many numbers tensors hold. */
export function weightsOf(tensors: readonly UsedTensor[]): number {
  return tensors.reduce((sum, { ref: { shape } }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** A tensor in half precision, little-endian. @throws PolysemeError (unsupported) where a number is too large for it */
export async function halves({ named }: ModelFiles, { name }: UsedTensor): Promise<Uint8Array> {
  const values = await readTensor({ tensors: named }, name);
  const beyond = values.find((value) => !(Math.abs(value) <= MOST_HALF));
  if (beyond !== undefined) {
    throw new PolysemeError(
      `tensor ${name} holds ${beyond}, beyond half precision's ±${MOST_HALF}: leave out option with-model`,
      'unsupported',
    );
  }
  return new Uint8Array(toHalves(values).buffer);
}
