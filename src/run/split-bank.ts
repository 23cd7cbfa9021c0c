import type { Bank } from '../bank/bank.ts';
import { connect } from '../base/worker.ts';
import type { FeatureRule } from '../features/labeling.ts';
import type { ClusterOptions } from '../features/split.ts';
import type { Harvest } from '../harvest/harvest.ts';
import type { UnitRecord } from '../study/record.ts';
import type { AnalysisMethods } from './split-worker.ts';

/** Units given to a worker at a time. */
const UNITS_PER_CALL = 32;

/**
 * Splits units of a harvested bank into features, over several threads, and hands each finished group of
 * records to `write` as it comes.
 */
export async function analyseBank(request: {
  readonly bank: Bank;
  readonly harvest: Harvest;
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
  const { bank, harvest, units, texts, cluster, center, features, threads, write } = request;
  if (units.length === 0) return;
  const harvested = harvest.banks.find(({ name }) => name === bank.name)!;
  const work = {
    bank: harvested,
    embedding: bank.embedding,
    width: bank.width,
    weights: await bank.weights(),
    contexts: harvest.contexts,
    texts,
    words: harvest.words,
    sample: harvest.sample,
    tokens: harvest.tokens,
    cluster,
    centre: center === 'mean' ? harvested.inputMean : null,
    rule: features,
  };
  let next = 0;
  const workers = Array.from({ length: Math.min(threads, Math.ceil(units.length / UNITS_PER_CALL)) }, () =>
    connect<AnalysisMethods>(new URL('./split-worker.js', import.meta.url)),
  );
  try {
    await Promise.all(
      workers.map(async (worker) => {
        await worker.call('begin', work);
        while (next < units.length) {
          const group = units.slice(next, next + UNITS_PER_CALL);
          next += UNITS_PER_CALL;
          write(await worker.call('units', group));
        }
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
}
