import { PolysemeError } from '../errors.ts';
import { describeFeatures, type Feature, type StoredNames } from '../features/describe.ts';
import type { Labeling } from '../features/labeling.ts';
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

/** Examples of a unit, by rank, and all its features. */
export interface UnitExamples {
  readonly examples: readonly RunnableExample[];
  readonly features: readonly Feature[];
}

/** A unit as a study keeps it: its examples by rank, and how they are split. */
export interface KeptUnit {
  readonly context: Uint32Array;
  readonly position: Uint32Array;
  readonly activation: Float32Array;
  readonly own: Labeling;
  readonly names: StoredNames;
}

/**
 * A unit's examples with the tokens of their contexts, by rank, and its features.
 * @param asked ids of examples; default all of the unit or feature
 * @throws PolysemeError (not-found) where there is no such unit, feature or example
 */
export function unitExamples(study: Study, question: UnitQuestion, asked?: readonly number[]): UnitExamples {
  const { bank, index } = question;
  const detail = study.detail(bank, index);
  const names = { words: study.words(bank, index), names: study.names(bank, index) };
  return examplesOf({ ...detail, own: study.features(detail), names }, question, asked, (ids) => {
    const contexts = study.contexts(ids);
    return (id) => contexts.get(id)!.tokens;
  });
}

/**
 * The examples that a question is of.
 * @param tokensOf gives the tokens of these contexts
 */
export function examplesOf(
  unit: KeptUnit,
  { bank, index, feature }: UnitQuestion,
  asked: readonly number[] | undefined,
  tokensOf: (contexts: readonly number[]) => (context: number) => Int32Array,
): UnitExamples {
  const { features, featureOf } = describeFeatures({
    ...unit.own,
    activations: unit.activation,
    words: unit.names,
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
  const tokens = tokensOf([...new Set(ids.map((id) => unit.context[id]!))]);
  const examples = ids.map((id) => ({
    id,
    context: unit.context[id]!,
    tokens: tokens(unit.context[id]!),
    position: unit.position[id]!,
    activation: unit.activation[id]!,
    feature: featureOf[id]!,
  }));
  return { examples, features };
}
