import { SEPARATIONS } from '../contract/constants.ts';
import {
  bestMember,
  type FoundFeature,
  type FoundUnits,
  featuresFound,
  findPassages,
  type Said,
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

  constructor(table: ListedUnits, passages: Passages, text: string, parts: boolean, said: readonly Said[]) {
    const names = table.banks.map(({ name }) => name);
    this.query = parseQuery(text, names);
    this.parts = parts;
    this.#table = table;
    this.#passages = passages;
    this.#found = findPassages(passages, this.query, parts, said);
    const { units, banks, terms } = this.query;
    const named = units.map(({ bank, index }) => table.row(bank, index)).filter((row) => row >= 0);
    // A bank by itself means all of its units, in the order of their verdicts.
    const found =
      terms.length === 0 && banks.length > 0
        ? table.select({ sort: 'verdict', ranges: [] })
        : this.#found.units;
    const meant = new Set(banks);
    const rows = meant.size === 0 ? found : found.filter((row) => meant.has(table.name(row).bank));
    this.rows = named.length === 0 ? rows : Uint32Array.from(new Set([...named, ...rows]));
  }

  /** Bytes that it takes, about. */
  get size(): number {
    const { codes, names } = this.#found.matches;
    return 1000 + codes.length + names.length + 4 * this.rows.length;
  }

  /** The rows of one bank, or with at least some separation. */
  filtered({ bank, minSeparation }: SearchFilter): Uint32Array {
    const { start, end } = bank === undefined ? { start: 0, end: this.#table.size } : this.#table.bank(bank);
    const separation = this.#table.metric('separation', 0, this.#table.size);
    const chosen = new Uint32Array(this.rows.length);
    let count = 0;
    for (const row of this.rows) {
      const isMeant = row >= start && row < end;
      if (isMeant && (minSeparation === undefined || separation[row]! >= minSeparation))
        chosen[count++] = row;
    }
    return chosen.subarray(0, count);
  }

  /** How many rows there are of each bank, and with at least some separation: each under the other's filter. */
  facets({ bank, minSeparation }: SearchFilter): {
    banks: { bank: string; units: number }[];
    separation: { min: number; units: number }[];
  } {
    const counts = new Uint32Array(this.#table.banks.length);
    const bankOf = this.#table.bankOf(0, this.#table.size);
    for (const row of this.filtered({ minSeparation })) counts[bankOf[row]!]!++;
    const banks = this.#table.banks.map(({ name }, id) => ({ bank: name, units: counts[id]! }));
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

  /** The best feature of a row, and which of its examples is shown, by rank: the one that matches best, or its strongest. */
  best(row: number): { feature: number; member: number } | null {
    const [best] = this.features(row);
    if (best === undefined) return null;
    return { feature: best.feature, member: bestMember(this.#passages, this.#found, row, best.feature) };
  }

  /** The rank in its unit of one of a feature's examples, in an index that has all examples. */
  rank(row: number, { feature, member }: { readonly feature: number; readonly member: number }): number {
    const { exampleStart, feature: featureOf } = this.#passages;
    const own = featureOf.subarray(exampleStart[row], exampleStart[row + 1]);
    let rank = own.indexOf(feature);
    for (let i = 0; i < member; i++) rank = own.indexOf(feature, rank + 1);
    return rank;
  }
}
