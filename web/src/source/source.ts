import type { Progress } from '../../../src/base/progress.ts';
import type { AblationAnswer, ImportanceAnswer } from '../../../src/contract/explain-answers.ts';
import type { ModelNamesAnswer, NotesAnswer } from '../../../src/contract/notes.ts';
import type { ProbeAnswer, UnitProbeAnswer } from '../../../src/contract/probe-answers.ts';
import type { SiteModelSummary } from '../../../src/contract/site-model.ts';
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

/** What needs the model behind a study. */
export interface ModelQuestions {
  /** The units that fire on a text. */
  probe(
    question: { readonly text: string; readonly bank?: string | undefined; readonly top?: number },
    signal?: AbortSignal,
  ): Promise<ProbeAnswer>;
  unitProbe(bank: string, index: number, text: string, signal?: AbortSignal): Promise<UnitProbeAnswer>;
  /** @param examples their ids */
  importance(
    bank: string,
    index: number,
    examples: readonly number[],
    signal?: AbortSignal,
  ): Promise<ImportanceAnswer>;
  /** @param contexts how many are measured */
  ablation(bank: string, index: number, contexts: number, signal?: AbortSignal): Promise<AblationAnswer>;
}

/** How far the loading of a page's model has come. */
export type ModelState =
  | { readonly name: 'closed' }
  | {
      readonly name: 'loading';
      readonly bytes: number;
      readonly of: number;
      /** Null until the rate is known. */
      readonly secondsLeft: number | null;
    }
  /** `working`: how far the answer to a long question has come. */
  | { readonly name: 'open'; readonly working: Progress | null }
  | { readonly name: 'failed'; readonly why: string };

/** The model that a site has, which runs in the page once it is wanted. */
export interface PageModel {
  readonly summary: SiteModelSummary;
  readonly state: ModelState;
  /** Calls when the state has changed; gives what ends that. */
  subscribe(listener: () => void): () => void;
  /** Loads it, unless that was begun. */
  open(): void;
  readonly questions: ModelQuestions;
}

/**
 * Where the explorer has its answers from: the study's server (HTTP API), or the files of an exported site. The same question has the
 * same answer from both; a site answers what needs the model only where it was exported with it, and says so.
 */
export interface Source extends ModelQuestions {
  /** Whether these are files: nothing can be computed that needs the inputs, and nothing written. */
  readonly isSite: boolean;
  /** The model of a site that has it; null of other sites, and of a server, which has its own. */
  readonly pageModel: PageModel | null;
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
