import { queryOptions } from '@tanstack/react-query';
import type {
  AblationAnswer,
  DirectEffectAnswer,
  ImportanceAnswer,
} from '../../../src/contract/explain-answers.ts';
import type { Unit } from './answers.ts';
import { post, unitPath } from './http.ts';

export type Ablation = AblationAnswer;
export type FeatureEffect = AblationAnswer['features'][number];
export type DirectEffect = DirectEffectAnswer;
export type Importance = ImportanceAnswer['examples'][number];

/** Strongest examples of a unit whose importance is asked for. */
const STRONGEST = 64;
/** Contexts in which effects are measured while someone waits: some seconds. */
export const MEASURED_CONTEXTS = 30;

/** Importance of the tokens of a unit's strongest and most typical examples, by id. */
export const importanceQuery = (unit: Unit) => {
  const { bank, index, examples, features } = unit;
  const strongest = Array.from({ length: Math.min(STRONGEST, examples) }, (_, id) => id);
  const ids = [...new Set([...strongest, ...features.map(({ central }) => central)])];
  return queryOptions({
    queryKey: ['importance', bank, index],
    queryFn: async ({ signal }) => {
      const path = `${unitPath(bank, index)}/importance`;
      const found = await post<ImportanceAnswer>(path, { examples: ids }, signal);
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
    queryFn: ({ signal }) =>
      post<Ablation>(
        `${unitPath(bank, index)}/ablation`,
        { contexts: MEASURED_CONTEXTS, controls: false },
        signal,
      ),
    enabled: false,
    retry: false,
  });
