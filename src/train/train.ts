import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ActivationOrigin, endless } from '../activations/activation-source.ts';
import { ShuffleBuffer } from '../activations/buffer.ts';
import { diskFull, isDiskFull } from '../base/files.ts';
import { clearLeftovers, lockOutput } from '../base/lock.ts';
import { checkAborted, type LongCall, type Progress } from '../base/progress.ts';
import { checkFolder, checkVacant } from '../base/writable.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { PolysemeError } from '../errors.ts';
import { evaluateSae } from '../evaluate/evaluate.ts';
import type { SaeEvaluation } from '../evaluate/result.ts';
import type { Model } from '../model/load-model.ts';
import { nameOf } from '../model/to-model.ts';
import type { Sae } from '../sae/sae.ts';
import { saveSae } from '../sae/save.ts';
import { SaeDivergence, type SaeStep } from '../sae/trainer/step.ts';
import type { SaeMetadata } from '../sae/trainer/to-sae.ts';
import { createSaeTrainer, type SaeTrainer } from '../sae/trainer/trainer.ts';
import type { SaeTrainerOptions } from '../sae/trainer/trainer-options.ts';
import { writeCard } from './card.ts';
import { Keeper } from './keeper.ts';
import { appendLog, trimLog } from './log.ts';
import { checkMemory } from './memory.ts';
import { RUN, readRun, runOptions, type TrainedSae, writeRun } from './run-file.ts';
import { trainerOptions } from './settings.ts';
import { stepDevice } from './step-device.ts';
import {
  parseSaeTrainOptions,
  type ResolvedSaeTrainOptions,
  type SaeTrainOptions,
  type SweepMember,
  sweep,
} from './train-options.ts';
import { openTrainingSource, type TrainingSource } from './training-source.ts';

/** What training has come to: of each SAE the step that was just done. */
export interface SaeTrainProgress extends Progress {
  readonly stage: 'fill' | 'train' | 'evaluate';
  readonly unit: 'vectors' | 'tokens' | 'contexts';
  readonly saes: readonly { readonly name: string; readonly latents: number; readonly step: SaeStep }[];
}

/** A training whose signal is aborted saves its last step, and is resumed by the same call. */
export interface SaeTrainHooks extends LongCall<SaeTrainProgress> {
  /** What the user should know, one line each. */
  readonly onNote?: (line: string) => void;
  /** Seconds of work that a kill may lose; default 60, 0: save after every block of the first filling, and after every step. */
  readonly saveEvery?: number;
}

export interface TrainSaeOptions extends Omit<SaeTrainOptions, 'model' | 'data'>, SaeTrainHooks {
  /** A model that is loaded (and stays open), or the name of one. */
  readonly model?: Model | string;
  /** A corpus that is opened, or the name of one. */
  readonly data?: Corpus | string;
}

/**
 * Trains SAEs on a model's activations, all of a sweep from one pass over them, and writes each into `out` (of several:
 * a folder each) in SAELens's format with a card, a log (`log.jsonl`) and an evaluation. A run that was killed goes on
 * when it is called again with the same options, and ends with the same weights to the bit on the same machine.
 *
 * @throws PolysemeError for bad options or inputs, where `out` holds a run of other options or other files, and on divergence
 * @example
 * const [sae] = await trainSae({ site: 'blocks.2.hook_resid_post', latents: 256, k: [8], tokens: 8192, contexts: 100, evalTokens: 2000, out: 'small-sae' });
 * console.log(sae.evaluation?.reconstruction.explainedVariance);
 */
export async function trainSae({
  onProgress,
  signal,
  onNote,
  saveEvery,
  ...options
}: TrainSaeOptions): Promise<TrainedSae[]> {
  const { model, data } = options;
  const hooks = { onProgress, signal, onNote, saveEvery };
  const checked = parseSaeTrainOptions({ ...options, model: nameOf(model), data: nameOf(data) });
  checkFolder(checked.out);
  checkVacant(checked.out, { begun: RUN });
  const out = resolve(checked.out);
  const members = sweep(checked);
  const input = await openTrainingSource(checked, { model, data });
  try {
    for (const line of input.model?.notes ?? []) onNote?.(line);
    const latents = checked.latents ?? 8 * input.source.width;
    const given = members.map((member) => trainerOptions(checked, member, input.source.width, latents));
    const device = await stepDevice(checked.device, given, onNote);
    const settings = given.map((own) => ({ ...own, device }));
    const described = { ...runOptions(checked, input), ...(device === 'cpu' ? {} : { stepDevice: device }) };
    const saved = await readRun(out, described);
    if (saved?.result) return await finished(out, saved.result);
    return await train({ options: checked, out, members, input, latents, settings, described, hooks });
  } catch (error) {
    throw isDiskFull(error) ? diskFull(out) : error;
  } finally {
    await input.close();
  }
}

