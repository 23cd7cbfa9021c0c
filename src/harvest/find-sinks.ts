import type { Bank } from '../bank/bank.ts';
import type { NormTap } from '../bank/norm-tap.ts';
import type { Contexts } from '../corpus/contexts.ts';
import type { Model } from '../model/load-model.ts';
import { rowsPerRun } from '../model/taps.ts';
import type { HarvestedBank } from './collector.ts';
import { type MeasuredSinks, measureSinks, onlySinks, type SinkLimits, type SiteSinks } from './sinks.ts';

/** What of a harvest decides which positions are sinks. */
interface SinkOptions {
  readonly banks: readonly Bank[];
  readonly model?: Model;
  readonly sinkMultiple?: number;
  readonly contexts: () => Contexts;
  readonly length: number;
  readonly specialIds: ReadonlySet<number>;
  readonly signal?: AbortSignal;
}

/** The norms of some banks, each tap once. */
export function normTaps(banks: readonly Bank[]): NormTap[] {
  return [...new Map(banks.flatMap(({ norms }) => (norms === null ? [] : [[norms.tap, norms]]))).values()];
}

/** Measures which positions are sinks, over the first contexts; null where all may be examples. */
export async function findSinks(options: SinkOptions): Promise<MeasuredSinks | null> {
  const { banks, model, sinkMultiple = 0, length, specialIds, signal } = options;
  const norms = normTaps(banks);
  if (sinkMultiple === 0 || norms.length === 0 || model === undefined) return null;
  const taps = model.openTaps(
    norms.map(({ tap }) => tap),
    norms.map(({ edit }) => edit),
  );
  try {
    const stream = { specialIds, rows: rowsPerRun(length), signal };
    return await measureSinks(options.contexts(), norms, taps, sinkMultiple, stream);
  } finally {
    await taps.close();
  }
}

/** The sinks of each site; a run in which every position is one has no examples, and is refused. */
export function sinksAt(
  { banks, sinkMultiple = 0 }: Pick<SinkOptions, 'banks' | 'sinkMultiple'>,
  limits: SinkLimits,
  harvested: readonly Pick<HarvestedBank, 'name' | 'sinks'>[],
  tokens: number,
): Record<string, SiteSinks> {
  const found: Record<string, SiteSinks> = {};
  for (const { norms, name } of banks) {
    if (norms === null || !(norms.tap in limits)) continue;
    const { sinks } = harvested.find((bank) => bank.name === name)!;
    if (sinks === tokens) throw onlySinks(norms.site, sinkMultiple);
    found[norms.site] = { threshold: limits[norms.tap]!, positions: sinks };
  }
  return found;
}
