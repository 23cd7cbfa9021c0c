import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { ModelAnswer } from '../../../src/contract/explain-answers.ts';
import type {
  ClassEffectAnswer,
  ClassifyAnswer,
  ImagesAnswer,
  OutputWeightsAnswer,
  PatchImportanceAnswer,
} from '../../../src/contract/image-answers.ts';
import { get, getArrays, post, unitPath } from './http.ts';

export type Classified = ClassifyAnswer;
export type ClassifiedUnit = ClassifyAnswer['units'][number];
export type ClassEffect = ClassEffectAnswer;
export type PatchImportance = PatchImportanceAnswer;

interface Vectors {
  readonly weights?: Float32Array;
  readonly mean?: Float32Array;
  readonly embeddings: Float32Array;
}

/** A unit's input weights, and the neuron embeddings of some examples by their ids. */
export const vectorsQuery = (bank: string, index: number, examples: readonly number[]) =>
  queryOptions({
    queryKey: ['vectors-of', bank, index, examples],
    queryFn: async ({ signal }) => {
      const asked = examples.length === 0 ? undefined : examples.join(',');
      const path = `${unitPath(bank, index)}/vectors`;
      const { weights, embeddings } = await getArrays<Vectors>(path, { examples: asked }, signal);
      const width = embeddings.length / Math.max(1, examples.length);
      const rows = examples.map(
        (example, i) => [example, embeddings.subarray(i * width, (i + 1) * width)] as const,
      );
      return { weights: weights ?? null, embeddings: new Map(rows) };
    },
    structuralSharing: false,
    placeholderData: (before, query) =>
      query?.queryKey[1] === bank && query.queryKey[2] === index ? before : undefined,
  });

/** What a unit adds to the logits of the classes; needs the model. */
export const outputWeightsQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['output-weights', bank, index],
    queryFn: ({ signal }) => post<OutputWeightsAnswer>(`${unitPath(bank, index)}/output-weights`, {}, signal),
  });

/** How much each patch of an example's image counts; needs the model. */
export const patchImportanceQuery = (bank: string, index: number, example: number) =>
  queryOptions({
    queryKey: ['patch-importance', bank, index, example],
    queryFn: ({ signal }) =>
      post<PatchImportanceAnswer>(
        `${unitPath(bank, index)}/patch-importance`,
        { examples: [example] },
        signal,
      ),
    retry: false,
  });

/** The images of a unit's examples, or those of one feature, with the unit and without it; needs the model. */
export const classEffectQuery = (bank: string, index: number, feature: number | null) =>
  queryOptions({
    queryKey: ['class-effect', bank, index, feature],
    queryFn: ({ signal }) =>
      post<ClassEffect>(`${unitPath(bank, index)}/class-effect`, feature === null ? {} : { feature }, signal),
    retry: false,
    placeholderData: (before, query) =>
      query?.queryKey[1] === bank && query.queryKey[2] === index ? before : undefined,
  });

/** Whether the model behind the study is at hand. */
export const modelQuery = queryOptions({
  queryKey: ['model'],
  queryFn: ({ signal }) => get<ModelAnswer>('/api/model', {}, signal),
});

/** Images of a page of the picker. */
export const IMAGES_PAGE = 60;

/** The study's images, all or with one label. */
export const imagesQuery = (label: string | undefined, page: number) =>
  queryOptions({
    queryKey: ['images', label, page],
    queryFn: ({ signal }) =>
      get<ImagesAnswer>('/api/images', { label, limit: IMAGES_PAGE, offset: page * IMAGES_PAGE }, signal),
    placeholderData: keepPreviousData,
  });

/** An image of the study, or values 0 to 255 of one. */
export type Shown = { readonly context: number } | { readonly pixels: readonly number[] };

/** What the model makes of an image; a request that is no longer wanted is aborted. */
export const classifyQuery = (
  shown: Shown | null,
  embeddings: readonly { readonly bank: string; readonly index: number }[] = [],
) =>
  queryOptions({
    queryKey: ['classify', shown, embeddings],
    queryFn: ({ signal }) => post<Classified>('/api/classify', { ...shown, embeddings }, signal),
    enabled: shown !== null,
    // A drawing does not begin with the answer to a picture.
    placeholderData: (before, query) => (isDrawn(shown) === isDrawn(query?.queryKey[1]) ? before : undefined),
    // Of each stroke of a drawing there is another answer.
    gcTime: 30_000,
  });

function isDrawn(shown: unknown): boolean {
  return typeof shown === 'object' && shown !== null && 'pixels' in shown;
}
