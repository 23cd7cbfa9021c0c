import type { Bank } from '../bank/bank.ts';
import type { PackedArrays } from '../base/pack.ts';
import type { LongCall } from '../base/progress.ts';
import type { Context } from '../corpus/contexts.ts';
import type { Model } from '../model/load-model.ts';
import { rowsPerRun, type TapBlock, type TapSource } from '../model/taps.ts';
import { contextProgress, type HarvestProgress } from './context-progress.ts';
import { mergeContexts } from './context-table.ts';
import { packText } from './part-text.ts';
import type { FoundRows, WantedRows } from './row-collector.ts';
import { harvestBanks, openBankTaps, type Scanner, scan, startScanners } from './scanners.ts';
import { needsMaxima, type SelectionOptions } from './selection.ts';
import type { SinkLimits } from './sinks.ts';
import { TextCounts } from './text-counts.ts';

/** What one shard of a divided run does in a round. */
export interface ShardOptions extends LongCall<HarvestProgress> {
  readonly model?: Model;
  readonly source?: TapSource<Context>;
  readonly banks: readonly Bank[];
  /** The shard's own contexts, and how many they are. */
  readonly contexts: AsyncIterable<Context>;
  readonly count: number;
  /** Longest context of the whole run in tokens. */
  readonly length: number;
  readonly specialIds: ReadonlySet<number>;
  readonly tokenText: (id: number) => string;
  readonly selection: SelectionOptions;
  /** Norms above which a position is a sink, by tap. */
  readonly limits: SinkLimits;
}

/** What a shard found: arrays for a file, and for `merge`. */
export interface ShardExamples {
  /** By bank. */
  readonly banks: readonly PackedArrays[];
  /** By tap. */
  readonly inputs: Readonly<Record<string, PackedArrays>>;
  readonly text: PackedArrays;
  /** Text tokens that entered the statistics. */
  readonly tokens: number;
}

/** The largest score of each unit, by bank: the first round of strategies that choose by it. */
export function harvestMaxima(options: ShardOptions): Promise<Float32Array[]> {
  const { selection, length } = options;
  return round(
    options,
    ({ remote, banks }) =>
      remote.call('openRound', { banks, selection, length, what: 'maxima', maxima: null }),
    () => {},
    async (scanners) => {
      const parts = await Promise.all(scanners.map(({ remote }) => remote.call('maxima', undefined)));
      return parts.flat();
    },
  );
}

/**
 * Statistics and examples, without the examples' inputs.
 * @param maxima over all of the text, by bank, where the strategy chooses by them
 */
export function harvestExamples(
  options: ShardOptions,
  maxima: readonly Float32Array[] | null,
): Promise<ShardExamples> {
  const { selection, length } = options;
  const text = new TextCounts(options, selection.seed);
  let tokens = 0;
  let first = 0;
  return round(
    options,
    ({ remote, banks }) => {
      const own = maxima?.slice(first, first + banks.length) ?? null;
      first += banks.length;
      return remote.call('openRound', { banks, selection, length, what: 'examples', maxima: own });
    },
    (block) => {
      block.contexts.forEach((_, row) => {
        text.take(block, row);
      });
      tokens += block.text.reduce((sum, isText) => sum + isText, 0);
    },
    async (scanners) => {
      const parts = await Promise.all(
        scanners.map(({ remote }) => remote.call('examples', needsMaxima(selection))),
      );
      return {
        banks: parts.flatMap((part) => part.banks),
        inputs: Object.assign({}, ...parts.map(({ inputs }) => inputs)) as ShardExamples['inputs'],
        text: packText({ words: text.counter.buckets, sampler: text.sampler }),
        tokens,
      };
    },
  );
}

/** The inputs and windows of examples, by bank; only contexts that they lie in are run. */
export async function harvestRows(options: ShardOptions, wanted: readonly WantedRows[]): Promise<FoundRows> {
  const { length } = options;
  const ids = new Set(wanted.flatMap(({ context }) => [...new Set(context)]));
  let first = 0;
  return round(
    { ...options, contexts: only(options.contexts, ids), count: ids.size },
    ({ remote, banks }) => {
      const own = wanted.slice(first, first + banks.length);
      first += banks.length;
      return remote.call('openRows', { banks, wanted: own, length });
    },
    () => {},
    async (scanners) => {
      const parts = await Promise.all(scanners.map(({ remote }) => remote.call('rows', undefined)));
      return {
        banks: parts.flatMap(({ banks }) => banks),
        contexts: mergeContexts(parts.map(({ contexts }) => contexts)),
      };
    },
  );
}

/** Runs the shard's contexts through the model into the scanners. */
async function round<T>(
  options: ShardOptions,
  open: (scanner: Scanner) => Promise<void>,
  take: (block: TapBlock<Context>) => void,
  finish: (scanners: readonly Scanner[]) => Promise<T>,
): Promise<T> {
  const { banks, limits, contexts, count, length, specialIds, signal, onProgress } = options;
  const taps = openBankTaps(options, banks, limits);
  const scanners = startScanners(harvestBanks(banks, limits), options.model);
  let scanning: Promise<void> = Promise.resolve();
  let [done, tokens] = [0, 0];
  const progress = contextProgress(onProgress, { pass: 1, passes: 1 }, { done, total: count, tokens });
  /** Memory of the block that was scanned last. */
  const spare: ArrayBuffer[] = [];
  const stream = { specialIds, rows: rowsPerRun(length), signal, onGroup: progress.onGroup, spare };
  try {
    await Promise.all(scanners.map(open));
    for await (const block of taps.stream(contexts, stream)) {
      await scanning;
      take(block);
      done += block.contexts.length;
      tokens += block.contexts.reduce((sum, context) => sum + context.tokens.length, 0);
      scanning = scan(scanners, block).then((scanned) => {
        spare.splice(0, spare.length, ...scanned);
      });
      scanning.catch(() => {});
      progress.through({ done, total: count, tokens });
    }
    await scanning;
    return await finish(scanners);
  } finally {
    await Promise.allSettled([scanning]);
    await Promise.all([taps.close(), ...scanners.map(({ remote }) => remote.close())]);
  }
}

async function* only(
  contexts: AsyncIterable<Context>,
  ids: ReadonlySet<number>,
): AsyncGenerator<Context, void, undefined> {
  for await (const context of contexts) if (ids.has(context.id)) yield context;
}
