import type { Bank } from '../bank/bank.ts';
import { connect, type Remote } from '../base/rpc.ts';
import type { Context, ContextCursor, ContextSummary, Contexts } from '../corpus/contexts.ts';
import { countWords, WordCounter } from '../features/word-counter.ts';
import { RUN_SPELLS_BYTES, wordTexts } from '../features/word-texts.ts';
import { compile, type ModelFiles } from '../model/compile.ts';
import type { TapData } from '../model/session.ts';
import type { RunnerMethods } from '../model/session-worker.ts';
import type { Batch, HarvestBank, HarvestedBank } from './collector.ts';
import { mergeContexts, type PackedContexts } from './context-table.ts';
import { commitProgress, loadProgress } from './saved-state.ts';
import type { HarvestMethods } from './scan-worker.ts';
import { needsMaxima, type SelectionOptions } from './selection.ts';

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

/** Gives the values of taps for batches of contexts: a running model, or files that somebody else wrote. */
export interface TapSource {
  /**
   * The taps of one batch, each row-major [row, position, width]. Calls overlap, and are answered in their order:
   * which examples are chosen depends on it.
   */
  read(batch: Batch): Promise<Record<string, TapData>>;
  close(): Promise<void>;
}

export interface HarvestOptions {
  /** The model that runs; or `source`, where there is none. */
  readonly files?: ModelFiles;
  /** Where taps come from without a model. */
  readonly source?: TapSource;
  readonly banks: readonly Bank[];
  /** The contexts of one pass over the corpus, from the start or after a cursor. */
  readonly contexts: (from?: ContextCursor) => Contexts;
  /** Longest context in tokens. */
  readonly length: number;
  /** Token ids that are run but never counted. */
  readonly specialIds: ReadonlySet<number>;
  /** Text of a token as words see it (`wordText`). */
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
  /** Share of this pass that is done, 0 to 1. */
  readonly share: number;
}

/** Tokens a run of the model: 512 to 2048 is the sweet spot of ONNX Runtime. */
const TOKENS_A_RUN = 1024;
/** Batches under way at a time: one being scanned, one in the model, one waiting for it. */
const AHEAD = 3;
/** Threads that scan, each for its own banks; fixed, so that saved state fits whatever the number of threads. */
const SCANNERS = 2;

/** What is saved of the reading side. */
interface Progress {
  readonly pass: number;
  readonly tokens: number;
  readonly summary: ContextSummary | null;
  readonly cursor: ContextCursor | null;
}

/** The threads of a harvest: one runs the model, the others take in what it gives, each for some banks. */
interface Threads {
  readonly source: TapSource;
  readonly scanners: readonly {
    readonly remote: Remote<HarvestMethods>;
    readonly banks: readonly HarvestBank[];
  }[];
}

/**
 * Runs the model over the corpus and collects, for every unit of the banks, exact statistics and its examples.
 * Strategies that must know a unit's maximum take two passes. State is saved now and then in `stateDir`, which
 * the caller removes when it has what it needs.
 */
export async function harvest(options: HarvestOptions): Promise<Harvest> {
  const { selection, stateDir } = options;
  const banks = options.banks.map(({ name, units, width, inputs, activations }) => ({
    name,
    units,
    width,
    inputTap: inputs,
    activationTap: activations,
  }));
  const threads: Threads = {
    source: options.source ?? modelSource(options.files!, options.banks, options.threads),
    scanners: split(banks, SCANNERS).map((part) => ({
      remote: connect<HarvestMethods>(new URL('./scan-worker.js', import.meta.url)),
      banks: part,
    })),
  };
  const all = <T>(call: (remote: Remote<HarvestMethods>) => Promise<T>): Promise<T[]> =>
    Promise.all(threads.scanners.map(({ remote }) => call(remote)));
  try {
    const found = loadProgress<Progress>(stateDir);
    let state: Progress = found?.progress ?? { pass: 1, tokens: 0, summary: null, cursor: null };
    const saved = found && { number: found.number, choosing: state.pass === 2 };
    await Promise.all(
      threads.scanners.map(({ remote, banks: own }) =>
        remote.call('open', { banks: own, selection, length: options.length, stateDir, saved }),
      ),
    );
    const counter = new WordCounter(found?.words);
    let number = found?.number ?? 0;
    const save = async (progress: Progress): Promise<void> => {
      number++;
      await all((remote) => remote.call('save', number));
      await commitProgress(stateDir, { number, progress, words: counter.buckets });
      await all((remote) => remote.call('forget', number));
    };
    const passes = needsMaxima(selection) ? 2 : 1;
    for (;;) {
      state = await onePass({ threads, options, counter, passes, save }, state);
      if (state.pass === passes) break;
      await all((remote) => remote.call('startChoosing', undefined));
      state = { ...state, pass: 2 };
      await save(state);
    }
    const parts = await all((remote) => remote.call('finish', undefined));
    return {
      banks: parts.flatMap((part) => part.banks),
      contexts: mergeContexts(parts.map((part) => part.contexts)),
      summary: state.summary!,
      tokens: state.tokens,
      words: counter.buckets,
    };
  } finally {
    await Promise.all([threads.source.close(), ...threads.scanners.map(({ remote }) => remote.close())]);
  }
}

