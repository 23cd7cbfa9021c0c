import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkAborted, type LongCall, type Progress } from '../base/progress.ts';
import { nextTurn } from '../base/turn.ts';
import { PolysemeError } from '../errors.ts';
import { writeSafetensors } from '../tensors/write-safetensors.ts';
import type { Study } from './study.ts';
import { unitVectors } from './unit-vectors.ts';
import {
  type BankVectors,
  VectorsFile,
  type VectorsOf,
  VectorTensors,
  vectorsMetadata,
} from './vectors-file.ts';

/** How many units' features have their vectors. */
export interface VectorsProgress extends Progress {
  readonly stage: 'vectors';
  readonly unit: 'units';
}

/** Where all features of a study lie. */
export interface StudyVectors extends Disposable {
  readonly banks: readonly BankVectors[];
  close(): void;
}

/** Milliseconds of work between turns of whatever else the thread does. */
const SLICE = 15;

/** Where the vectors of a study's features are kept. */
export function vectorsFolder(study: string): string {
  return `${study.replace(/\.db$/, '')}.vectors`;
}

/**
 * Where all features of a finished study lie, kept beside it: `study.vectors/` for `study.db`, one safetensors file a
 * bank. They follow from the study and are no part of its content: each file names the content hash that it is of, what
 * is missing or of another content is computed (about a millisecond a unit), and the folder may be deleted at any time.
 * Where the study's folder cannot be written, they are kept among the system's temporary files.
 *
 * @throws PolysemeError where the study is unfinished
 */
export async function openVectors(
  study: Study,
  { onProgress, signal }: LongCall<VectorsProgress> = {},
): Promise<StudyVectors> {
  const { banks, contentHash } = study.info();
  if (contentHash === null) {
    throw new PolysemeError(
      `${study.path} is unfinished: its features are compared once its run is done; type the run's command again`,
    );
  }
  const folders = [vectorsFolder(study.path), join(tmpdir(), `polyseme-${contentHash.slice(0, 32)}`)];
  const opened: VectorsFile[] = [];
  const close = (): void => {
    for (const file of opened) file.close();
  };
  try {
    let done = 0;
    const total = banks.reduce((sum, { units }) => sum + units, 0);
    for (const [id, { name: bank, units, width }] of banks.entries()) {
      const of = { bank, units, width, contentHash };
      const file = `${id}-${bank.replaceAll(/[^\w.-]/g, '_').slice(0, 60)}.safetensors`;
      const report = (ready: number): void =>
        onProgress?.({ stage: 'vectors', unit: 'units', done: done + ready, total });
      opened.push(
        (await openFirst(folders, file, of)) ??
          (await VectorsFile.open(await make(study, folders, file, of, report, signal), of)),
      );
      done += units;
    }
  } catch (error) {
    close();
    throw error;
  }
  return { banks: opened, close, [Symbol.dispose]: close };
}

async function openFirst(
  folders: readonly string[],
  name: string,
  of: VectorsOf,
): Promise<VectorsFile | null> {
  for (const folder of folders) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    // What cannot be read is made again.
    const found = await VectorsFile.open(path, of).catch(() => null);
    if (found !== null) return found;
  }
  return null;
}

/** Computes the vectors of a bank and writes them to the first folder that can be written; returns their path. */
async function make(
  study: Study,
  folders: readonly string[],
  name: string,
  of: VectorsOf,
  report: (units: number) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { options } = study.info();
  const threshold = options['features'] === 'auto' ? null : (options['threshold'] as number);
  const tensors = new VectorTensors(of);
  let turn = performance.now();
  for (const { index, nullDistance } of study.units({ bank: of.bank })) {
    tensors.add(index, unitVectors(study, of.bank, index, { nullDistance, threshold }));
    if (performance.now() - turn < SLICE) continue;
    report(index + 1);
    await nextTurn();
    checkAborted(signal);
    turn = performance.now();
  }
  let failure: unknown;
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await mkdir(folder, { recursive: true });
      await writeSafetensors(path, tensors.tensors(), vectorsMetadata(of));
      return path;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
