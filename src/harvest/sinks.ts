import type { NormTap } from '../bank/norm-tap.ts';
import type { Context, Contexts } from '../corpus/contexts.ts';
import { PolysemeError } from '../errors.ts';
import type { TapSource, TapStreamOptions } from '../model/taps.ts';

/**
 * Attention sinks: positions, often the first of a context, where the residual stream is tens or hundreds of times as
 * long as elsewhere whatever the text says. They enter the statistics, but are no examples.
 */

/** Contexts, the first of a run, over whose text positions the median norm is. */
export const SINK_CONTEXTS = 64;

/** The norm above which a position is a sink, by tap; a tap without one has none. */
export type SinkLimits = Readonly<Record<string, number>>;

/** The sinks of a site. */
export interface SiteSinks {
  /** Norm above which a position is one. */
  readonly threshold: number;
  /** Text positions that are. */
  readonly positions: number;
}

export interface MeasuredSinks {
  readonly limits: SinkLimits;
  /** The contexts from the first, some of which are read already. */
  readonly contexts: Contexts;
  /** Stops reading contexts. */
  readonly stop: () => void;
}

/**
 * Measures the median norm of each tap over the first contexts.
 * @param taps gives the norms
 * @param multiple of the median that a sink's norm exceeds
 */
export async function measureSinks(
  contexts: Contexts,
  norms: readonly NormTap[],
  taps: TapSource<Context>,
  multiple: number,
  options: TapStreamOptions,
): Promise<MeasuredSinks> {
  const iterator = contexts[Symbol.asyncIterator]();
  const stop = (): void => {
    Promise.resolve(iterator.return?.()).catch(() => {});
  };
  const read: Context[] = [];
  const found = norms.map((): number[] => []);
  try {
    for await (const block of taps.stream(firstOf(iterator, read), options)) {
      norms.forEach(({ tap }, n) => {
        const { data } = block.taps[tap]!;
        block.text.forEach((isText, at) => {
          if (isText === 1) found[n]!.push(data[at]!);
        });
      });
    }
  } catch (error) {
    stop();
    throw error;
  }
  const limits = norms.flatMap(({ site, tap }, n): [string, number][] => {
    const values = Float64Array.from(found[n]!).sort();
    if (values.length === 0) return [];
    const middle = values.length >> 1;
    const median = values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
    if (!(median > 0 && median < Number.POSITIVE_INFINITY)) {
      throw new PolysemeError(
        `${site}: the median norm over the first ${read.length} contexts is ${median}, so that no position can be told from an attention sink: give option sinkMultiple 0`,
      );
    }
    if (values[0]! > multiple * median) throw onlySinks(site, multiple);
    return [[tap, multiple * median]];
  });
  return {
    limits: Object.fromEntries(limits),
    contexts: { ...contexts, [Symbol.asyncIterator]: () => readOn(read, iterator) },
    stop,
  };
}

/** The error of a run in which no position is left to be an example. */
export function onlySinks(site: string, multiple: number): PolysemeError {
  return new PolysemeError(
    `${site}: every text position has a norm above ${multiple} × the median and counts as an attention sink, so that none can be an example: raise option sinkMultiple, or give 0`,
  );
}

async function* firstOf(iterator: AsyncIterator<Context>, read: Context[]): AsyncGenerator<Context> {
  while (read.length < SINK_CONTEXTS) {
    const { done, value } = await iterator.next();
    if (done) return;
    read.push(value);
    yield value;
  }
}

async function* readOn(
  read: readonly Context[],
  iterator: AsyncIterator<Context>,
): AsyncGenerator<Context, void, undefined> {
  try {
    yield* read;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
