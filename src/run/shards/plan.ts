import { existsSync } from 'node:fs';
import type { PackedArray } from '../../base/pack.ts';
import { checkAborted } from '../../base/progress.ts';
import { type SealedFile, writeSealed } from '../../base/sealed-file.ts';
import { checkWritable } from '../../base/writable.ts';
import { extendDigest, NO_CONTEXTS } from '../../corpus/context-digest.ts';
import { ContextLog, type ContextPart } from '../../corpus/context-part.ts';
import { PolysemeError, UsageError } from '../../errors.ts';
import { findSinks } from '../../harvest/find-sinks.ts';
import { readInputs } from '../inputs.ts';
import { mostExamples, selectionOf } from '../most-examples.ts';
import { checkRun, openRun } from '../open-run.ts';
import type { RunHooks } from '../run-hooks.ts';
import type { RunOptions } from '../run-options.ts';
import type { RunSource } from '../run-source.ts';
import { checkReplaceable, FORMAT, openKind, type PlannedRun, VERSION } from './part-file.ts';

/** Most shards of a run. */
export const MAX_SHARDS = 100_000;

export interface PlanRunOptions extends Omit<RunOptions, 'out'>, Omit<RunHooks, 'saveEvery'> {
  /** The file of the plan. */
  readonly plan: string;
  /** Parts that the text is divided into. */
  readonly shards: number;
}

/** What a plan says of its run. */
export interface RunPlan {
  /** SHA-256 of the plan, by which its parts know it. */
  readonly digest: string;
  readonly shards: number;
  readonly contexts: number;
  /** Documents that are left out as their text came before. */
  readonly duplicateDocuments: number;
  /** The kinds of parts that the shards make, one after another: `maxima` only where the selection needs them. */
  readonly rounds: readonly ('maxima' | 'examples' | 'rows')[];
}

/**
 * Plans a run whose text is divided over machines: reads the text once, numbers its contexts, leaves out documents that
 * come again, and writes which contexts each shard has and where in the files they begin. The model runs over the first
 * 64 contexts alone, to tell attention sinks. A plan that is there already, of the same run, is left as it is.
 *
 * @throws PolysemeError for bad options or inputs, and where the file holds something else (unless `overwrite`)
 * @example
 * const plan = await planRun({ layers: [0], contexts: 20, plan: 'run.plan', shards: 2 });
 * console.log(plan.contexts, plan.rounds); // 20 [ 'examples', 'rows' ]
 */
export async function planRun({
  plan,
  shards,
  onProgress,
  signal,
  onNote,
  ...options
}: PlanRunOptions): Promise<RunPlan> {
  if (!(Number.isInteger(shards) && shards >= 1 && shards <= MAX_SHARDS)) {
    throw new UsageError(`option shards is ${shards}: it must be a whole number from 1 to ${MAX_SHARDS}`);
  }
  const checked = checkRun(options);
  checkWritable(plan, 'plan');
  if (existsSync(plan) && options.overwrite === true) await checkReplaceable(plan);
  const { note } = mostExamples(checked.checked);
  if (note !== null) onNote?.(note);
  const source = await openRun(options, checked, onNote);
  try {
    const inputs = await readInputs(source);
    const { threads: _, overwrite, out: __, ...kept } = options as RunOptions;
    const head = { version: VERSION, shards, options: kept, meta: source.meta };
    if (existsSync(plan) && overwrite !== true && (await isPlanned(plan, head, inputs)))
      return describePlan(plan);
    const log = new ContextLog();
    let digest = NO_CONTEXTS;
    let tokens = 0;
    const measured = await findSinks({
      banks: source.banks,
      model: source.taps.model,
      sinkMultiple: checked.checked.sinkMultiple,
      contexts: () => source.contexts(),
      length: source.length,
      specialIds: source.specialIds,
      signal,
    });
    const contexts = measured?.contexts ?? source.contexts();
    try {
      for await (const context of contexts) {
        checkAborted(signal);
        digest = extendDigest(digest, context);
        log.add(context);
        tokens += context.tokens.length;
        const total = Math.max(log.count, Math.round(log.count / context.done));
        onProgress?.({ stage: 'plan', unit: 'contexts', done: log.count, total, tokens, what: '' });
      }
    } finally {
      measured?.stop();
    }
    const run: PlannedRun = {
      ...head,
      inputs: { ...inputs, contexts: digest },
      limits: measured?.limits ?? {},
      summary: contexts.summary,
      banks: source.banks.map(({ name, units, width, inputs: inputTap }) => ({
        name,
        units,
        width,
        inputTap,
      })),
      selection: selectionOf(checked.checked, source),
      longest: source.length,
    };
    await writeSealed(plan, { format: FORMAT, kind: 'plan', ...run }, planArrays(log, shards));
  } finally {
    await source.close();
  }
  return describePlan(plan);
}

