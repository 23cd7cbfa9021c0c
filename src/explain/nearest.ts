import { nextTurn } from '../base/turn.ts';
import { type Codes, CodeTable, toCodes } from '../embed/codes.ts';
import { inverseLength } from '../features/directions.ts';

/** Directions of length 1 (or 0, where there is none), one a row: as bytes for the search, and as they are. */
export interface Directions {
  readonly count: number;
  readonly width: number;
  codes(): Codes;
  /** One row, of any length: only its direction counts. */
  row(row: number): Float32Array;
}

/** A row of one of several tables of directions. */
export interface NearRow {
  /** Place of its table. */
  readonly table: number;
  readonly row: number;
  /** Cosine with the vector that was asked for. */
  readonly similarity: number;
}

/** How many standard deviations of the error of products of bytes are allowed for. */
const DEVIATIONS = 6;

/**
 * Exact search among directions of one width. All rows are multiplied in bytes; those whose product comes as near to the
 * best as its rounding allows are multiplied again as they are. Six standard deviations of the rounding are allowed for.
 */
export class NearestDirections {
  readonly #tables: readonly Directions[];
  /** The first row of each table among all of them. */
  readonly #starts: readonly number[];
  readonly #codes: CodeTable;

  private constructor(tables: readonly Directions[], starts: readonly number[], codes: CodeTable) {
    this.#tables = tables;
    this.#starts = starts;
    this.#codes = codes;
  }

  /** Takes in the tables, all of one width. */
  static async of(tables: readonly Directions[]): Promise<NearestDirections> {
    let count = 0;
    const starts = tables.map((table) => {
      const start = count;
      count += table.count;
      return start;
    });
    const codes = new CodeTable(count, tables[0]?.width ?? 0);
    for (const table of tables) {
      codes.add(table.codes());
      await nextTurn();
    }
    return new NearestDirections(tables, starts, codes);
  }

  /**
   * The `limit` rows with the largest cosine, best first; of equal ones the first. None for a vector of zeros.
   * @param skip rows that are left out: those from `first` to before `end` of a table
   */
  nearest(
    vector: Float32Array,
    limit: number,
    skip: { readonly table: number; readonly first: number; readonly end: number } | null = null,
  ): NearRow[] {
    const unit = normalized(vector);
    // Nothing has an angle with no direction.
    if (unit.every((value) => value === 0)) return [];
    const query = toCodes(unit, unit.length);
    const products = this.#codes.products(query);
    const start = skip === null ? 0 : this.#starts[skip.table]!;
    if (skip !== null) products.fill(Number.NEGATIVE_INFINITY, start + skip.first, start + skip.end);
    // An error of a code is uniform within half a scale, so its variance is scale² / 12.
    const deviation = Math.hypot(query.scales[0]!, this.#codes.largestScale) / Math.sqrt(12);
    const least = largest(products, limit) - 2 * DEVIATIONS * deviation;
    const found: NearRow[] = [];
    for (let at = 0, table = 0; at < products.length; at++) {
      if (!(products[at]! >= least) || products[at] === Number.NEGATIVE_INFINITY) continue;
      while (at >= (this.#starts[table + 1] ?? Number.POSITIVE_INFINITY)) table++;
      const row = at - this.#starts[table]!;
      found.push({ table, row, similarity: dot(unit, normalized(this.#tables[table]!.row(row))) });
    }
    return found
      .sort((a, b) => b.similarity - a.similarity || a.table - b.table || a.row - b.row)
      .slice(0, limit);
  }
}

/** The `rank`-th largest of some values; the least where there are fewer. */
function largest(values: Float32Array, rank: number): number {
  // The largest so far, rising.
  const best = new Float32Array(rank).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value <= best[0]!) continue;
    let at = 1;
    for (; at < rank && best[at]! < value; at++) best[at - 1] = best[at]!;
    best[at - 1] = value;
  }
  return best[0]!;
}

/** A vector at length 1, or zeros. */
export function normalized(vector: Float32Array): Float32Array {
  const scale = inverseLength(vector, 0, vector.length);
  return vector.map((value) => value * scale);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
