import { embeddingRows } from '../bank/embedding.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import { cosineDistances } from '../embed/distances.ts';
import { PolysemeError } from '../errors.ts';
import { type Certainty, certainty, certaintyOf } from '../features/certainty.ts';
import { cachedJson } from './cache.ts';
import type { Study } from './study.ts';

/** Most examples of a unit whose certainty is computed while someone waits: some seconds. */
export const MOST_CERTAINTY_EXAMPLES = 512;

/** Condensed distances between the neuron embeddings of a unit's examples. */
export function unitDistances(
  study: Study,
  bank: string,
  index: number,
): { distances: Float32Array; count: number } {
  const { embedding, inputs, weights, centre, count } = study.inputs(bank, index);
  return {
    distances: cosineDistances({ ...embeddingRows(embedding, inputs, weights, centre), count }),
    count,
  };
}

/**
 * How sure a unit's features, as the study has them, are; kept in the study's cache.
 * @throws PolysemeError where the unit has too many examples
 * @example
 * const study = openStudy('study.db');
 * const { z, features } = await unitCertainty(study, 'mlp.0', 1);
 * console.log(z, features.map(({ stability }) => stability));
 * study.close();
 */
export function unitCertainty(study: Study, bank: string, index: number): Promise<Certainty> {
  const key = { kind: 'certainty 1', key: `${bank}/${index}` };
  return cachedJson(study, key, certainty, () => {
    const { distances, count } = unitDistances(study, bank, index);
    if (count > MOST_CERTAINTY_EXAMPLES) {
      throw new PolysemeError(
        `unit ${bank}/${index} has ${count} examples; how sure its features are is computed for up to ${MOST_CERTAINTY_EXAMPLES}`,
        'unsupported',
      );
    }
    const { options } = study.info();
    return certaintyOf({
      distances,
      featureOf: study.tree(bank, index).featureOf,
      rule: options['features'] === 'auto' ? 'auto' : 'cut',
      linkage: options['linkage'] as LinkageMethod,
      threshold: options['threshold'] as number,
      nullDistance: study.unit(bank, index).nullDistance,
    });
  });
}