interface Pass {
  readonly threads: Threads;
  readonly options: HarvestOptions;
  readonly counter: WordCounter;
  readonly passes: number;
  readonly save: (progress: Progress) => Promise<void>;
}

/** One pass over the contexts, from where `start` says; the first pass also counts tokens and words. */
async function onePass(
  { threads, options, counter, passes, save }: Pass,
  start: Progress,
): Promise<Progress> {
  const { pass } = start;
  const first = pass === 1;
  const contexts = options.contexts(start.cursor ?? undefined);
  const rows = Math.max(1, Math.floor(TOKENS_A_RUN / options.length));
  const underWay: Promise<void>[] = [];
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
      if (first) {
        const texts = Array.from(context.tokens, options.tokenText);
        countWords(wordTexts(texts, RUN_SPELLS_BYTES), counter);
      }
    }
    if (first) tokens += batch.valid.reduce((sum, v) => sum + v, 0);
    const { done: share } = pending.at(-1)!;
    cursor = pending.at(-1)!.cursor;
    done += pending.length;
    pending = [];
    const progress = { pass, passes, contexts: done, tokens: seen, share };
    const work = takeIn(threads, batch).then(() => options.onProgress?.(progress));
    work.catch(() => {});
    underWay.push(work);
    if (underWay.length >= AHEAD) await underWay.shift();
    if (performance.now() - lastSave > options.saveEvery * 1000) {
      await Promise.all(underWay.splice(0));
      await save({ pass, tokens, summary: start.summary, cursor });
      lastSave = performance.now();
    }
  };
  try {
    for await (const context of contexts) {
      pending.push(context);
      if (pending.length === rows) await flush();
    }
    await flush();
    await Promise.all(underWay);
  } finally {
    await Promise.allSettled(underWay);
  }
  return { pass, tokens, summary: first ? contexts.summary : start.summary, cursor: null };
}

/** The taps of some banks, from the model that runs in a thread of its own. */
function modelSource(files: ModelFiles, banks: readonly Bank[], threads: number): TapSource {
  const taps = [...new Set(banks.flatMap(({ inputs, activations }) => [inputs, activations]))];
  const program = compile(
    files,
    taps,
    banks.flatMap(({ edits }) => edits),
  );
  const model = connect<RunnerMethods>(new URL('../model/session-worker.js', import.meta.url));
  return {
    read: ({ tokens, ids, length }) =>
      model.call('run', { key: '', program, tokens, batch: ids.length, length, threads }),
    close: () => model.close(),
  };
}

/** Reads the taps of a batch and hands each scanner those of its banks. */
async function takeIn({ source, scanners }: Threads, batch: Batch): Promise<void> {
  const taps = await source.read(batch);
  const uses = new Map<string, number>();
  const wanted = scanners.map(({ banks }) => [
    ...new Set(banks.flatMap((b) => [b.inputTap, b.activationTap])),
  ]);
  for (const name of wanted.flat()) uses.set(name, (uses.get(name) ?? 0) + 1);
  await Promise.all(
    scanners.map(({ remote }, s) => {
      const own = Object.fromEntries(wanted[s]!.map((name) => [name, taps[name]!]));
      // A tap that one scanner alone reads moves to it; one that several read is copied.
      const moved = wanted[s]!.filter((name) => uses.get(name) === 1);
      return remote.call(
        'scan',
        { batch, taps: own },
        moved.map((name) => own[name]!.data.buffer as ArrayBuffer),
      );
    }),
  );
}

/** Parts of nearly equal numbers of units, each a run of banks. */
function split(banks: readonly HarvestBank[], parts: number): HarvestBank[][] {
  const total = banks.reduce((sum, { units }) => sum + units, 0);
  const groups: HarvestBank[][] = Array.from({ length: parts }, () => []);
  let before = 0;
  for (const bank of banks) {
    groups[Math.min(parts - 1, Math.floor(((before + bank.units / 2) / total) * parts))]!.push(bank);
    before += bank.units;
  }
  return groups.filter((group) => group.length > 0);
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
