import { queryOptions } from '@tanstack/react-query';
import type {
  AblationAnswer,
  DirectEffectAnswer,
  ImportanceAnswer,
} from '../../../src/contract/explain-answers.ts';
import type { Unit } from './answers.ts';
import { source } from './chosen.ts';
import { post, unitPath } from './http.ts';

export type Ablation = AblationAnswer;
export type FeatureEffect = AblationAnswer['features'][number];
export type DirectEffect = DirectEffectAnswer;
export type Importance = ImportanceAnswer['examples'][number];

/** Features of a unit, and examples of each, whose importance is asked for: about those that the page shows at first. */
const FEATURES = 12;
const EXAMPLES = 4;
/** Contexts in which effects are measured while someone waits: half a minute, controls included. */
const MEASURED_CONTEXTS = 20;
/** What that does, as its buttons say it. */
export const MEASURING = `Runs the model over ${MEASURED_CONTEXTS} contexts without the unit, without each of its features, and with 20 others in its place: half a minute or so`;

/** Importance of the tokens of each feature's most typical and strongest examples, by id. */
export const importanceQuery = ({ bank, index, features }: Unit) => {
  const ids = features
    .slice(0, FEATURES)
    .flatMap(({ central, examples }) => [central, ...examples.slice(0, EXAMPLES).map(({ id }) => id)]);
  return queryOptions({
    queryKey: ['importance', bank, index],
    queryFn: async ({ signal }) => {
      const found = await source().importance(bank, index, [...new Set(ids)], signal);
      return new Map(found.examples.map((one) => [one.example, one]));
    },
    structuralSharing: false,
  });
};

/** Asked for by hand, as it needs the model. */
export const directEffectQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['direct-effect', bank, index],
    queryFn: ({ signal }) => post<DirectEffect>(`${unitPath(bank, index)}/direct-effect`, {}, signal),
    enabled: false,
    retry: false,
  });

/** Asked for by hand: it takes seconds. */
export const ablationQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['ablation', bank, index],
    queryFn: ({ signal }) => source().ablation(bank, index, MEASURED_CONTEXTS, signal),
    enabled: false,
    retry: false,
  });