/** A result that is there already; a kill may have left checkpoints and more beside it. */
async function finished(out: string, result: readonly TrainedSae[]): Promise<TrainedSae[]> {
  await rm(join(out, 'checkpoints'), { recursive: true, force: true });
  await clearLeftovers(out);
  return [...result];
}

interface Run {
  readonly options: ResolvedSaeTrainOptions;
  readonly out: string;
  readonly members: readonly SweepMember[];
  readonly input: TrainingSource;
  readonly latents: number;
  readonly settings: readonly SaeTrainerOptions[];
  readonly described: Record<string, unknown>;
  readonly hooks: SaeTrainHooks;
}

async function train(run: Run): Promise<TrainedSae[]> {
  const { options, out, members, input, settings, described } = run;
  const capacity = checkMemory(options, input.source, settings);
  const dirs = members.map(({ name }) => join(out, name));
  let unlock: () => Promise<void>;
  try {
    await mkdir(out, { recursive: true });
    unlock = await lockOutput(out, 'training in');
  } catch (error) {
    throw error instanceof PolysemeError ? error : cannotWrite(out, error);
  }
  try {
    // Another process may have ended it meanwhile.
    const saved = await readRun(out, described);
    if (saved?.result) return await finished(out, saved.result);
    try {
      // First of all: a folder without it is someone else's.
      await writeRun(out, { version: 1, options: described, result: null });
      for (const dir of dirs) await mkdir(dir, { recursive: true });
    } catch (error) {
      throw cannotWrite(out, error);
    }
    return await trainMembers({ ...run, capacity, dirs });
  } catch (error) {
    if (!(error instanceof SaeDivergence)) throw error;
    const diverged = `step ${error.step}: ${error.reason}`;
    await writeRun(out, { version: 1, options: described, result: null, diverged });
    throw error;
  } finally {
    await unlock();
  }
}

function cannotWrite(out: string, error: unknown): PolysemeError {
  return new PolysemeError(`cannot write to ${out}: ${(error as Error).message}`);
}

interface Prepared extends Run {
  /** Vectors of the buffer. */
  readonly capacity: number;
  readonly dirs: readonly string[];
}

async function trainMembers(run: Prepared): Promise<TrainedSae[]> {
  const { options, out, members, input, described, hooks, settings, capacity, dirs } = run;
  const { source } = input;
  const { batch, seed } = options;
  const trainers: SaeTrainer[] = [];
  const buffer = new ShuffleBuffer({
    width: source.width,
    capacity,
    blockSize: source.blockSize,
    seed,
    read: (from) => endless(source, from),
    // Later it is filled up between steps.
    onFill: async (done, total) => {
      if (buffer.state().batches > 0) return;
      if (hooks.signal?.aborted || keeper.isDue) await keeper.save(0);
      checkAborted(hooks.signal);
      hooks.onProgress?.({ stage: 'fill', done, total, unit: 'vectors', saes: [] });
    },
  });
  const checkpoints = join(out, 'checkpoints');
  const keeper = new Keeper(checkpoints, buffer, trainers, hooks.saveEvery ?? 60);
  try {
    for (const own of settings) trainers.push(await createSaeTrainer(own));
    const start = await keeper.resume();
    for (const dir of dirs) await trimLog(dir, start);
    const last = await steps({ ...run, batch, trainers, buffer, keeper, start });
    const total = trainers[0]!.steps;
    const results: TrainedSae[] = [];
    for (const [i, trainer] of trainers.entries()) {
      const dir = dirs[i]!;
      await trainer.settle();
      const sae = trainer.sae(saeMetadata(source.origin), dir);
      const facts = {
        origin: source.origin,
        settings: trainer.settings,
        batch,
        steps: total,
        buffer: capacity,
        epochs: (buffer.state().cursor?.epoch ?? 0) + 1,
        last: last[i]!,
        evaluation: null as SaeEvaluation | null,
        note: input.note,
      };
      await saveSae(sae, dir);
      await writeCard(dir, facts);
      try {
        facts.evaluation = await evaluate(run, sae);
      } catch (error) {
        facts.note = (error as Error).message;
        hooks.onNote?.(`no evaluation: ${facts.note}`);
      } finally {
        await sae.dispose();
      }
      await writeCard(dir, facts);
      const { evaluation } = facts;
      results.push({
        name: members[i]!.name,
        dir,
        steps: total,
        tokens: total * batch,
        last: last[i]!,
        evaluation,
      });
    }
    await writeRun(out, { version: 1, options: described, result: results });
    await rm(checkpoints, { recursive: true, force: true });
    return results;
  } finally {
    await buffer.close();
    await Promise.all(trainers.map((trainer) => trainer.close()));
  }
}

