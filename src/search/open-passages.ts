import { checkAborted, type LongCall, type Progress } from '../base/progress.ts';
import { connect } from '../base/worker.ts';
import { readCached, writeCached } from '../study/cache.ts';
import type { Study } from '../study/study.ts';
import { PASSAGES_VERSION, Passages, unpackPassages } from './passages.ts';
import type { PassagesMethods, PassagesSetup } from './passages-worker.ts';

/** How many units are in the index. */
export interface PassagesProgress extends Progress {
  readonly stage: 'passages';
  readonly unit: 'units';
}

/** Units between two reports of progress. */
const UNITS = 128;

/**
 * The index of a study's passages: as its run stored it; where it did not (a study of an older version, or one that is
 * unfinished), it is made, in a thread of its own, and kept in the cache beside the study.
 */
export async function openPassages(study: Study, call: LongCall<PassagesProgress> = {}): Promise<Passages> {
  const what = `${study.path}: its index of passages`;
  const stored = study.storedPassages();
  const found = stored && unpackPassages(stored, what);
  if (found) return new Passages(found);
  const key = { kind: `passages ${PASSAGES_VERSION}`, key: '' };
  const cached = readCached(study, key);
  const kept = cached && unpackPassages(cached, what);
  if (kept) return new Passages(kept);
  const made = await makePassages(study.path, call);
  writeCached(study, key, made);
  return new Passages(unpackPassages(made, what)!);
}

/** Makes the index of a study, packed. @param path of the study, which another may be writing */
export async function makePassages(
  path: string,
  { onProgress, signal }: LongCall<PassagesProgress> = {},
): Promise<Uint8Array> {
  const setup: PassagesSetup = { path };
  const worker = connect<PassagesMethods>(new URL('./passages-worker.js', import.meta.url), setup);
  try {
    for (let isDone = false; !isDone; ) {
      const { done, total } = await worker.call('next', UNITS);
      checkAborted(signal);
      onProgress?.({ stage: 'passages', unit: 'units', done, total });
      isDone = done >= total;
    }
    return await worker.call('index', undefined);
  } finally {
    await worker.close();
  }
}
