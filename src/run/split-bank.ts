import type { Bank } from '../bank/bank.ts';
import { connect } from '../base/worker.ts';
import type { FeatureRule } from '../features/labeling.ts';
import type { ClusterOptions } from '../features/split.ts';
import type { HarvestedBank } from '../harvest/collector.ts';
import type { Harvest } from '../harvest/harvest.ts';
import { examplesOf } from '../harvest/selection.ts';
import type { UnitRecord } from '../study/record.ts';
import type { AnalysisMethods } from './split-worker.ts';

/** Units given to a worker at a time: those with so many examples together, but not more than so many. */
const EXAMPLES_PER_CALL = 2048;
const UNITS_PER_CALL = 32;

/** What units are split by that is no unit's own: the contexts their examples lie in, words and a sample of the text. */
export type FoundText = Pick<Harvest, 'contexts' | 'words' | 'sample' | 'tokens'>;

/**
 * Splits units of a harvested bank into features, over several threads, and hands each finished group of
 * records to `write` as it comes.
 */
export async function analyseBank(request: {
  readonly bank: Bank;
  /** What was found of it, and of the text. */
  readonly harvested: HarvestedBank;
  readonly text: FoundText;
  /** Indices of the units to do. */
  readonly units: readonly number[];
  /** Text of every token as words see it (`wordText`), by id. */
  readonly texts: readonly string[] | null;
  readonly cluster: ClusterOptions;
  /** Whether embeddings are of h less its mean. */
  readonly center: 'mean' | 'none';
  readonly features: FeatureRule;
  readonly threads: number;
  readonly write: (records: readonly UnitRecord[]) => void;
}): Promise<void> {
  const { bank, harvested, text, units, texts, cluster, center, features, threads, write } = request;
  if (units.length === 0) return;
  const work = {
    bank: harvested,
    embedding: bank.embedding,
    width: bank.width,
    weights: await bank.weights(),
    contexts: text.contexts,
    texts,
    words: text.words,
    sample: text.sample,
    tokens: text.tokens,
    cluster,
    centre: center === 'mean' ? harvested.inputMean : null,
    rule: features,
  };
  const calls = grouped(units, (unit) => examplesOf(harvested.chosen, unit));
  const workers = Array.from({ length: Math.min(threads, calls.length) }, () =>
    connect<AnalysisMethods>(new URL('./split-worker.js', import.meta.url)),
  );
  try {
    await Promise.all(
      workers.map(async (worker) => {
        await worker.call('begin', work);
        for (let group = calls.shift(); group !== undefined; group = calls.shift()) {
          write(await worker.call('units', group));
        }
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
}

/** The units in groups of one call each. */
function grouped(units: readonly number[], countOf: (unit: number) => number): number[][] {
  const groups: number[][] = [];
  let examples = EXAMPLES_PER_CALL;
  for (const unit of units) {
    if (examples >= EXAMPLES_PER_CALL || groups.at(-1)!.length >= UNITS_PER_CALL) {
      groups.push([]);
      examples = 0;
    }
    groups.at(-1)!.push(unit);
    examples += countOf(unit);
  }
  return groups;
}
