import type { FeatureAnswer, UnitAnswer } from '../contract/unit-answers.ts';
import type { Feature } from '../features/describe.ts';
import { fourDigits, type Wire } from './wire.ts';

/** A feature as answers give it. */
export function featureAnswer({ members: _, meanActivation, ...feature }: Feature): Wire<FeatureAnswer> {
  return { ...feature, meanActivation: fourDigits(meanActivation) };
}

/** A tree's merges as rows. */
export function mergeRows(merges: Float64Array): Wire<UnitAnswer>['merges'] {
  return Array.from({ length: merges.length / 4 }, (_, row) => merges.subarray(4 * row, 4 * row + 4));
}
