import { totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';
import { PolysemeError } from '../errors.ts';
import { MOST_SHARED, trainerBytes } from '../sae/trainer/step-memory.ts';
import { resolveOptions, resolveThreads, type SaeTrainerOptions } from '../sae/trainer/trainer-options.ts';
import type { ResolvedSaeTrainOptions } from './train-options.ts';

/** Bytes of memory that this process may use. */
export function memoryLimit(): number {
  const constrained = constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Bytes of vectors in a buffer by default. */
const BUFFER_BYTES = 256e6;
/** Share of memory that a training may plan with. */
const SHARE = 0.9;

/**
 * Vectors of the buffer.
 *
 * @throws PolysemeError where it, the SAEs and what a batch needs do not fit in memory, naming what to lower
 */
export function checkMemory(
  { buffer, batch, tokens }: Pick<ResolvedSaeTrainOptions, 'buffer' | 'batch' | 'tokens'>,
  { width, blockSize }: { width: number; blockSize: number },
  trainers: readonly SaeTrainerOptions[],
  memory = memoryLimit(),
): number {
  const least = 2 * Math.max(batch, blockSize);
  const usual = Math.floor(Math.min(BUFFER_BYTES, memory / 8) / (4 * width));
  const size = buffer ?? Math.max(least, Math.min(usual, tokens));
  if (size < least) {
    throw new PolysemeError(
      `option buffer is ${size}: it must be at least ${least} vectors, two batches and two runs of the model`,
    );
  }
  const each = trainers.map((options) =>
    trainerBytes(resolveOptions(options), resolveThreads(options.threads), batch),
  );
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const latents = trainers[0]!.latents;
  const largest = each.reduce((most, one) => (one.shared > most.shared ? one : most));
  if (largest.shared > MOST_SHARED) {
    const lower = largest.batch > largest.parameters ? `batch ${batch}` : `latents ${latents}`;
    throw new PolysemeError(
      `an SAE of ${latents} latents on vectors of ${width} with batches of ${batch} needs ${gb(largest.shared)} together (${gb(largest.parameters)} for its parameters), ` +
        `more than the ${gb(MOST_SHARED)} of one trainer: lower ${lower}`,
    );
  }
  const parts: readonly (readonly [number, string, string])[] = [
    [4 * size * width, `the buffer of ${size} vectors`, 'buffer'],
    // Each SAE's parameters, and the copy of one that is being saved.
    [
      sum(each.map(({ parameters }) => parameters)) + largest.parameters,
      `parameters, moments and averages of ${trainers.length} × ${latents} latents, and one copy to save`,
      trainers.length > 1 ? 'latents, or the number of SAEs of the sweep' : 'latents',
    ],
    [
      sum(each.map(({ batch: bytes }) => bytes)) + 4 * batch * width,
      `batches of ${batch} and their active latents`,
      each[0]!.pairs > 0.5 * each[0]!.batch ? 'batch or k' : 'batch',
    ],
  ];
  const needed = sum(parts.map(([bytes]) => bytes));
  if (needed > SHARE * memory) {
    const [, , lower] = parts.reduce((most, part) => (part[0] > most[0] ? part : most));
    throw new PolysemeError(
      `this training needs ${gb(needed)}, more than ${100 * SHARE} % of the ${gb(memory)} of memory: ` +
        `${parts.map(([bytes, what]) => `${gb(bytes)} for ${what}`).join('; ')}: lower ${lower}`,
    );
  }
  return size;
}

function gb(bytes: number): string {
  return `${Number((bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 0))} GB`;
}
