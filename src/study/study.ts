import type { Embedding } from '../bank/embedding.ts';
import type { Tree } from '../cluster/tree.ts';
import type { Labeling } from '../features/labeling.ts';
import type { FeatureName } from '../features/names.ts';
import type { SplitUnit, TokenTexts, UnitSummary } from '../features/split-unit.ts';
import type { TextSample } from '../harvest/text-sample.ts';
import type { UnitSort } from '../polysemy/order.ts';
import type { UnitColumns } from '../polysemy/unit-columns.ts';
import type { StudyInputs, StudyMeta, StudySinks } from './meta.ts';
import type { UnitDetail } from './record.ts';

/** A study's account of itself: what was run, on what, with which options, and how much came of it. */
export interface StudyInfo extends StudyMeta {
  readonly banks: readonly {
    readonly name: string;
    readonly kind: string;
    readonly site: string;
    readonly units: number;
    readonly width: number;
  }[];
  readonly status: 'complete' | 'unfinished';
  readonly documents: number | null;
  /** Documents left out because their text came before. */
  readonly duplicateDocuments: number | null;
  /** Text positions that were no examples as attention sinks, by site; null where all may be examples. */
  readonly sinks: Readonly<Record<string, StudySinks>> | null;
  readonly contexts: number | null;
  /** Text tokens that the statistics are over. */
  readonly tokens: number | null;
  /** Examples of all units together. */
  readonly examples: number;
  /** SHA-256 of the content: equal for equal inputs, options and seed; null while unfinished. */
  readonly contentHash: string | null;
}

export interface UnitQuery {
  /** Only this bank. */
  readonly bank?: string;
  /** Only units of experts of this number, from 0. */
  readonly expert?: number;
  /** Default: bank, then index; `verdict`: several things first. Units without a value come last, either way. */
  readonly sort?: UnitSort;
  readonly descending?: boolean;
  readonly limit?: number;
  readonly offset?: number;
}

/** A context that examples lie in. */
export interface StudyContext {
  /** From 0 in the order of the corpus. */
  readonly id: number;
  readonly document: string;
  /** Ids of its tokens; of an image, the numbers of its positions. */
  readonly tokens: Int32Array;
  /** What the image shows, where the data says; absent in a study of text. */
  readonly label?: string | null;
}

/** A study opened for reading. */
export interface Study extends Disposable, AsyncDisposable {
  readonly path: string;
  info(): StudyInfo;
  /** What it was made from; null in a study of an older version. */
  madeFrom(): StudyInputs | null;
  /** Changes when the content does: a complete study's content hash, or the state of an unfinished one. */
  revision(): string;
  columns(): UnitColumns;
  /** A unit's examples and tree, as the file has them: `labels` are not ids of features. */
  detail(bank: string, index: number): UnitDetail;
  /** Which split of a unit's examples is its features: what the run's option `features` says. */
  features(detail: UnitDetail): Labeling;
  contexts(ids: readonly number[]): Map<number, StudyContext>;
  /** Random text positions, with the tokens around them; null in a study of an older version. */
  textSample(): TextSample | null;
  /** The index that a search goes over, as the run stored it (see `openPassages`); null where it did not. */
  storedPassages(): Uint8Array | null;
  /** The image that is a context, as PNG: what the model sees of it; null where there is none. */
  image(context: number): Uint8Array | null;
  /** Whether it keeps the texts of documents. */
  hasDocuments(): boolean;
  /** The text of the document that a context is from, and the text token of it that the context begins with; null where it is not kept. */
  documentText(context: number): { readonly text: string; readonly start: number } | null;
  /** All images, by context, with what they show; empty in a study of text. */
  images(): { readonly context: number; readonly label: string | null }[];
  /** About `count` contexts, evenly spread. */
  sampleContexts(count: number): StudyContext[];
  tokenText(id: number): string;
  /** Consecutive tokens, by id, as they are shown and as words are made of them. */
  texts(tokens: Int32Array): TokenTexts;
  units(query?: UnitQuery): UnitSummary[];
  /** Words of each feature of a unit, by id. */
  words(bank: string, index: number): string[][];
  /** The name of each feature of a unit, by id; empty in a study of an older version. */
  names(bank: string, index: number): (FeatureName | null)[];
  unit(bank: string, index: number): SplitUnit;
  /** Smallest and largest activation over all text of each unit of a bank, by index; NaN where it has none. */
  activationRanges(bank: string): { readonly least: Float64Array; readonly most: Float64Array };
  /** Histogram of a unit's activations: bins that are not empty, and their counts. */
  histogram(bank: string, index: number): { bins: Uint32Array; counts: Uint32Array };
  /** A unit's tree, and the feature of each of its examples. */
  tree(bank: string, index: number): { tree: Tree; featureOf: Int32Array };
  /** h of each example (n×d, as stored), and the unit's weights: what its embeddings follow from. */
  inputs(
    bank: string,
    index: number,
  ): {
    embedding: Embedding;
    inputs: Float32Array;
    weights: Float32Array;
    /** μ, where the study's embeddings are of h − μ. */
    centre: Float32Array | undefined;
    /** h at random text positions, m × d; undefined in studies of the first layout. */
    nullInputs: Float32Array | undefined;
    count: number;
  };
  /** Of a bank's inputs h: their mean, and those at random text positions (m × d); null in studies of the first layout. */
  bankInputs(bank: string): { mean: Float32Array; nulls: Float32Array } | null;
  close(): void;
}
