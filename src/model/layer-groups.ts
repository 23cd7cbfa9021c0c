import type { Values } from './backend.ts';
import type { LayerGroup } from './compile.ts';
import type { TapData } from './session.ts';
import { Spill, type Spilled } from './spill.ts';
import {
  type Batch,
  batches,
  inOrder,
  runBatch,
  type TapBlock,
  type TapInput,
  type TapRun,
  type TapStreamOptions,
} from './taps.ts';

/** What goes through a group of layers before the next one is loaded. */
export const BLOCK = {
  /** Loading a group takes as long as running it over a few hundred. */
  tokens: 1 << 14,
  /** Of what waits on disk between groups; contexts of one run that alone need more have more. */
  bytes: 2 ** 33,
} as const;

/** How to run a group: its weights are loaded by the first run, and are given back by `release`. */
export interface RunningGroup<C extends TapInput> {
  readonly group: LayerGroup;
  readonly run: TapRun<C>;
  readonly release: () => Promise<void>;
}

/** A batch, and what earlier groups gave of it, on disk. */
interface Waiting<C extends TapInput> {
  readonly batch: Batch<C>;
  stream: Spilled | null;
  readonly taps: Map<string, Spilled>;
}

/**
 * The stream of taps (`streamTaps`) of a model that runs in groups of layers, for weights that do not fit into memory
 * together. A block of contexts runs through the first group; the residual stream after it waits on disk, until the next
 * group has taken the place of this one, and so on. Taps of earlier groups wait there, too.
 */
export async function* streamGroups<C extends TapInput>(
  contexts: AsyncIterable<C> | Iterable<C>,
  groups: readonly RunningGroup<C>[],
  options: TapStreamOptions = {},
  limit: Readonly<Record<keyof typeof BLOCK, number>> = BLOCK,
): AsyncGenerator<TapBlock<C>, void, undefined> {
  const spill = await Spill.open();
  try {
    const most = Math.min(limit.tokens, limit.bytes / spilledBytes(groups.map(({ group }) => group)));
    for await (const block of blocksOf(batches(contexts, options), most)) {
      spill.clear();
      yield* runGroups(block, groups, spill, options);
    }
  } finally {
    await spill.close();
  }
}

/** Bytes that wait on disk for each token: the stream, and the taps of all groups but the last. */
export function spilledBytes(groups: readonly LayerGroup[]): number {
  const before = groups.slice(0, -1);
  const taps = before.flatMap(({ taps, widths }) => taps.map((tap) => widths[tap]!));
  const stream = Math.max(...before.map(({ to, widths }) => widths[to!]!));
  return Float32Array.BYTES_PER_ELEMENT * (stream + taps.reduce((a, b) => a + b, 0));
}

/** Batches of at most so many tokens together, padding counted, but at least one. */
async function* blocksOf<C extends TapInput>(
  from: AsyncIterable<Batch<C>>,
  most: number,
): AsyncGenerator<Batch<C>[], void, undefined> {
  let block: Batch<C>[] = [];
  let tokens = 0;
  for await (const batch of from) {
    if (block.length > 0 && tokens + batch.ids.length > most) {
      yield block;
      [block, tokens] = [[], 0];
    }
    block.push(batch);
    tokens += batch.ids.length;
  }
  if (block.length > 0) yield block;
}

async function* runGroups<C extends TapInput>(
  block: readonly Batch<C>[],
  groups: readonly RunningGroup<C>[],
  spill: Spill,
  { signal, onGroup }: TapStreamOptions,
): AsyncGenerator<TapBlock<C>, void, undefined> {
  const waiting = block.map((batch): Waiting<C> => ({ batch, stream: null, taps: new Map() }));
  const contexts = block.reduce((sum, batch) => sum + batch.contexts.length, 0);
  for (const [g, { group, run, release }] of groups.entries()) {
    const { first, last } = group.layers;
    const at = first === last ? `layer ${first}` : `layers ${first} to ${last}`;
    const isLast = g === groups.length - 1;
    let through = 0;
    const tell = (more: number): void => {
      through += more;
      const done = isLast ? (contexts - through) * g : contexts * g + through;
      onGroup?.({ at, contexts, ahead: done / groups.length });
    };
    const work = async (one: Waiting<C>) => {
      const stream = one.stream === null ? {} : { [group.from!]: await valuesOf(one.stream, spill) };
      return { one, ran: await runBatch(one.batch, run, stream) };
    };
    tell(0);
    for await (const { one, ran } of inOrder(waiting, work, signal)) {
      tell(ran.contexts.length);
      if (isLast) {
        const { contexts, length, tokens, text } = ran;
        const taps: Record<string, TapData> = { ...ran.taps };
        for (const [tap, spilled] of one.taps) taps[tap] = await valuesOf(spilled, spill);
        yield { contexts, length, tokens, text, taps };
        continue;
      }
      const keep = (tap: string, over?: Spilled): Promise<Spilled> =>
        spill.put(ran.taps[tap]!.data, ran.taps[tap]!.shape, over);
      for (const tap of group.taps) one.taps.set(tap, await keep(tap));
      one.stream = await keep(group.to!, one.stream ?? undefined);
    }
    await release();
  }
}

async function valuesOf(spilled: Spilled, spill: Spill): Promise<TapData & Values> {
  return { data: await spill.get(spilled), shape: spilled.shape };
}
