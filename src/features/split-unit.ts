import type { ColumnValues, Metric, WordColumn } from '../polysemy/column-lists.ts';
import type { Feature } from './describe.ts';

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
export interface UnitExample extends TokenTexts {
  readonly id: number;
  /** Id of its context, from 0 in the order of the corpus. */
  readonly context: number;
  /** Name of the document (or image) that it is from. */
  readonly document: string;
  /** What the image shows, where the data says; absent of text. */
  readonly label?: string | null;
  /** Position of the peak in the context. */
  readonly position: number;
  /** The unit's activation at the peak. */
  readonly activation: number;
  /** The unit's activation at every token (half precision). */
  readonly activations: readonly number[];
}

/** A feature with its examples, by rank; its words are at most five, the most characteristic first. */
export interface UnitFeature extends Omit<Feature, 'members'> {
  readonly examples: readonly UnitExample[];
}

/** One unit whole: its features by id, so the largest first, and the tree they are cut from. */
export interface SplitUnit extends UnitSummary {
  /** SciPy's Z: [a, b, distance, size]. */
  readonly merges: readonly (readonly [number, number, number, number])[];
  readonly features: readonly UnitFeature[];
}