/** What an SAE's config says of the activations that it was trained on. */
function saeMetadata({ site, model, context, bos, data }: ActivationOrigin): SaeMetadata {
  return { hook_name: site, model_name: model, context_size: context, prepend_bos: bos, dataset_path: data };
}

interface Loop extends Prepared {
  readonly batch: number;
  readonly trainers: readonly SaeTrainer[];
  readonly buffer: ShuffleBuffer;
  readonly keeper: Keeper;
  readonly start: number;
}

/** Takes the steps that are left; returns the last one's figures, of each trainer. */
async function steps(loop: Loop): Promise<SaeStep[]> {
  const { options, batch, latents, trainers, buffer, dirs, keeper, start, hooks, members } = loop;
  const { logEvery, tokens } = options;
  const total = Math.ceil(tokens / batch);
  const began = performance.now();
  let last: SaeStep[] = [];
  // The last step's figures are in no checkpoint: the step before it is the latest that is saved.
  for (let step = start + 1; step <= total; step++) {
    if (hooks.signal?.aborted && keeper.step < step - 1) await keeper.save(step - 1);
    checkAborted(hooks.signal);
    const vectors = await buffer.next(batch);
    last = [];
    for (const [i, trainer] of trainers.entries()) {
      last.push(await trainer.step(vectors).catch((error) => advise(error, loop, members[i]!.name)));
    }
    const rate = ((step - start) * batch) / ((performance.now() - began) / 1000);
    if (step % logEvery === 0 || step === total) {
      for (const [i, dir] of dirs.entries()) {
        await appendLog(dir, last[i]!, { tokens: step * batch, latents, tokensPerSecond: Math.round(rate) });
      }
    }
    hooks.onProgress?.({
      stage: 'train',
      done: step * batch,
      total: total * batch,
      unit: 'tokens',
      saes: members.map(({ name }, i) => ({ name, latents, step: last[i]! })),
    });
    if (step < total && keeper.isDue) await keeper.save(step);
  }
  return last;
}

/** Says of a divergence which SAE it was, and what to do about it here. */
function advise(error: unknown, { out, options, settings }: Loop, name: string): never {
  if (!(error instanceof SaeDivergence)) throw error;
  const { step, reason } = error;
  const of = name === '' ? reason : `${reason} (${name})`;
  throw new SaeDivergence(step, of, remedy(out, step, settings[0]!.learningRate, options.clip > 0));
}

function remedy(out: string, step: number, learningRate: number, clips: boolean): string {
  const cause =
    step === 1
      ? 'the inputs are too large: look at them, or let them be scaled'
      : `the learning rate ${learningRate} is likely too high: lower it${clips ? '' : ', or clip gradients'}`;
  return `${cause}; with another output (option out), or delete ${out}`;
}

async function evaluate({ options, input, hooks }: Run, sae: Sae) {
  const { model, source, note } = input;
  if (options.evalTokens === 0) return null;
  if (model === null) throw new PolysemeError(note ?? 'the model is not at hand');
  const { origin } = source;
  return evaluateSae({
    model,
    sae,
    data: input.data,
    column: origin.column,
    tokens: options.evalTokens,
    context: origin.context,
    bos: origin.bos ? 'yes' : 'no',
    // What it was trained on: nothing is centred.
    centerWriting: 'no',
    polysemy: false,
    seed: options.seed,
    signal: hooks.signal,
    onProgress: ({ done, total }) =>
      hooks.onProgress?.({ stage: 'evaluate', done, total, unit: 'contexts', saes: [] }),
  });
}
