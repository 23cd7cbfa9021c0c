import { PolysemeError } from '../errors.ts';
import { describeFeatures, type Feature } from '../features/describe.ts';
import type { Study } from '../study/study.ts';

/** A unit, and perhaps one of its features. */
export interface UnitQuestion {
  readonly bank: string;
  readonly index: number;
  /** Id of a feature; default all. */
  readonly feature?: number;
}

/** An example as the model can run it again. */
export interface RunnableExample {
  /** Its rank. */
  readonly id: number;
  /** Id of its context. */
  readonly context: number;
  readonly tokens: Int32Array;
  /** Of the peak. */
  readonly position: number;
  /** At the peak, as the study has it. */
  readonly activation: number;
  /** Id of its feature. */
  readonly feature: number;
}

/**
 * A unit's examples with the tokens of their contexts, by rank, and its features.
 * @param asked ids of examples; default all of the unit or feature
 * @throws PolysemeError (not-found) where there is no such unit, feature or example
 */
export function unitExamples(
  study: Study,
  { bank, index, feature }: UnitQuestion,
  asked?: readonly number[],
): { examples: RunnableExample[]; features: readonly Feature[] } {
  const detail = study.detail(bank, index);
  const { features, featureOf } = describeFeatures({
    ...study.features(detail),
    activations: detail.activation,
    words: { words: study.words(bank, index), names: study.names(bank, index) },
  });
  if (feature !== undefined && features[feature] === undefined) {
    const known = features.length === 0 ? 'it has none' : `its features are 0 to ${features.length - 1}`;
    throw new PolysemeError(`${bank}/${index} has no feature ${feature}: ${known}`, 'not-found');
  }
  const unknown = asked?.find((id) => featureOf[id] === undefined);
  if (unknown !== undefined) {
    const known = featureOf.length === 0 ? 'it has none' : `its examples are 0 to ${featureOf.length - 1}`;
    throw new PolysemeError(`${bank}/${index} has no example ${unknown}: ${known}`, 'not-found');
  }
  const ids = (
    asked === undefined ? [...featureOf.keys()] : [...new Set(asked)].sort((a, b) => a - b)
  ).filter((id) => feature === undefined || featureOf[id] === feature);
  const contexts = study.contexts([...new Set(ids.map((id) => detail.context[id]!))]);
  const examples = ids.map((id) => ({
    id,
    context: detail.context[id]!,
    tokens: contexts.get(detail.context[id]!)!.tokens,
    position: detail.position[id]!,
    activation: detail.activation[id]!,
    feature: featureOf[id]!,
  }));
  return { examples, features };
}
