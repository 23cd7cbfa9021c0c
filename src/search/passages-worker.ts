import { pack } from '../base/pack.ts';
import { getSetup, Moved, serve } from '../base/worker.ts';
import { openStudy } from '../study/open-study.ts';
import { studyIndexer } from './study-indexer.ts';

/** The index of a study's passages, made in a thread of its own: it takes seconds of a large study. */
export interface PassagesSetup {
  /** Of the study. */
  readonly path: string;
}

const study = openStudy(getSetup<PassagesSetup>().path);
const indexer = studyIndexer(study);

const methods = {
  /** Reads the next units; returns how many were read, of how many. */
  next: (count: number): { done: number; total: number } => indexer.next(count),

  /** The index, packed. */
  index(): Moved<Uint8Array<ArrayBuffer>> {
    const packed = pack({ ...indexer.index() });
    return new Moved(packed, [packed.buffer]);
  },
};

export type PassagesMethods = typeof methods;

serve(methods, () => study.close());
