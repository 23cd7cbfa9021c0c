import { getSetup, serve } from '../base/worker.ts';
import { writeSafetensors } from '../tensors/write-safetensors.ts';
import { openStudy } from './open-study.ts';
import { unitVectors } from './unit-vectors.ts';
import { type VectorsOf, VectorTensors } from './vectors-file.ts';

/** The vectors of one bank, in a thread of their own: they are about a millisecond of work a unit. */
export interface VectorsSetup {
  /** Of the study. */
  readonly path: string;
  readonly of: VectorsOf;
}

const { path, of } = getSetup<VectorsSetup>();
const study = openStudy(path);
const { features, threshold } = study.info().options;
const units = study.units({ bank: of.bank });
const tensors = new VectorTensors(of);
let done = 0;

const methods = {
  /** Computes the vectors of the next `count` units; returns how many have them now, of how many. */
  next(count: number): { done: number; total: number } {
    for (const { index, nullDistance } of units.slice(done, done + count)) {
      const bounds = { nullDistance, threshold: features === 'auto' ? null : (threshold as number) };
      tensors.add(index, unitVectors(study, of.bank, index, bounds));
      done++;
    }
    return { done, total: units.length };
  },

  write: (file: string): Promise<void> => writeSafetensors(file, tensors.tensors(), tensors.metadata()),
};

export type VectorsMethods = typeof methods;

serve(methods, () => study.close());
