import { SEPARATIONS } from '../contract/constants.ts';
import {
  bestExample,
  type FoundFeature,
  FoundTerms,
  type FoundUnits,
  featuresFound,
  findPassages,
} from '../search/find.ts';
import type { Passages } from '../search/passages.ts';
import { parseQuery, type SearchQuery } from '../search/query.ts';
import type { ListedUnits } from './listed-units.ts';

/** Which of the units that were found are asked for. */
export interface SearchFilter {
  readonly bank?: string;
  readonly minSeparation?: number;
}

/** A search of the units of a table: the rows that it finds, and what of them. */
export class Search {
  readonly query: SearchQuery;
  readonly parts: boolean;
  /** All rows: those of units that the query names, then the best matches first. */
  readonly rows: Uint32Array;
  readonly #table: ListedUnits;
  readonly #passages: Passages;
  readonly #found: FoundUnits;
  readonly #terms: FoundTerms;

  constructor(table: ListedUnits, passages: Passages, text: string, parts: boolean) {
    const names = table.banks.map(({ name }) => name);
    this.query = parseQuery(text, names);
    this.parts = parts;
    this.#table = table;
    this.#passages = passages;
    this.#found = findPassages(passages, this.query, parts);
    this.#terms = new FoundTerms(passages, this.query, parts);
    const { units, banks, terms } = this.query;
    const named = units.map(({ bank, index }) => table.row(bank, index)).filter((row) => row >= 0);
    // A bank by itself means all of its units, in the order of their verdicts.
    const found =
      terms.length === 0 && banks.length > 0
        ? table.select({ sort: 'verdict', ranges: [] })
        : this.#found.units;
    const meant = new Set(banks);
    const rows = meant.size === 0 ? found : found.filter((row) => meant.has(table.name(row).bank));
    this.rows = Uint32Array.from(new Set([...named, ...rows]));
  }

  /** Bytes that it takes, about. */
  get size(): number {
    const places = this.#terms.found.reduce((sum, { places: own }) => sum + own.length, 0);
    return 1000 + 9 * this.#found.score.length + 4 * (this.rows.length + places);
  }

  /** The rows of one bank, or with at least some separation. */
  filtered({ bank, minSeparation }: SearchFilter): Uint32Array {
    const { start, end } = bank === undefined ? { start: 0, end: this.#table.size } : this.#table.bank(bank);
    const separation = this.#table.metric('separation', 0, this.#table.size);
    const least = minSeparation ?? Number.NEGATIVE_INFINITY;
    return this.rows.filter(
      (row) => row >= start && row < end && (minSeparation === undefined || separation[row]! >= least),
    );
  }

  /** How many rows there are of each bank, and with at least some separation: each under the other's filter. */
  facets({ bank, minSeparation }: SearchFilter): {
    banks: { bank: string; units: number }[];
    separation: { min: number; units: number }[];
  } {
    const ofBanks = this.filtered({ minSeparation });
    const banks = this.#table.banks.map(({ name, start, end }) => ({
      bank: name,
      units: ofBanks.filter((row) => row >= start && row < end).length,
    }));
    const separation = SEPARATIONS.map((min) => ({
      min,
      units: this.filtered({ bank, minSeparation: min }).length,
    }));
    return { banks: banks.filter(({ units }) => units > 0), separation };
  }

  /** The features of a row that match, the best first. */
  features(row: number): FoundFeature[] {
    return featuresFound(this.#passages, this.#found, row);
  }

  /** The example of a row's best feature that is shown: the one that matches best, or its strongest. */
  example(row: number): number | null {
    const [best] = this.features(row);
    if (best === undefined) return null;
    return bestExample(this.#passages, this.#terms, row, best.feature);
  }
}
