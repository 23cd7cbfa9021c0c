import type { ModelNamesAnswer, NotesAnswer } from '../../../src/contract/notes.ts';
import type {
  Banks,
  Certainty,
  Clustering,
  Comparison,
  DocumentText,
  LinkageMethod,
  MatchedComparison,
  Matches,
  Metrics,
  Served,
  Study,
  Unit,
  UnitMap,
  Units,
} from './answers.ts';

/** What a list or a search of units is asked: the query of the HTTP API. */
export type Params = Readonly<Record<string, string | number | boolean | undefined>>;

/** How a unit is clustered anew. */
export interface ClusteringQuestion {
  readonly linkage: LinkageMethod;
  /** The threshold, or the best split. */
  readonly cut: number | 'auto';
}

/**
 * Where the explorer has its answers from: the study's server (HTTP API), or the files of an exported site. The same question has the
 * same answer from both; a site has no answer to what needs the model, and says so.
 */
export interface Source {
  /** Whether these are files: nothing can be computed that needs the model or the inputs, and nothing written. */
  readonly isSite: boolean;
  served(signal?: AbortSignal): Promise<Served>;
  study(signal?: AbortSignal): Promise<Study>;
  banks(signal?: AbortSignal): Promise<Banks>;
  units(params: Params, signal?: AbortSignal): Promise<Units>;
  /** Columns over all units. */
  metrics(signal?: AbortSignal): Promise<Metrics>;
  unit(bank: string, index: number, signal?: AbortSignal): Promise<Unit>;
  clustering(
    bank: string,
    index: number,
    question: ClusteringQuestion,
    signal?: AbortSignal,
  ): Promise<Clustering>;
  certainty(bank: string, index: number, signal?: AbortSignal): Promise<Certainty>;
  /** Condensed; null where a site has none, of units of many examples. */
  distances(bank: string, index: number, signal?: AbortSignal): Promise<Float32Array | null>;
  map(bank: string, index: number, vectors: boolean, signal?: AbortSignal): Promise<UnitMap>;
  search(params: Params, signal?: AbortSignal): Promise<Matches>;
  compare(banks: readonly string[], signal?: AbortSignal): Promise<Comparison>;
  matched(banks: readonly string[], signal?: AbortSignal): Promise<MatchedComparison>;
  random(bank?: string): Promise<{ bank: string; index: number }>;
  notes(bank: string, index: number, signal?: AbortSignal): Promise<NotesAnswer>;
  /** Those of all units, and the searches that are kept. */
  allNotes(signal?: AbortSignal): Promise<NotesAnswer>;
  modelNames(bank: string, index: number, signal?: AbortSignal): Promise<ModelNamesAnswer>;
  /** The text around a context, so many characters to each side; where the study keeps documents, and no site does. */
  document(context: number, around: number, signal?: AbortSignal): Promise<DocumentText>;
  /** Address of the image that a context is. */
  image(context: number): string;
}
