import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Bank } from '../../bank/bank.ts';
import { temporaryName } from '../../base/files.ts';
import type { PackedArray } from '../../base/pack.ts';
import { checkWritable } from '../../base/writable.ts';
import type { ContextPart } from '../../corpus/context-part.ts';
import { PolysemeError, UsageError } from '../../errors.ts';
import { unpackTotals } from '../../harvest/bank-totals.ts';
import type { PackedContexts } from '../../harvest/context-table.ts';
import {
  harvestExamples,
  harvestMaxima,
  harvestRows,
  type ShardOptions,
} from '../../harvest/harvest-shard.ts';
import { packRows, unitsPerBlock } from '../../harvest/packed-rows.ts';
import { wantedRows } from '../../harvest/wanted-rows.ts';
import { checkRun } from '../open-run.ts';
import type { RunHooks } from '../run-hooks.ts';
import type { ResolvedRunOptions, RunOptions } from '../run-options.ts';
import type { RunSource } from '../run-source.ts';
import { wordsOf } from '../write-found.ts';
import { checkWhole } from './check-parts.ts';
import { openPlanned, type PlannedOpener, plannedContexts } from './open-planned.ts';
import { group, isMade, openPart, type Part, type PartHead, readGroup, writePart } from './part-file.ts';
import { needsMaximaRound, type OpenPlan, openPlan, planRun } from './plan.ts';

export interface RunShardOptions extends Omit<RunHooks, 'saveEvery'> {
  /** The file of the plan; or with `keepDuplicates` the options of the run, which each shard then plans by itself. */
  readonly plan: string | RunOptions;
  /** Which shard, from 1. */
  readonly shard: number;
  /** Of how many; checked against the plan where that is a file. */
  readonly of?: number;
  /** The merged part of the round before: `maxima` or `examples`; none in the first round. */
  readonly after?: string;
  /** The file of the part. */
  readonly out: string;
  readonly threads?: number;
  /** Replace another file. */
  readonly overwrite?: boolean;
}

/** Why a shard without a plan is refused. */
const NEEDS_PLAN =
  'option shard needs option plan, the file that says which contexts each shard has; or option keepDuplicates, with which each shard reads all of the text to find its own';

/** What a part of a divided run is. */
export interface RunPart {
  readonly kind: 'maxima' | 'examples' | 'rows' | 'units';
  /** The shards whose text is in it, from 1, ascending; of `units`, the share of the units. */
  readonly covers: readonly number[];
  /** Shards, or shares of the units, that make a whole. */
  readonly of: number;
}

/**
 * Runs the model over one shard of a planned run, and writes what it found: in the first round statistics and examples
 * without their inputs (where the selection needs the units' maxima, these come in a round before), and after these are
 * merged, the inputs and activations of the examples that were chosen over all of the text. A part that is there
 * already is left as it is.
 *
 * @throws PolysemeError where model, text or options are not what was planned
 * @example
 * await planRun({ layers: [0], contexts: 20, plan: 'run.plan', shards: 2 });
 * const part = await runShard({ plan: 'run.plan', shard: 1, out: 'examples-1' });
 * console.log(part.kind, part.covers); // examples [ 1 ]
 */
export function runShard(options: RunShardOptions): Promise<RunPart> {
  return shardBy(openPlanned, options);
}

/** The same, where more than one job is done by a process. */
export async function shardBy(open: PlannedOpener, options: RunShardOptions): Promise<RunPart> {
  const { plan, out } = options;
  checkWritable(out);
  if (typeof plan !== 'string') return runUnplanned(options, plan);
  return runPlanned(options, await openPlan(plan), open);
}

/**
 * Runs a shard by a plan of its own, which is gone afterwards: a run has one plan, whoever makes it. All of the text is read
 * for it. Where documents are left out that come again, a plan that is kept says which; without that it is refused.
 */
async function runUnplanned(options: RunShardOptions, run: RunOptions): Promise<RunPart> {
  const { of, out, onNote, onProgress, signal } = options;
  if (of === undefined || !checkRun(run).checked.keepDuplicates) throw new UsageError(NEEDS_PLAN);
  const plan = join(dirname(out), temporaryName(basename(out)));
  try {
    await planRun({ ...run, plan, shards: of, onNote, onProgress, signal });
    return await runPlanned(options, await openPlan(plan), openPlanned);
  } finally {
    await rm(plan, { force: true });
  }
}

async function runPlanned(options: RunShardOptions, plan: OpenPlan, open: PlannedOpener): Promise<RunPart> {
  const { after, out, shard, overwrite = false } = options;
  const before = after === undefined ? undefined : await openPart(after);
  const { run, digest } = plan;
  if (!(Number.isInteger(shard) && shard >= 1 && shard <= run.shards)) {
    throw new PolysemeError(`option shard is ${shard}: the plan has the shards 1 to ${run.shards}`);
  }
  if (options.of !== undefined && options.of !== run.shards) {
    throw new PolysemeError(`option shard is ${shard}/${options.of}: the plan has ${run.shards} shards`);
  }
  const head = {
    kind: roundAfter(plan, before),
    plan: digest,
    run,
    covers: [shard],
    of: run.shards,
    after: before?.file.digest ?? null,
  };
  if (!(await isMade(out, head, overwrite)))
    await makePart(options, head, await plan.shard(shard), before, open);
  return { kind: head.kind, covers: head.covers, of: head.of };
}

