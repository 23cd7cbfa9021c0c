import type { Embedding } from '../bank/embedding.ts';
import type { Tree } from '../cluster/tree.ts';
import type { Feature } from '../features/describe.ts';
import type { ColumnValues, Metric, WordColumn } from '../polysemy/column-lists.ts';
import type { UnitDetail } from './record.ts';
import type { StudyMeta } from './writer.ts';

/** A study's account of itself: what was run, on what, with which options, and how much came of it. */
export interface StudyInfo extends StudyMeta {
  readonly banks: readonly {
    readonly name: string;
    readonly kind: string;
    readonly site: string;
    readonly units: number;
    readonly dimension: number;
  }[];
  readonly status: 'complete' | 'unfinished';
  readonly documents: number | null;
  readonly contexts: number | null;
  /** Text tokens that the statistics are over. */
  readonly tokens: number | null;
  /** Examples of all units together. */
  readonly examples: number;
  /** SHA-256 of the content: equal for equal inputs, options and seed; null while unfinished. */
  readonly contentHash: string | null;
}

/** One unit's statistics and polysemy; what each number is stands in the table of columns (polysemy/columns.ts). */
export interface UnitSummary extends Readonly<ColumnValues<Metric | WordColumn>> {
  readonly bank: string;
  readonly index: number;
}

/** The tokens of a context. */
export interface TokenTexts {
  /** Their texts. A character that several tokens spell stands at the first of them; the others are empty. */
  readonly tokens: readonly string[];
  /** Positions of the special ones (BOS, `<|endoftext|>`, padding), which are part of no word. */
  readonly special: readonly number[];
}

/** An example of a unit; `id` is its rank, and its leaf in the tree. */
export interface StudyExample extends TokenTexts {
  readonly id: number;
  readonly context: number;
  readonly document: string;
  /** Position of the peak in the context. */
  readonly position: number;
  readonly activation: number;
  /** The unit's activation at every token (half precision). */
  readonly activations: readonly number[];
}

/** A feature with its examples, by rank; its words are at most five, the most characteristic first. */
export interface StudyFeature extends Omit<Feature, 'members'> {
  readonly examples: readonly StudyExample[];
}

/** One unit whole: its features by id, so the largest first, and the tree they are cut from. */
export interface StudyUnit extends UnitSummary {
  /** SciPy's Z: [a, b, distance, size]. */
  readonly merges: readonly (readonly [number, number, number, number])[];
  readonly features: readonly StudyFeature[];
}

export interface UnitQuery {
  /** Only this bank. */
  readonly bank?: string;
  /** Default: bank, then index. Units without a number come last, either way. */
  readonly sort?: Metric;
  readonly descending?: boolean;
  readonly limit?: number;
  readonly offset?: number;
}

/** Statistics, polysemy and words of all units, by bank and index; a number that is not there is NaN. */
export interface UnitColumns {
  /** Position in `info().banks`. */
  readonly bank: Uint16Array;
  readonly index: Uint32Array;
  readonly metrics: Readonly<Record<Metric, Float64Array>>;
  /** The columns of words, such as verdicts; null where there is none. */
  readonly texts: Readonly<Record<WordColumn, readonly (string | null)[]>>;
  /** Words of each feature, by id, as JSON. */
  readonly words: readonly string[];
}

/** A context that examples lie in. */
export interface StudyContext {
  readonly document: string;
  /** Ids of its tokens. */
  readonly tokens: Int32Array;
}

/** A study opened for reading. */
export interface Study {
  readonly path: string;
  info(): StudyInfo;
  /** Changes when the content does: a complete study's content hash, or the state of an unfinished one. */
  revision(): string;
  columns(): UnitColumns;
  /** A unit's examples and tree, as the file has them: `labels` are not ids of features. */
  detail(bank: string, index: number): UnitDetail;
  contexts(ids: readonly number[]): Map<number, StudyContext>;
  /** About `count` contexts, evenly spread. */
  sampleContexts(count: number): StudyContext[];
  tokenText(id: number): string;
  /** Consecutive tokens, by id, as they are shown and as words are made of them. */
  texts(tokens: Int32Array): TokenTexts;
  units(query?: UnitQuery): UnitSummary[];
  /** Words of each feature of a unit, by id. */
  words(bank: string, index: number): string[][];
  unit(bank: string, index: number): StudyUnit;
  /** Histogram of a unit's activations: bins that are not empty, and their counts. */
  histogram(bank: string, index: number): { bins: Uint32Array; counts: Uint32Array };
  /** A unit's tree, and the feature of each of its examples. */
  tree(bank: string, index: number): { tree: Tree; featureOf: Int32Array };
  /** h of each example (n×d, as stored), and the unit's weights: what its embeddings follow from. */
  inputs(
    bank: string,
    index: number,
  ): { embedding: Embedding; inputs: Float32Array; weights: Float32Array; count: number };
  close(): void;
}
