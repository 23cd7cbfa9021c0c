import { checkAborted, type LongCall, type Progress } from '../base/progress.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import { compareDraws, type Redrawn } from '../compare/redraw.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { PolysemeError } from '../errors.ts';
import type { Model } from '../model/load-model.ts';
import { nameOf } from '../model/to-model.ts';
import { ofFile, parseRunOptions, type RunOptions } from '../run/run-options.ts';
import { openSource, type RunSource } from '../run/run-source.ts';
import { nameSaes } from '../run/sae-banks.ts';
import { checkEqual, labelOf, OPTIONS_BEFORE, type StudyBank } from '../study/compare-study.ts';
import { drawBanks } from './draw-banks.ts';

export interface RedrawProgress extends Progress {
  readonly stage: 'harvest' | 'compare';
  readonly unit: 'contexts' | 'units';
}

export interface RedrawBanksOptions extends LongCall<RedrawProgress> {
  /** A model that is loaded (and stays open), or the name of one; default the study's. */
  readonly model?: Model | string;
  /** A corpus that is opened, or the name of one; default the studies', where it is one. */
  readonly data?: Corpus | string;
  /** Where the SAEs lie: `NAME=PATH` for each bank `sae/NAME`. */
  readonly sae?: readonly string[];
  /** About so many text tokens, in whole contexts spread over the documents; default 100,000. */
  readonly tokens?: number;
  /** Draws of each unit's examples, at least 5; default 5. */
  readonly seeds?: number;
  /** Examples of every unit in every draw; default: the most that half of the live units have, at most {@link MOST}. */
  readonly examples?: number;
  /** Most units of a bank in a draw; default all. */
  readonly units?: number;
  readonly seed?: number;
  readonly threads?: number;
}

/** Examples of a unit in a draw, unless told otherwise. */
const MOST = 32;
/** Options that are taken from a study as they are. */
const KEPT = ['column', 'sign', 'linkage', 'threshold', 'center', 'layernorm', 'gated'] as const;
/** Options of a study that the values of a bank follow from. */
const EQUAL = [...KEPT, 'context', 'bos'];

/**
 * Compares banks of studies on examples drawn anew: runs the model, and draws as many examples of every unit of all
 * banks from the same text, at random among all positions that activate the unit, several times over. Of the studies it
 * takes which banks are meant and with which options, not their examples.
 *
 * @throws PolysemeError where the studies' models, texts or options differ, or an SAE is missing or another one
 * @example
 * const study = openStudy('study.db');
 * const banks = [{ study, bank: 'mlp.0' }, { study, bank: 'mlp.1' }];
 * const { differences } = await redrawBanks(banks, { tokens: 2000, examples: 4, units: 20 });
 * for (const { metric, verdict } of differences) console.log(metric, verdict ?? 'no ranking');
 * study.close();
 */
export async function redrawBanks(
  banks: readonly StudyBank[],
  options: RedrawBanksOptions = {},
): Promise<Redrawn> {
  const { tokens = 100_000, seeds = 5, examples, units, seed = 0, onProgress, signal } = options;
  for (const [name, value, least] of [
    ['tokens', tokens, 1],
    ['seeds', seeds, 5],
    ['examples', examples ?? 2, 2],
    ['units', units ?? 2, 2],
    ['seed', seed, 0],
  ] as const) {
    if (!(Number.isSafeInteger(value) && value >= least)) {
      throw new PolysemeError(`compare: ${name} is ${value}; it must be a whole number of at least ${least}`);
    }
  }
  checkBanks(banks, options);
  const source = await openBanks(banks, { ...options, tokens, seed });
  try {
    checkAborted(signal);
    const { sign, center, linkage, threshold } = source.options;
    const wanted = banks.map(({ bank }) => source.banks.find(({ name }) => name === bank)!);
    const drawn = await drawBanks({
      ...source,
      model: source.taps.model!,
      banks: wanted,
      seeds,
      most: examples ?? MOST,
      seed,
      sign,
      center,
      signal,
      onProgress: ({ done, total }) => onProgress?.({ stage: 'harvest', done, total, unit: 'contexts' }),
    });
    const named = drawn.banks.map((bank, i) => ({
      ...bank,
      name: labelOf(banks[i]!),
      draws: bank.draws.map((draw) => ({ ...draw, name: labelOf(banks[i]!) })),
    }));
    const cluster = { linkage: linkage as LinkageMethod, threshold };
    return await compareDraws(named, cluster, drawn.tokens, {
      examples,
      units,
      seed,
      signal,
      onProgress: ({ done, total }) => onProgress?.({ stage: 'compare', done, total, unit: 'units' }),
    });
  } finally {
    await source.close();
  }
}

