import { describeFeatures } from '../features/describe.ts';
import { strayExamples } from '../features/labeling.ts';
import type { Study } from '../study/study.ts';

/** How a unit's examples fall to its features. */
export interface FeatureShares {
  /** Examples of each feature, by id, without the stray ones. */
  readonly sizes: number[];
  /** Examples that were given to the nearest feature though they are unlike it. */
  readonly stray: number;
  /** Of each feature, the context of its central example. */
  readonly centrals: number[];
}

export function featureShares(study: Study, bank: string, index: number): FeatureShares {
  const detail = study.detail(bank, index);
  const labeling = study.features(detail);
  const { features } = describeFeatures({ ...labeling, activations: detail.activation, words: null });
  const stray = new Set(strayExamples(labeling));
  return {
    sizes: features.map(({ members }) => members.filter((example) => !stray.has(example)).length),
    stray: stray.size,
    centrals: features.map(({ central }) => detail.context[central]!),
  };
}
