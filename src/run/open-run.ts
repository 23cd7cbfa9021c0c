import type { Corpus } from '../corpus/corpus.ts';
import type { ImageCorpus } from '../corpus/images/image-corpus.ts';
import { PolysemeError } from '../errors.ts';
import type { Model } from '../model/load-model.ts';
import { nameOf } from '../model/to-model.ts';
import type { RunHooks } from './run-hooks.ts';
import { parseRunOptions, type ResolvedRunOptions, type RunOptions } from './run-options.ts';
import { openSource, type RunSource } from './run-source.ts';
import { type NamedSource, nameSaes } from './sae-banks.ts';

export interface RunStudyOptions extends Omit<RunOptions, 'model' | 'data'>, RunHooks {
  /** A model that is loaded (and stays open), or the name of one. */
  readonly model?: Model | string;
  /** A corpus of texts or images that is opened, or the name of one. */
  readonly data?: Corpus | ImageCorpus | string;
}

/** The options of a run, where model and corpus may be open already. */
export type OpenRunOptions = Omit<RunStudyOptions, keyof RunHooks>;

/** Options with their defaults, and the SAEs that they name. */
export interface CheckedRun {
  readonly checked: ResolvedRunOptions;
  readonly saes: readonly NamedSource[];
}

/** Checks the options of a run. @throws PolysemeError where there is nothing to harvest */
export function checkRun({ model, data, ...options }: OpenRunOptions): CheckedRun {
  const checked = parseRunOptions({ ...options, model: nameOf(model), data: nameOf(data) });
  const saes = nameSaes(checked.sae ?? []);
  if (checked.layers?.length === 0 && saes.length === 0) {
    throw new PolysemeError(
      'there is nothing to harvest: no layers, and no SAE; give option layers or option sae',
    );
  }
  return { checked, saes };
}

/** Opens what checked options name. */
export function openRun(
  { model, data }: OpenRunOptions,
  { checked, saes }: CheckedRun,
  onNote?: (line: string) => void,
): Promise<RunSource> {
  return openSource(
    { ...checked, model: model ?? checked.model, data: data ?? usualData(nameOf(model)) ?? checked.data },
    saes,
    onNote,
  );
}

/** The data that a built-in model comes with, where it is not the usual one. */
function usualData(model: string | undefined): string | null {
  return model === 'builtin:digits' ? 'builtin:digits' : null;
}
