import type { Bank } from '../bank/bank.ts';
import { checkAborted, type LongCall } from '../base/progress.ts';
import type { Remote } from '../base/worker.ts';
import { extendDigest, NO_CONTEXTS } from '../corpus/context-digest.ts';
import type { Context, ContextCursor, ContextSummary, Contexts } from '../corpus/contexts.ts';
import { PolysemeError } from '../errors.ts';
import type { Model } from '../model/load-model.ts';
import { rowsPerRun, type TapSource } from '../model/taps.ts';
import type { HarvestedBank } from './collector.ts';
import { contextProgress, type HarvestProgress } from './context-progress.ts';
import { mergeContexts, type PackedContexts } from './context-table.ts';
import { findSinks, sinksAt } from './find-sinks.ts';
import { commitProgress, loadProgress } from './saved-state.ts';
import type { HarvestMethods } from './scan-worker.ts';
import { harvestBanks, openBankTaps, type Scanner, scan, startScanners } from './scanners.ts';
import { needsMaxima, type SelectionOptions } from './selection.ts';
import type { SinkLimits, SiteSinks } from './sinks.ts';
import { TextCounts } from './text-counts.ts';
import type { TextSample } from './text-sample.ts';

/** Everything a harvest found, in shared memory. */
export interface Harvest {
  readonly banks: readonly HarvestedBank[];
  /** Where positions were told from sinks, by site. */
  readonly sinks: Readonly<Record<string, SiteSinks>>;
  readonly contexts: PackedContexts;
  readonly summary: ContextSummary;
  /** Text tokens that entered the statistics. */
  readonly tokens: number;
  /** Words of the corpus, as counted by a WordCounter. */
  readonly words: Uint32Array;
  /** Random text positions: what names of features are compared with. */
  readonly sample: TextSample;
  /** Digest of the contexts (see `extendDigest`). */
  readonly digest: string;
}

export interface HarvestOptions extends LongCall<HarvestProgress> {
  /** The model that runs; or `source`, where there is none. */
  readonly model?: Model;
  /** Where taps come from without a model: files that somebody else wrote. */
  readonly source?: TapSource<Context>;
  readonly banks: readonly Bank[];
  /** The contexts of one pass over the corpus, from the start or after a cursor and the digests up to it. */
  readonly contexts: (from?: ContextCursor, digests?: Uint32Array) => Contexts;
  /** Longest context in tokens. */
  readonly length: number;
  /** Token ids that are run but never counted. */
  readonly specialIds: ReadonlySet<number>;
  /** Text of a token as words see it (`wordText`). */
  readonly tokenText: (id: number) => string;
  readonly selection: SelectionOptions;
  /** Positions whose norm exceeds so many times the median are no examples; 0 (default): all may be. */
  readonly sinkMultiple?: number;
  /** Folder of the state that a killed harvest goes on from. */
  readonly stateDir: string;
  /** Seconds of work that may be lost. */
  readonly saveEvery: number;
}

/** What is saved of the reading side. */
interface HarvestState {
  readonly pass: number;
  readonly tokens: number;
  readonly summary: ContextSummary | null;
  readonly cursor: ContextCursor | null;
  /** Of the contexts of this pass up to the cursor, and of all of them; null in the first pass. */
  readonly digest: string;
  readonly whole: string | null;
  readonly limits: SinkLimits;
}

/** The contexts that a harvest which was interrupted has taken in: how many, and their digest. */
export function savedContexts(stateDir: string): { count: number; digest: string } | null {
  const progress = loadProgress<HarvestState>(stateDir)?.progress;
  if (progress === undefined) return null;
  const { cursor, digest, whole } = progress;
  return whole === null ? { count: cursor?.id ?? 0, digest } : { count: Infinity, digest: whole };
}

/**
 * Runs the model over the corpus and collects, for every unit of the banks, exact statistics and its examples.
 * Strategies that must know a unit's maximum take two passes. State is saved now and then in `stateDir`, and when the
 * signal is aborted; the caller removes it when it has what it needs.
 */
