import { realpathSync, statSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { HttpProblem } from '../../answers/problem.ts';
import type { Wire } from '../../answers/wire.ts';
import type { TrainingAnswer, TrainingLogAnswer, TrainingsAnswer } from '../../contract/training-answers.ts';
import { PolysemeError } from '../../errors.ts';
import type { SweepMember } from '../../train/train-options.ts';
import { findRuns, type RunFolder } from './find-logs.ts';
import { LogFile } from './log-file.ts';
import { type Run, readRun } from './training-run.ts';

/** Milliseconds between looks for new folders, at least, and by how often they took. */
const LOOK_EVERY = 1000;
const LOOK_SHARE = 20;
/** At most this many SAEs are listed. */
const LISTED = 256;
/** At most this many unreadable folders are named. */
const NAMED = 20;
/** Milliseconds without a word until a training has stopped; and while it fills its buffer or evaluates, when it logs nothing. */
const PATIENCE = 60_000;
const SILENT_PATIENCE = 600_000;
/** … or as long as so many lines usually take. */
const PATIENCE_LINES = 10;

/** Tells epochs of this process from those of another. */
const STARTED = Date.now().toString(36);

/** One SAE: a training, or a member of a sweep. */
interface TrainedOne {
  readonly name: string;
  readonly group: string | null;
  readonly member: SweepMember;
  readonly dir: string;
  /** Whether `dir` is the folder of the run itself. */
  readonly alone: boolean;
  readonly log: LogFile;
}

/** A folder with a run.json, as it was when last read. */
interface KnownRun {
  readonly folder: RunFolder;
  /** Inode, size and time of the run.json. */
  readonly version: string;
  readonly written: number;
  /** The training, or why there is none. */
  readonly run: Run | string;
  readonly saes: readonly TrainedOne[];
}

/** The trainings in a folder, finished or under way: found, and followed as they write. */
export class Trainings {
  readonly #root: string;
  readonly #folder: string;
  #runs: readonly KnownRun[] = [];
  #complete = true;
  #looking: Promise<void> | null = null;
  #next = 0;

  /** @throws PolysemeError where there is no such folder */
  constructor(dir: string) {
    const stat = statSync(dir, { throwIfNoEntry: false });
    if (stat === undefined) {
      throw new PolysemeError(
        `${dir}: no such folder: give one that holds trainings, or will (mkdir ${dir} makes it)`,
        'not-found',
      );
    }
    if (!stat.isDirectory()) throw new PolysemeError(`${dir} is not a folder: give one that holds trainings`);
    this.#root = realpathSync(dir);
    this.#folder = basename(resolve(dir)) || this.#root;
  }

  async list(): Promise<Wire<TrainingsAnswer>> {
    await this.#look();
    const all = await Promise.all(this.#runs.map((known) => listRun(known)));
    const unreadable = this.#runs.flatMap(({ folder, run }) =>
      typeof run === 'string' ? [{ name: folder.name || this.#folder, reason: run }] : [],
    );
    const names = new Set<string>();
    // A member of a sweep and a training in a folder of its own can have the same path.
    const trainings = all.flat().filter(({ name }) => !names.has(name) && names.add(name));
    return {
      folder: this.#folder,
      trainings: trainings.slice(0, LISTED),
      unreadable: unreadable.slice(0, NAMED),
      complete: this.#complete && trainings.length <= LISTED,
    };
  }

  /** The lines of a training's log after a step. A name is looked up among those found, so that it leads nowhere else. */
  async log(name: string, after: number): Promise<Wire<TrainingLogAnswer>> {
    let sae = this.#named(name);
    if (sae === undefined) {
      await this.#look();
      sae = this.#named(name);
    }
    if (sae === undefined) throw new HttpProblem(404, `there is no training ${JSON.stringify(name)}`);
    await follow(sae);
    const { log } = sae;
    const { step, tokens, figures, thinned } = log.after(after);
    const { skipped, cut } = log;
    return { name, epoch: epochOf(log), thinned, cut, skipped, step, tokens, figures };
  }

  #named(name: string): TrainedOne | undefined {
    for (const { saes } of this.#runs) {
      const found = saes.find((sae) => sae.name === name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookAnew().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookAnew(): Promise<void> {
    const started = performance.now();
    let folders = this.#runs.map(({ folder }) => folder);
    if (started >= this.#next) {
      const { runs, complete } = await findRuns(this.#root);
      folders = runs;
      this.#complete = complete;
      const took = performance.now() - started;
      this.#next = performance.now() + Math.max(LOOK_EVERY, LOOK_SHARE * took);
    }
    const known = new Map(this.#runs.map((run) => [run.folder.path, run]));
    const names = new Set(folders.map(({ name }) => name));
    const found = await Promise.all(
      folders.map((folder) => this.#know(folder, known.get(folder.path), names)),
    );
    this.#runs = found.filter((run) => run !== null);
  }

  /** The training in a folder, read anew where its run.json has changed; null where that is gone. */
  async #know(
    folder: RunFolder,
    before: KnownRun | undefined,
    names: ReadonlySet<string>,
  ): Promise<KnownRun | null> {
    const path = join(folder.path, 'run.json');
    const stat = await lstat(path).catch(() => null);
    if (stat === null || !stat.isFile()) return null;
    const version = `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
    if (before?.version === version) return before;
    const written = stat.mtimeMs;
    let run: Run;
    try {
      run = await readRun(path);
    } catch (error) {
      return { folder, version, written, run: (error as Error).message, saes: [] };
    }
    const logs = new Map(before?.saes.map(({ dir, log }) => [dir, log]));
    const isSweep = run.members.length > 1;
    // A folder below may have the name of the root: nothing below is called '.'.
    const own = folder.name || (names.has(this.#folder) ? '.' : this.#folder);
    const saes = run.members.map((member) => {
      const dir = join(folder.path, member.name);
      const name = isSweep ? `${folder.name === '' ? '' : `${folder.name}/`}${member.name}` : own;
      const log = logs.get(dir) ?? new LogFile(join(dir, 'log.jsonl'));
      return { name, group: isSweep ? own : null, member, dir, alone: !isSweep, log };
    });
    return { folder, version, written, run, saes };
  }
}

async function listRun({ folder, written, run, saes }: KnownRun): Promise<TrainingAnswer[]> {
  if (typeof run === 'string') return [];
  const places = [folder.path, join(folder.path, 'checkpoints'), ...saes.map(({ dir }) => dir)];
  const [times] = await Promise.all([
    Promise.all(places.map((place) => folderTime(place))),
    ...saes.map((sae) => follow(sae)),
  ]);
  const latest = Math.max(written, ...times, ...saes.map(({ log }) => log.written));
  return saes.map((sae) => describe(run, sae, latest));
}

/** Reads what is new in a log, unless the folder of a sweep's member is a link to elsewhere. */
async function follow({ dir, alone, log }: TrainedOne): Promise<void> {
  if (alone || (await lstat(dir).catch(() => null))?.isDirectory()) await log.refresh();
}

/** When an entry of a folder last came or went; 0 where there is no such folder. */
async function folderTime(path: string): Promise<number> {
  const stat = await lstat(path).catch(() => null);
  return stat?.isDirectory() ? stat.mtimeMs : 0;
}

function describe(run: Run, { name, group, member, log }: TrainedOne, written: number): TrainingAnswer {
  const { last } = log;
  const { steps, evaluations, diverged, settings } = run;
  const done = evaluations !== null;
  const step = Math.min(steps, last?.step ?? 0);
  const quiet = Math.max(0, Date.now() - written);
  const rate = last?.tokensPerSecond ?? 0;
  const line = rate > 0 ? (1000 * run.logEvery * settings.batch) / rate : 0;
  const silent = step === 0 || step === steps;
  const patience = Math.max(silent ? SILENT_PATIENCE : PATIENCE, PATIENCE_LINES * line);
  const state = done
    ? 'done'
    : diverged !== null
      ? 'diverged'
      : quiet > patience
        ? 'stopped'
        : step === steps
          ? 'evaluating'
          : 'training';
  const left = rate > 0 ? ((steps - step) * settings.batch) / rate - quiet / 1000 : null;
  const { latents: _, ...figures } = last ?? { latents: null };
  return {
    name,
    group,
    settings: {
      ...settings,
      latents: settings.latents ?? last?.latents ?? null,
      k: member.k ?? null,
      l1: member.k === undefined ? member.l1 : null,
      embeddingWeight: member.embeddingWeight,
      residualWeight: member.residualWeight,
    },
    steps,
    step,
    state,
    diverged,
    updated: new Date(written).toISOString(),
    secondsLeft: state === 'training' && left !== null ? Math.max(0, left) : null,
    epoch: epochOf(log),
    skipped: log.skipped,
    last: last === null ? null : (figures as TrainingAnswer['last']),
    evaluation: evaluations?.get(member.name) ?? null,
  };
}

function epochOf({ epoch }: LogFile): string {
  return `${STARTED}-${epoch}`;
}
