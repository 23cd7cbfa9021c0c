import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import { type CompareOptions, type Comparison, compareSources } from '../compare/compare-banks.ts';
import type { ExampleSource } from '../compare/matched.ts';
import type { Study } from './study.ts';

/**
 * Compares the polysemy of two or more banks of a study at equal numbers of examples, with the study's linkage and
 * threshold, as `compareSources` does.
 *
 * @throws PolysemeError for fewer than two banks, one that the study has not, or too few examples
 * @example
 * const study = openStudy('study.db');
 * const { banks, differences } = await compareBanks(study, { banks: ['mlp.0', 'mlp.1'], units: 20 });
 * for (const { name, metrics } of banks) console.log(name, metrics.clusters.median, metrics.clusters.null.median);
 * study.close();
 */
export async function compareBanks(
  study: Study,
  options: CompareOptions & { readonly banks: readonly string[] },
): Promise<Comparison> {
  const info = study.info();
  const { linkage, threshold } = info.options as { linkage: LinkageMethod; threshold: number };
  return compareSources(
    options.banks.map((name) => studySource(study, name)),
    { linkage, threshold },
    options,
  );
}

function studySource(study: Study, name: string): ExampleSource {
  const bank = study.info().banks.find((b) => b.name === name);
  const counts = new Uint32Array(bank?.units ?? 0);
  let first = -1;
  // A bank that the study has not is an error here, which names those that it has.
  for (const { index, examples } of study.units({ bank: name })) {
    counts[index] = examples;
    if (first < 0) first = index;
  }
  const embedding = first < 0 ? ({ kind: 'linear' } as const) : study.inputs(name, first).embedding;
  return { name, embedding, width: bank!.width, counts, unit: (index) => study.inputs(name, index) };
}
