import { visible } from '../base/visible.ts';
import { UsageError } from '../errors.ts';
import type { RunQueuedOptions } from '../run/queue/run-queued.ts';
import type { RunOptions } from '../run/run-options.ts';
import type { RunPlan } from '../run/shards/plan.ts';
import type { RunPart } from '../run/shards/run-shard.ts';
import type { StudyInfo } from '../study/study.ts';
import { flag } from './flags.ts';
import { OTHERS_GO_ON, START_AGAIN, untilInterrupted } from './interrupt.ts';
import { colors, number, Progress, print, printJson, printNote, shellWord } from './terminal.ts';

/** What was typed of a run that is divided. */
interface Divided extends RunOptions {
  readonly plan?: string;
  readonly shards?: number;
  readonly shard?: { readonly number: number; readonly of: number };
  readonly after?: string;
  readonly queue?: string;
  readonly artefacts?: string;
  readonly artefactsEndpoint?: string;
}

/** Options that a shard has beside its plan. */
const OF_A_SHARD = ['plan', 'shard', 'after', 'out', 'threads', 'overwrite'];

/** `run --plan FILE --shards n`, `run --plan FILE --shard i/n`, and `run --shard i/n --keep-duplicates`. */
export async function runDivided(typed: Readonly<Record<string, unknown>>, json: boolean): Promise<void> {
  const { plan, shards, shard, after, queue, artefacts, artefactsEndpoint, ...options } = typed as Divided;
  if (queue !== undefined || artefacts !== undefined || artefactsEndpoint !== undefined) {
    if (queue === undefined)
      throw new UsageError(
        `option ${artefacts === undefined ? 'artefactsEndpoint' : 'artefacts'} needs option queue`,
      );
    if (artefacts === undefined)
      throw new UsageError('option queue needs option artefacts: the folder or bucket that all workers see');
    if (shards === undefined)
      throw new UsageError('option queue needs option shards: parts that the text is divided into');
    const not = (['plan', 'shard', 'after'] as const).find((name) => typed[name] !== undefined);
    if (not !== undefined)
      throw new UsageError(`option queue makes plan and shards by itself: leave out option ${not}`);
    await runOnQueue({ queue, artefacts, artefactsEndpoint, shards, ...options }, json);
    return;
  }
  if (plan === undefined && (shards !== undefined || shard === undefined)) {
    throw new UsageError(
      `option ${shards === undefined ? 'after' : 'shards'} needs option plan: the file that says which contexts each shard has`,
    );
  }
  if (plan !== undefined && shards !== undefined) {
    const not = (['shard', 'after', 'out'] as const).find((name) => typed[name] !== undefined);
    if (not !== undefined) throw new UsageError(`option shards makes the plan alone: leave out ${flag(not)}`);
    await makePlan(plan, shards, options, json);
    return;
  }
  if (shard === undefined)
    throw new UsageError('option plan needs option shards, to make it, or option shard, to run a part of it');
  const others = Object.keys(typed).filter((name) => !OF_A_SHARD.includes(name));
  if (plan !== undefined && others.length > 0) {
    throw new UsageError(`the plan has the options of the run: leave out ${others.map(flag).join(', ')}`);
  }
  const { out, threads, overwrite, ...run } = options;
  const { runShard } = await import('../run/shards/run-shard.ts');
  if (out === undefined) throw new UsageError('option shard needs option out: the file of what it finds');
  const { number: which, of } = shard;
  const part = await withProgress((hooks) =>
    runShard({ plan: plan ?? run, shard: which, of, after, out, threads, overwrite, ...hooks }),
  );
  printPart(out, part, json);
}

/** Prints what a part is. */
export function printPart(out: string, part: RunPart, json: boolean): void {
  const { kind, covers, of } = part;
  if (json) printJson({ out, kind, covers, of });
  else {
    const what = kind === 'units' ? 'share' : 'shard';
    const which = covers.length === 1 ? `${what} ${covers[0]}` : `${number(covers.length)} ${what}s`;
    print(`${colors.bold(visible(out))}: ${kind} of ${which} of ${number(of)}`);
  }
}

/** Runs a job with a line of progress, until Ctrl-C. */
export async function withProgress<T>(
  job: (hooks: {
    signal: AbortSignal;
    onNote: (line: string) => void;
    onProgress: (progress: {
      stage: string;
      done: number;
      total: number;
      unit: string;
      what: string;
      at?: string;
    }) => void;
  }) => Promise<T>,
  advice = START_AGAIN,
): Promise<T> {
  const progress = new Progress();
  const result = await untilInterrupted(advice, (signal) =>
    job({
      signal,
      onNote: printNote,
      onProgress: ({ stage, done, total, unit, what, at }) => {
        progress.show(progressLabel(stage, what), done, total, unit, at);
      },
    }),
  );
  progress.end();
  return result;
}

/** `run --queue URL`. */
async function runOnQueue(options: RunQueuedOptions, json: boolean): Promise<void> {
  const { runQueued } = await import('../run/queue/run-queued.ts');
  const info = await withProgress((hooks) => runQueued({ ...options, ...hooks }), OTHERS_GO_ON);
  printMerged(options.out ?? 'study.db', info, json);
}

/** Prints what the shards of a run made. */
export function printMerged(
  out: string,
  { banks, examples, tokens, contentHash }: StudyInfo,
  json: boolean,
): void {
  if (json) {
    printJson({ out, contentHash, examples, tokens });
    return;
  }
  print(
    `${colors.bold(visible(out))}: ${number(banks.reduce((sum, bank) => sum + bank.units, 0))} units, ` +
      `${number(examples)} examples from ${number(tokens ?? 0)} tokens`,
  );
  print(
    `\nLook closer:  polyseme serve ${shellWord(out)}  (or: polyseme units ${shellWord(out)} --limit 20)`,
  );
}

/** What is being done, for a line of progress. */
export function progressLabel(stage: string, what: string): string {
  if (stage === 'features') return `features of ${what}`;
  return what === '' ? stage : `${stage}, ${what}`;
}

async function makePlan(plan: string, shards: number, options: RunOptions, json: boolean): Promise<void> {
  const { planRun } = await import('../run/shards/plan.ts');
  const made = await withProgress((hooks) => planRun({ ...options, plan, shards, ...hooks }));
  if (json) printJson({ plan, ...made });
  else printPlan(plan, made);
}

/** A plan, and the commands that follow it. */
function printPlan(plan: string, { shards, contexts, duplicateDocuments, rounds }: RunPlan): void {
  const left = duplicateDocuments === 0 ? '' : `, ${number(duplicateDocuments)} repeated documents left out`;
  print(`${colors.bold(visible(plan))}: ${number(contexts)} contexts in ${number(shards)} shards${left}`);
  print(`\nNext, for each i from 1 to ${shards}, on any machine, and then once:`);
  let after = '';
  for (const round of rounds) {
    print(
      `  polyseme run --plan ${shellWord(plan)} --shard $i/${shards}${after === '' ? '' : ` --after ${after}`} --out ${round}-$i`,
    );
    if (round !== 'rows') print(`  polyseme merge ${round}-* --out ${round}`);
    else print(`  polyseme merge ${after} rows-* --out study.db`);
    after = round;
  }
}
