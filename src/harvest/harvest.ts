import type { Bank } from '../bank/bank.ts';
import { countWords, WordCounter } from '../cluster/word-counter.ts';
import type { Context, ContextCursor, ContextSummary, Contexts } from '../corpus/contexts.ts';
import { compile, type ModelFiles } from '../model/compile.ts';
import { connect, type Remote } from '../rpc.ts';
import type { PackedContexts } from './contexts.ts';
import { needsMaxima, type SelectionOptions } from './selection.ts';
import type { Batch, HarvestedBank, HarvestMethods } from './worker.ts';

/** Everything a harvest found, in shared memory. */
export interface Harvest {
  readonly banks: readonly HarvestedBank[];
  readonly contexts: PackedContexts;
  readonly summary: ContextSummary;
  /** Text tokens that entered the statistics. */
  readonly tokens: number;
  /** Words of the corpus, as counted by a WordCounter. */
  readonly words: Uint32Array;
}

export interface HarvestOptions {
  readonly files: ModelFiles;
  readonly banks: readonly Bank[];
  /** The contexts of one pass over the corpus, from the start or after a cursor. */
  readonly contexts: (from?: ContextCursor) => Contexts;
  /** Longest context in tokens. */
  readonly length: number;
  /** Token ids that are run but never counted. */
  readonly specialIds: ReadonlySet<number>;
  readonly tokenText: (id: number) => string;
  readonly selection: SelectionOptions;
  readonly threads: number;
  /** Folder of the state that a killed harvest goes on from. */
  readonly stateDir: string;
  /** Seconds of work that may be lost. */
  readonly saveEvery: number;
  readonly onProgress?: (progress: HarvestProgress) => void;
}

export interface HarvestProgress {
  readonly pass: number;
  readonly passes: number;
  readonly contexts: number;
  readonly tokens: number;
}

/** Tokens a run of the model: 512 to 2048 is the sweet spot of ONNX Runtime. */
const TOKENS_A_RUN = 1024;
/** Batches given to the worker before the first is answered. */
const AHEAD = 3;

/** What is saved of the reading side. */
interface Progress {
  readonly pass: number;
  readonly tokens: number;
  readonly summary: ContextSummary | null;
  readonly cursor: ContextCursor | null;
}

/**
 * Runs the model over the corpus and collects, for every unit of the banks, exact statistics and its examples.
 * Strategies that must know a unit's maximum take two passes. State is saved now and then in `stateDir`, which
 * the caller removes when it has what it needs.
 */
export async function harvest(options: HarvestOptions): Promise<Harvest> {
  const { files, banks, selection, threads, length, stateDir } = options;
  const program = compile(files, [...new Set(banks.flatMap(({ site, activations }) => [site, activations]))], banks.flatMap(({ edits }) => edits));
  const worker = connect<HarvestMethods>(new URL('./worker.js', import.meta.url));
  try {
    const saved = await worker.call('open', {
      program,
      threads,
      banks: banks.map(({ name, units, width, site, activations }) => ({ name, units, width, inputTap: site, activationTap: activations })),
      selection,
      length,
      stateDir,
    });
    const passes = needsMaxima(selection) ? 2 : 1;
    let state = (saved?.progress ?? { pass: 1, tokens: 0, summary: null, cursor: null }) as Progress;
    const counter = saved === null ? new WordCounter() : new WordCounter(saved.words);
    for (;;) {
      state = await onePass(worker, options, state, counter, passes);
      if (state.pass === passes) break;
      await worker.call('startChoosing', undefined);
      state = { pass: 2, tokens: state.tokens, summary: state.summary, cursor: null };
      await worker.call('save', { progress: state, words: counter.buckets });
    }
    const found = await worker.call('finish', undefined);
    return { ...found, summary: state.summary!, tokens: state.tokens, words: counter.buckets };
  } finally {
    await worker.close();
  }
}

async function onePass(
  worker: Remote<HarvestMethods>,
  options: HarvestOptions,
  start: Progress,
  counter: WordCounter,
  passes: number,
): Promise<Progress> {
  const { pass } = start;
  const first = pass === 1;
  const contexts = options.contexts(start.cursor ?? undefined);
  const rows = Math.max(1, Math.floor(TOKENS_A_RUN / options.length));
  const inFlight: Promise<unknown>[] = [];
  let { tokens, cursor } = start;
  let done = cursor?.id ?? 0;
  let seen = cursor?.summary.tokens ?? 0;
  let lastSave = performance.now();
  let pending: Context[] = [];
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return;
    const batch = makeBatch(pending, options.specialIds);
    for (const context of pending) {
      seen += context.tokens.length;
      if (first) countWords(Array.from(context.tokens, options.tokenText), counter);
    }
    if (first) tokens += batch.valid.reduce((sum, v) => sum + v, 0);
    cursor = pending.at(-1)!.cursor;
    done += pending.length;
    pending = [];
    const progress = { pass, passes, contexts: done, tokens: seen };
    const run = worker.call('run', batch, [batch.tokens.buffer as ArrayBuffer, batch.valid.buffer as ArrayBuffer]);
    run.then(() => options.onProgress?.(progress), () => {});
    inFlight.push(run);
    if (inFlight.length > AHEAD) await inFlight.shift();
    if (performance.now() - lastSave > options.saveEvery * 1000) {
      const summary = start.summary;
      await worker.call('save', { progress: { pass, tokens, summary, cursor } satisfies Progress, words: counter.buckets });
      lastSave = performance.now();
    }
  };
  try {
    for await (const context of contexts) {
      pending.push(context);
      if (pending.length === rows) await flush();
    }
    await flush();
  } finally {
    await Promise.allSettled(inFlight);
  }
  await Promise.all(inFlight);
  return { pass, tokens, summary: first ? contexts.summary : start.summary, cursor: null };
}

function makeBatch(contexts: readonly Context[], specialIds: ReadonlySet<number>): Batch {
  const length = Math.max(...contexts.map(({ tokens }) => tokens.length));
  const tokens = new Int32Array(contexts.length * length);
  const valid = new Uint8Array(tokens.length);
  contexts.forEach((context, row) => {
    tokens.set(context.tokens, row * length);
    context.tokens.forEach((id, t) => {
      valid[row * length + t] = specialIds.has(id) ? 0 : 1;
    });
  });
  return {
    ids: contexts.map(({ id }) => id),
    documents: contexts.map(({ document }) => document),
    names: contexts.map(({ documentName }) => documentName),
    starts: contexts.map(({ start }) => start),
    lengths: contexts.map((context) => context.tokens.length),
    tokens,
    valid,
    length,
  };
}
