import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { changedFiles } from '../base/changed-files.ts';
import { digestFiles } from '../base/file-digest.ts';
import { checkAborted } from '../base/progress.ts';
import { digestContexts } from '../corpus/context-digest.ts';
import { savedContexts } from '../harvest/harvest.ts';
import type { StudyInputs } from '../study/meta.ts';
import type { RunSource } from './run-source.ts';

export interface CheckedInputs {
  /** As they are now. */
  readonly inputs: StudyInputs;
  /** What is no longer as it was when the study was made or begun. */
  readonly changed: readonly string[];
}

/** Reads the inputs of a new study, but for the text. */
export async function readInputs({ inputs }: RunSource): Promise<StudyInputs> {
  return { files: await digestFiles(inputs.files), stamp: inputs.stamp, contexts: null };
}

/**
 * Compares what a study was made from with what is there now. Files with the size and time that they had are not read;
 * text whose files changed is read and tokenised again, as far as the study has taken it in.
 * @param known null in a study of an older version, which cannot tell
 * @param stateDir state of the study's harvest, where it is unfinished
 */
export async function checkInputs(
  known: StudyInputs | null,
  source: RunSource,
  stateDir: string,
  signal: AbortSignal | undefined,
): Promise<CheckedInputs> {
  if (known === null) return { inputs: await readInputs(source), changed: [] };
  const files = await digestFiles(source.inputs.files, known.files);
  const { stamp, isText } = source.inputs;
  const inputs = { files, stamp, contexts: known.contexts };
  const changed = changedFiles(known.files, files);
  checkAborted(signal);
  if (stamp !== null && stamp === known.stamp) return { inputs, changed };
  const name = isText ? 'the text' : 'the activations';
  if (!isText || !(await isSameText(known, source, stateDir))) changed.push(name);
  return { inputs, changed };
}

/** Whether the text gives the contexts that the study has taken in. */
async function isSameText(known: StudyInputs, source: RunSource, stateDir: string): Promise<boolean> {
  if (known.contexts !== null) return (await digestContexts(source.contexts())) === known.contexts;
  for (const group of existsSync(stateDir) ? readdirSync(stateDir) : []) {
    const saved = savedContexts(join(stateDir, group));
    if (saved === null || saved.count === 0) continue;
    if ((await digestContexts(source.contexts(), saved.count)) !== saved.digest) return false;
  }
  return true;
}
