import type * as z from 'zod';
import type { TappedBank } from '../bank/bank.ts';
import { changedFiles } from '../base/changed-files.ts';
import type { FileDigest } from '../base/file-digest.ts';
import { PolysemeError } from '../errors.ts';
import type { Model } from '../model/load-model.ts';
import type { SaeAttachment } from '../sae/attach.ts';
import type { SaeData } from '../sae/sae-data.ts';
import type { Study } from '../study/study.ts';
import { studyReader } from './study-reader.ts';
import type { UnitReader } from './unit-reader.ts';

/** What explanations ask of a model: `loadModel` gives one. */
export type ExplainModel = Pick<
  Model,
  'source' | 'config' | 'tokenizer' | 'images' | 'sites' | 'files' | 'openTaps'
>;

/** A bank of a study in the model: where its units are tapped. */
export interface ModelBank extends TappedBank {
  /** The SAE whose latents its units are, and where it sits; null for the neurons of a layer. */
  readonly sae: { readonly data: SaeData; readonly attachment: SaeAttachment } | null;
  /** Of neurons whose outputs are multiplied to class logits: the matrix, classes × units. */
  readonly classWeights?: (() => Promise<Float32Array>) | null;
}

/** The model behind a study, opened. */
export interface OpenedModel {
  readonly model: ExplainModel;
  /** Its files as they are now; null where they cannot be told, as in a page. */
  readonly files: readonly FileDigest[] | null;
  /** Its banks by the study's names; those of SAEs that were not given are left out. */
  readonly banks: readonly ModelBank[];
  close(): Promise<void>;
}

/** Where results of long computations are kept, so that they are not computed again. Nothing relies on it. */
export interface KeptResults {
  /** What was kept under a key, if it is what the schema says; else null. */
  read<T>(key: { readonly kind: string; readonly key: string }, schema: z.ZodType<T>): T | null;
  /** Keeps a JSON value. */
  write(key: { readonly kind: string; readonly key: string }, value: unknown): void;
}

/** Keeps nothing. */
const NOTHING_KEPT: KeptResults = { read: () => null, write() {} };

/** The units of a study with its model, which is opened and checked when it is first asked for. */
export interface ExplainedUnits {
  readonly units: UnitReader;
  readonly results: KeptResults;
  /**
   * The model.
   * @throws PolysemeError where there is none, or it is not the study's: then the error says what differs
   */
  model(): Promise<ExplainModel>;
  /**
   * A bank of the study in the model.
   * @throws PolysemeError where the study has none of that name, or its SAE was not given
   */
  bank(name: string): Promise<ModelBank>;
}

/** A study with its model. */
export interface Explained extends ExplainedUnits {
  readonly study: Study;
  /** Closes the model where one was opened; the study stays open. */
  close(): Promise<void>;
}

/**
 * Puts a study and the model behind it together.
 *
 * @param open opens the model; it is called once, when the model is first asked for, and again if it failed
 * @example
 * const explained = explain(study, openModel);
 * const { config } = await explained.model();
 * console.log(config.layers);
 * await explained.close();
 */
export function explain(
  study: Study,
  open: () => Promise<OpenedModel>,
  results: KeptResults = NOTHING_KEPT,
): Explained {
  let opening: Promise<OpenedModel> | null = null;
  const opened = (): Promise<OpenedModel> => {
    opening ??= openChecked(study, open).catch((error) => {
      opening = null;
      throw error;
    });
    return opening;
  };
  return {
    study,
    ...explainUnits(studyReader(study), opened, {
      results,
      missing: (bank) =>
        `the units of ${bank} are latents of an SAE: say where it lies (option sae ${bank.replace(/^sae\//, '')}=PATH)`,
    }),
    async close() {
      await (await opening?.catch(() => null))?.close();
      opening = null;
    },
  };
}

/**
 * Puts the units of a study and the model behind them together.
 *
 * @param opened gives the model, however often it is asked for
 * @param options.missing why a bank of the study is none of the model's
 */
export function explainUnits(
  units: UnitReader,
  opened: () => Promise<Pick<OpenedModel, 'model' | 'banks'>>,
  {
    results = NOTHING_KEPT,
    missing,
  }: { readonly results?: KeptResults; readonly missing: (bank: string) => string },
): ExplainedUnits {
  return {
    units,
    results,
    model: async () => (await opened()).model,
    async bank(name) {
      if (!units.banks.includes(name)) {
        throw new PolysemeError(
          `${units.path} has no bank ${name} (it has ${units.banks.join(', ')})`,
          'not-found',
        );
      }
      const bank = (await opened()).banks.find((one) => one.name === name);
      if (bank !== undefined) return bank;
      throw new PolysemeError(missing(name));
    },
  };
}

async function openChecked(study: Study, open: () => Promise<OpenedModel>): Promise<OpenedModel> {
  if (study.info().model['architecture'] === 'given') {
    throw new PolysemeError(
      `${study.path} was made from given activations, without a model: nothing can be run again`,
    );
  }
  const opened = await open();
  try {
    checkModel(study, opened);
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Sizes that tell models apart, where a study of an older version has no digests. */
const FACTS = [
  'architecture',
  'layers',
  'width',
  'mlpWidth',
  'vocabulary',
  'contextLength',
  'gated',
] as const;

/**
 * Refuses a model that is not the one that a study was made with: by the digests of its files, or in a study of an older
 * version by its sizes.
 */
function checkModel(study: Study, { model, files }: OpenedModel): void {
  const then: Readonly<Record<string, unknown>> = study.info().model;
  const known = study.madeFrom();
  const differences =
    known !== null && files !== null
      ? changedFiles(known.files, files)
      : FACTS.filter((name) => then[name] !== undefined && then[name] !== model.config[name]).map(
          (name) => `${name} ${then[name]} there, ${model.config[name]} now`,
        );
  if (differences.length === 0) return;
  throw new PolysemeError(
    `the model ${model.source} is not the one that ${study.path} was made with: ${differences.slice(0, 4).join('; ')}; ` +
      'give that one (option model)',
  );
}