export async function harvest(options: HarvestOptions): Promise<Harvest> {
  const { selection, stateDir } = options;
  checkAborted(options.signal);
  const found = loadProgress<HarvestState>(stateDir);
  const measured = found === null ? await findSinks(options) : null;
  const limits = found?.progress.limits ?? measured?.limits ?? {};
  const taps = openBankTaps(options, options.banks, limits);
  const scanners = startScanners(harvestBanks(options.banks, limits), options.model);
  const all = <T>(call: (remote: Remote<HarvestMethods>) => Promise<T>): Promise<T[]> =>
    Promise.all(scanners.map(({ remote }) => call(remote)));
  try {
    const start = { pass: 1, tokens: 0, summary: null, cursor: null, digest: NO_CONTEXTS, whole: null };
    let state: HarvestState = found?.progress ?? { ...start, limits };
    const saved = found && { number: found.number, choosing: state.pass === 2 };
    await Promise.all(
      scanners.map(({ remote, banks: own }) =>
        remote.call('open', { banks: own, selection, length: options.length, stateDir, saved }),
      ),
    );
    const text = new TextCounts(options, selection.seed, found ?? undefined);
    let number = found?.number ?? 0;
    let contexts = measured?.contexts ?? options.contexts(state.cursor ?? undefined, found?.digests);
    const save = async (progress: HarvestState, digests?: Uint32Array): Promise<void> => {
      number++;
      await all((remote) => remote.call('save', number));
      await commitProgress(stateDir, {
        number,
        progress,
        ...text.state(),
        digests: digests ?? new Uint32Array(0),
      });
      await all((remote) => remote.call('forget', number));
    };
    const passes = needsMaxima(selection) ? 2 : 1;
    for (;;) {
      state = await onePass({ scanners, taps, options, contexts, text, passes, save }, state);
      if (state.whole !== null && state.whole !== state.digest) throw textChanged();
      if (state.pass === passes) break;
      await all((remote) => remote.call('startChoosing', undefined));
      state = { ...state, pass: 2, digest: NO_CONTEXTS, whole: state.digest };
      await save(state);
      contexts = options.contexts();
    }
    const parts = await all((remote) => remote.call('finish', undefined));
    const harvested = parts.flatMap((part) => part.banks);
    return {
      banks: harvested,
      sinks: sinksAt(options, limits, harvested, state.tokens),
      contexts: mergeContexts(parts.map((part) => part.contexts)),
      summary: state.summary!,
      tokens: state.tokens,
      words: text.counter.buckets,
      sample: text.sampler.sample(),
      digest: state.digest,
    };
  } finally {
    measured?.stop();
    await Promise.all([taps.close(), ...scanners.map(({ remote }) => remote.close())]);
  }
}

interface Pass {
  readonly scanners: readonly Scanner[];
  readonly taps: TapSource<Context>;
  readonly options: HarvestOptions;
  /** From where the pass starts. */
  readonly contexts: Contexts;
  readonly text: TextCounts;
  readonly passes: number;
  readonly save: (progress: HarvestState, digests?: Uint32Array) => Promise<void>;
}

/** One pass over the contexts, from where `start` says; the first pass also counts tokens and words, and draws the sample. */
async function onePass(
  { scanners, taps, options, contexts, text, passes, save }: Pass,
  start: HarvestState,
): Promise<HarvestState> {
  const { pass, summary, whole, limits } = start;
  const { specialIds, signal } = options;
  const first = pass === 1;
  const rows = rowsPerRun(options.length);
  let { tokens, cursor, digest } = start;
  let done = cursor?.id ?? 0;
  let seen = cursor?.summary.tokens ?? 0;
  let lastSave = performance.now();
  const progress = contextProgress(options.onProgress, { pass, passes }, { done, total: done, tokens: seen });
  const { onGroup } = progress;
  const known = (to: ContextCursor | null) => (to === null ? undefined : contexts.digests?.(to));
  /** Memory of the block that was scanned last. */
  const spare: ArrayBuffer[] = [];
  /** The block that is being scanned while the model runs the next ones. */
  let scanning: Promise<void> = Promise.resolve();
  try {
    for await (const block of taps.stream(contexts, { specialIds, rows, signal, onGroup, spare })) {
      await scanning;
      for (const [row, context] of block.contexts.entries()) {
        seen += context.tokens.length;
        digest = extendDigest(digest, context);
        if (first) text.take(block, row);
      }
      if (first) tokens += block.text.reduce((sum, isText) => sum + isText, 0);
      const last = block.contexts.at(-1)!;
      cursor = last.cursor;
      done += block.contexts.length;
      const through = { done, total: Math.max(done, Math.round(done / last.done)), tokens: seen };
      scanning = scan(scanners, block).then((scanned) => {
        spare.splice(0, spare.length, ...scanned);
        progress.through(through);
      });
      scanning.catch(() => {});
      if (performance.now() - lastSave > options.saveEvery * 1000) {
        await scanning;
        await save({ pass, tokens, summary, cursor, digest, whole, limits }, known(cursor));
        lastSave = performance.now();
      }
    }
    await scanning;
  } catch (error) {
    if (error instanceof PolysemeError && error.code === 'aborted') {
      await scanning;
      await save({ pass, tokens, summary, cursor, digest, whole, limits }, known(cursor));
    }
    throw error;
  } finally {
    await Promise.allSettled([scanning]);
  }
  const read = first ? contexts.summary : summary;
  return { pass, tokens, summary: read, cursor: null, digest, whole, limits };
}

/** The error of a text that is not the same from one reading to the next. */
export function textChanged(): PolysemeError {
  return new PolysemeError(
    'the text changed while it was read: run again with option overwrite when it no longer changes',
  );
}
