import { PolysemeError } from '../../../errors.ts';
import type { SaeStep } from '../step.ts';
import type { SaeTrainerOptions, TrainerDevice } from '../trainer-options.ts';

/** A small training with every term that a GPU computes, over more latents than one group has threads. */
const SMALL: SaeTrainerOptions = {
  architecture: 'topk',
  width: 20,
  latents: 320,
  k: 5,
  learningRate: 1e-3,
  embeddingWeight: 0.3,
  residualWeight: 0.05,
  auxK: { k: 8 },
  deadAfter: 100,
};
const TOKENS = 80;
const STEPS = 3;

/** Largest relative difference of a step's loss and of its terms that counts as equal: float32 has 1e-6. */
const TOLERANCE = 1e-4;

/** A trainer, as far as the proof needs one. */
interface Trainer {
  step(batch: Float32Array): Promise<SaeStep>;
  close(): Promise<void>;
}

/** Makes a trainer of options, unproven. */
export type MakeTrainer = (options: SaeTrainerOptions) => Promise<Trainer>;

let proven: Promise<void> | undefined;

/**
 * That this machine's GPU trains as its processor does, by a small training on both (made once).
 *
 * @throws PolysemeError where there is no GPU (not-found), or it computes wrong values (unsupported)
 */
export function proveGpu(make: MakeTrainer): Promise<void> {
  proven ??= prove(make);
  return proven;
}

async function prove(make: MakeTrainer): Promise<void> {
  const [gpu, cpu] = [await smallTraining(make, 'webgpu'), await smallTraining(make, 'cpu')];
  gpu.forEach((found, step) => {
    for (const [name, value] of Object.entries(cpu[step]!)) {
      if (Math.abs(found[name]! - value) <= TOLERANCE * Math.max(1, Math.abs(value))) continue;
      throw new PolysemeError(
        `device webgpu computes wrong values on this machine (${name} of step ${step + 1} of a small SAE training is ${found[name]}, not ${value}): train on the processor`,
        'unsupported',
      );
    }
  });
}

/** The figures of each step. */
async function smallTraining(make: MakeTrainer, device: TrainerDevice): Promise<Record<string, number>[]> {
  const trainer = await make({ ...SMALL, device, threads: 1 });
  try {
    const figures: Record<string, number>[] = [];
    for (let step = 0; step < STEPS; step++) {
      const batch = Float32Array.from({ length: TOKENS * SMALL.width }, (_, i) =>
        Math.sin(1.7 * i * (i + step)),
      );
      const { loss, mse, sparsity, embedding, residual, auxiliary } = await trainer.step(batch);
      figures.push({ loss, mse, sparsity, embedding, residual, auxiliary });
    }
    return figures;
  } finally {
    await trainer.close();
  }
}