/** What the shards make next. */
function roundAfter({ digest, run }: OpenPlan, before: Part | undefined): Round {
  if (before === undefined) return needsMaximaRound(run.meta) ? 'maxima' : 'examples';
  const { kind, plan, file } = before;
  if (plan !== digest) throw new PolysemeError(`option after ${file.path}: it is a part of another plan`);
  if (kind !== 'maxima' && kind !== 'examples') {
    throw new PolysemeError(
      `option after ${file.path}: it holds ${kind}; give the merged maxima or examples`,
    );
  }
  checkWhole([before]);
  return kind === 'maxima' ? 'examples' : 'rows';
}

async function makePart(
  { out, threads, onProgress, onNote, signal }: RunShardOptions,
  head: PartHead & { readonly kind: Round },
  part: ContextPart,
  before: Part | undefined,
  open: PlannedOpener,
): Promise<void> {
  const { source, options, close } = await open(head.run, threads, onNote);
  const words = wordsOf(source);
  const shardOf = (banks: readonly Bank[]): ShardOptions => ({
    ...source.taps,
    banks,
    contexts: plannedContexts(source, part),
    count: part.count,
    length: source.length,
    specialIds: source.specialIds,
    tokenText: (id) => words?.[id] ?? ' ',
    selection: head.run.selection,
    limits: head.run.limits,
    signal,
    onProgress: ({ pass: _, passes: __, ...progress }) => onProgress?.({ ...progress, what: head.kind }),
  });
  try {
    await writePart(out, head, ROUNDS[head.kind]({ source, options, part, before, shardOf }));
  } finally {
    await close();
  }
}

interface Work {
  readonly source: RunSource;
  readonly options: ResolvedRunOptions;
  readonly part: ContextPart;
  readonly before: Part | undefined;
  readonly shardOf: (banks: readonly Bank[]) => ShardOptions;
}

type Arrays = AsyncGenerator<readonly [string, PackedArray]>;

async function* maxima({ source, options, shardOf }: Work): Arrays {
  for (const { first, banks } of groupsOf(source, options)) {
    const found = await harvestMaxima(shardOf(banks));
    for (const [b, maxima] of found.entries()) yield [`bank.${first + b}.maxima`, maxima];
  }
}

async function* examples({ source, options, shardOf, before }: Work): Arrays {
  const inputs = new Set<string>();
  for (const { first, banks } of groupsOf(source, options)) {
    const known: Float32Array[] = [];
    for (const b of before === undefined ? [] : banks.keys()) {
      known.push((await before!.file.read(`bank.${first + b}.maxima`)) as Float32Array);
    }
    const found = await harvestExamples(shardOf(banks), before === undefined ? null : known);
    for (const [b, arrays] of found.banks.entries()) yield* group(`bank.${first + b}`, arrays);
    for (const [tap, arrays] of Object.entries(found.inputs)) {
      if (!inputs.has(tap)) yield* group(`inputs.${tap}`, arrays);
      inputs.add(tap);
    }
    // All groups of banks read the same text.
    if (first > 0) continue;
    yield* group('text', found.text);
    yield ['tokens', Float64Array.of(found.tokens)];
  }
}

async function* rows({ source, options, shardOf, part, before }: Work): Arrays {
  for (const { first, banks } of groupsOf(source, options)) {
    const wanted = [];
    for (const [b, { units }] of banks.entries()) {
      const { chosen } = unpackTotals(
        await readGroup(before!, `bank.${first + b}`),
        units,
        before!.run.selection.examples,
      );
      wanted.push(wantedRows(chosen, units, part.first, part.count));
    }
    const found = await harvestRows(shardOf(banks), wanted);
    for (const [b, bank] of banks.entries()) {
      const size = unitsPerBlock(bank, before!.run.selection.examples, source.length);
      for (let unit = 0; unit < bank.units; unit += size) {
        const packed = packRows(found.banks[b]!, wanted[b]!, unit, unit + size);
        yield* group(`bank.${first + b}.from.${unit}`, packed);
      }
    }
    yield* contextArrays(first, found.contexts);
  }
}

/** Contexts as arrays, by the number of the first bank whose examples lie in them. */
function* contextArrays(
  first: number,
  { names, labels, ...integers }: PackedContexts,
): Generator<[string, PackedArray]> {
  yield [`contexts.${first}.texts`, Buffer.from(JSON.stringify({ names, labels }))];
  yield* group(`contexts.${first}`, integers);
}

/** What a round writes. */
const ROUNDS = { maxima, examples, rows };
type Round = keyof typeof ROUNDS;

/** Banks that are harvested together, and the number of the first. */
function* groupsOf({ banks }: RunSource, { layersAtOnce = banks.length }: ResolvedRunOptions) {
  for (let first = 0; first < banks.length; first += layersAtOnce) {
    yield { first, banks: banks.slice(first, first + layersAtOnce) };
  }
}