/** A plan, opened. */
export interface OpenPlan {
  readonly digest: string;
  readonly run: PlannedRun;
  /** The contexts of a shard, from 1. */
  shard(number: number): Promise<ContextPart>;
}

export async function openPlan(path: string): Promise<OpenPlan> {
  const file = await openKind(path, 'a plan of a divided run');
  if (file.head['kind'] !== 'plan')
    throw new PolysemeError(`${path} is a part of a divided run, not its plan`);
  const { format: _, kind: __, ...run } = file.head;
  return {
    digest: file.digest,
    run: run as unknown as PlannedRun,
    shard: (number) => readShard(file, number),
  };
}

async function describePlan(path: string): Promise<RunPlan> {
  const { digest, run } = await openPlan(path);
  const { shards, summary, meta } = run;
  return {
    digest,
    shards,
    contexts: summary.contexts,
    duplicateDocuments: summary.duplicates,
    rounds: [...(needsMaximaRound(meta) ? (['maxima'] as const) : []), 'examples', 'rows'],
  };
}

/** Whether the examples are chosen by the largest score of each unit, which takes a round of its own. */
export function needsMaximaRound({ options }: RunSource['meta']): boolean {
  return options['select'] === 'fraction' || options['select'] === 'quantiles';
}

/** Whether a file is the plan of this very run over files that have not changed; another one is an error. */
async function isPlanned(
  path: string,
  head: { readonly version: string; readonly shards: number; readonly meta: RunSource['meta'] },
  { files, stamp }: PlannedRun['inputs'],
): Promise<boolean> {
  const { run } = await openPlan(path);
  const digests = (all: typeof files) => all.map(({ name, sha256 }) => [name, sha256]);
  const asked = [head.version, head.shards, head.meta, digests(files), stamp];
  const there = [run.version, run.shards, run.meta, digests(run.inputs.files), run.inputs.stamp];
  const names = [
    'version of Polyseme',
    'shards',
    'options, model or data',
    'files of the model',
    'files of the text',
  ];
  const other = names.filter((_, i) => JSON.stringify(asked[i]) !== JSON.stringify(there[i]));
  if (other.length === 0) return stamp !== null;
  throw new PolysemeError(
    `${path} is the plan of another run (other ${other.join(', ')}): choose another plan (option plan), or option overwrite`,
    'exists',
  );
}

function* planArrays(log: ContextLog, shards: number): Generator<[string, PackedArray]> {
  let shard = 0;
  for (const { runs, digests, ...place } of log.parts(shards)) {
    shard++;
    yield [`${shard}.place`, Buffer.from(JSON.stringify(place))];
    yield [`${shard}.runs`, runs];
    yield [`${shard}.digests`, digests];
  }
}

async function readShard(file: SealedFile, number: number): Promise<ContextPart> {
  const place = Buffer.from((await file.read(`${number}.place`)) as Uint8Array).toString('utf8');
  return {
    ...(JSON.parse(place) as Pick<ContextPart, 'first' | 'count' | 'document'>),
    runs: (await file.read(`${number}.runs`)) as Uint32Array,
    digests: (await file.read(`${number}.digests`)) as Uint32Array,
  };
}