/** Refuses banks that cannot be drawn from one run of one model. */
function checkBanks(banks: readonly StudyBank[], { model, data }: RedrawBanksOptions): void {
  if (banks.length < 2) throw new PolysemeError('compare: name two or more banks');
  checkEqual(banks, EQUAL);
  const [first, ...others] = banks;
  const about = (one: StudyBank) => one.study.info();
  banks.forEach((one, i) => {
    const { banks: known } = about(one);
    if (!known.some(({ name }) => name === one.bank)) {
      const names = known.map(({ name }) => name).join(', ');
      throw new PolysemeError(`${one.study.path} has no bank ${one.bank} (it has ${names})`, 'not-found');
    }
    if (about(one).model.architecture === 'given') {
      throw new PolysemeError(
        `${labelOf(one)}: its study was made from activations that were there, without a model: it cannot be redrawn`,
      );
    }
    const twin = banks.findIndex(({ bank }) => bank === one.bank);
    if (twin !== i) {
      throw new PolysemeError(
        `compare: ${labelOf(banks[twin]!)} and ${labelOf(one)} are one bank, ${one.bank}, of one model`,
      );
    }
  });
  for (const other of others) {
    for (const [what, given, a, b] of [
      ['model', model, about(first!).model.source, about(other).model.source],
      ['data', data, about(first!).data.source, about(other).data.source],
    ] as const) {
      if (given !== undefined || a === b) continue;
      throw new PolysemeError(
        `compare: the ${what} of ${labelOf(first!)} is ${a} and that of ${labelOf(other)} is ${b}: choose one with option ${what}`,
      );
    }
  }
}

/** Opens the model, the SAEs and the text, with the options of the first study. */
async function openBanks(
  banks: readonly StudyBank[],
  { sae = [], threads, tokens, seed, ...given }: RedrawBanksOptions & { tokens: number; seed: number },
): Promise<RunSource & { options: ReturnType<typeof parseRunOptions> }> {
  const { study } = banks[0]!;
  const info = study.info();
  const made: Readonly<Record<string, unknown>> = { ...OPTIONS_BEFORE, ...info.options };
  const named = nameSaes(sae).filter(({ name }) => banks.some(({ bank }) => bank === `sae/${name}`));
  const layers: number[] = [];
  for (const { bank } of banks) {
    const layer = /^mlp\.(\d+)(?:\.shared)?$/.exec(bank);
    if (layer !== null) layers.push(Number(layer[1]));
    else if (!named.some(({ name }) => bank === `sae/${name}`)) {
      throw new PolysemeError(
        `compare: to redraw ${bank}, say where its SAE lies: option sae ${bank.replace(/^sae\//, '')}=PATH`,
      );
    }
  }
  const context = made['context'] as number;
  const bos = made['bos'] === true;
  const model: Model | string = given.model ?? String(info.model.source);
  const data: Corpus | string = given.data ?? String(info.data.source);
  const kept = Object.fromEntries(
    [...KEPT, 'context'].flatMap((name) => (made[name] == null ? [] : [[name, made[name]]])),
  ) as RunOptions;
  ofFile(study.path, () => parseRunOptions(kept));
  const options = parseRunOptions({
    ...kept,
    model: nameOf(model),
    data: nameOf(data),
    layers,
    contexts: Math.ceil(tokens / (context - (bos ? 1 : 0))),
    bos: bos ? 'yes' : 'no',
    seed,
    threads,
  });
  const source = await openSource({ ...options, model, data }, named);
  try {
    checkSaes(banks, source);
    return { ...source, options };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Refuses an SAE that is not the one of its study. */
function checkSaes(banks: readonly StudyBank[], { meta }: RunSource): void {
  const opened = (meta.options as { sae: readonly string[] | null }).sae ?? [];
  for (const one of banks) {
    if (!one.bank.startsWith('sae/')) continue;
    const start = `${one.bank.slice('sae/'.length)} at `;
    const [now, then] = [opened, (one.study.info().options as { sae?: readonly string[] }).sae ?? []].map(
      (saes) => saes.find((text) => text.startsWith(start)),
    );
    if (now === then) continue;
    throw new PolysemeError(
      `compare: the SAE of ${labelOf(one)} is not the one of its study: ${now}; the study has ${then}`,
    );
  }
}
