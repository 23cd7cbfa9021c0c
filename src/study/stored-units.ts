import { PolysemeError } from '../errors.ts';
import {
  column,
  eachMetric,
  type Metric,
  SUMMARY,
  WORD_COLUMNS,
  type WordColumn,
} from '../polysemy/column-lists.ts';
import { SORTS, type SortKey, sortKeys } from '../polysemy/order.ts';
import type { UnitColumns } from '../polysemy/unit-columns.ts';
import { checkDigest, rowDigest } from './digests.ts';
import { bytes, decodeText, integer, type Query, real } from './select.ts';
import type { UnitQuery } from './study.ts';

/** Columns of `units` that are none of a unit's values. */
const KEYS = ['bank', 'idx', 'hash', 'digest'];
const SQL = { INTEGER: integer, REAL: real, TEXT: bytes, BLOB: bytes };

/** What to list: as `UnitQuery`, but a bank by its number. */
type ListQuery = Omit<UnitQuery, 'bank'> & { readonly bank?: number | undefined };

/** A unit's row: its values by the names of their columns. */
export type UnitRow = Readonly<Record<string, unknown>>;

/** One unit of a list. */
interface ListedUnit {
  readonly bank: number;
  readonly index: number;
  readonly values: UnitRow;
}

/** The table of units as a file has it: studies of older versions have fewer columns. */
export class StoredUnits {
  /** Whether each row has its digest. */
  readonly hasDigest: boolean;
  /** Names of the values that a row has. */
  readonly names: readonly string[];
  readonly #path: string;
  readonly #query: Query;
  readonly #types: ReadonlyMap<string, keyof typeof SQL>;

  constructor(path: string, query: Query) {
    this.#path = path;
    this.#query = query;
    const columns = query(`SELECT ${bytes('name')}, ${bytes('type')} FROM pragma_table_info('units')`);
    this.#types = new Map(
      columns.map(([name, type]) => [decodeText(name, path), decodeText(type, path) as keyof typeof SQL]),
    );
    this.names = [...this.#types.keys()].filter((name) => !KEYS.includes(name));
    this.hasDigest = this.#types.has('digest');
  }

  /** SQL of some values, to be read by `load`; null where the file has no such column. */
  sql(names: readonly string[]): string {
    return names
      .map((name) => (this.#types.has(name) ? SQL[this.#types.get(name)!](name) : 'NULL'))
      .join(', ');
  }

  /** A value that was selected by `sql`. */
  load(value: unknown): unknown {
    return value instanceof Uint8Array ? decodeText(value, this.#path) : value;
  }

  /** All values of one unit, checked against its digest; null where the study does not have it (yet). */
  row(bank: number, index: number, what: string): UnitRow | null {
    const digest = this.hasDigest ? bytes('digest') : 'NULL';
    const [found] = this.#query(
      `SELECT ${digest}, ${this.sql(this.names)} FROM units WHERE bank = ? AND idx = ?`,
      bank,
      index,
    );
    if (found === undefined) return null;
    const [stored, ...values] = found;
    const row = Object.fromEntries(this.names.map((name, i) => [name, this.load(values[i])]));
    if (this.hasDigest) checkDigest(stored, rowDigest(index, row), what);
    return row;
  }

  columns(): UnitColumns {
    const listed = this.sql(['words', 'names', ...SUMMARY]);
    const rows = this.#query(
      `SELECT ${integer('bank')}, ${integer('idx')}, ${listed} FROM units ORDER BY bank, idx`,
    );
    const values = (name: Metric | WordColumn): unknown[] => {
      const at = 4 + SUMMARY.indexOf(name);
      return rows.map((row) => this.load(row[at]));
    };
    return {
      bank: Uint16Array.from(rows, ([bank]) => bank as number),
      index: Uint32Array.from(rows, ([, index]) => index as number),
      words: rows.map(([, , words]) => this.load(words) as string),
      names: rows.map(([, , , names]) => this.load(names) as string | null),
      metrics: eachMetric((metric) =>
        Float64Array.from(values(metric), (value) => (value as number | null) ?? Number.NaN),
      ),
      texts: Object.fromEntries(
        WORD_COLUMNS.map((name) => [name, values(name).map((value) => knownWord(name, value))]),
      ) as unknown as UnitColumns['texts'],
    };
  }

  /** Units in an order, by their values that a summary has. @param bank number of the bank; default: all */
  list({ bank, expert, sort, descending = false, limit = -1, offset = 0 }: ListQuery): ListedUnit[] {
    const conditions = [
      ...(bank === undefined ? [] : [`bank = ${bank}`]),
      ...(expert === undefined ? [] : [`${this.sql(['expert'])} = ${Number(expert)}`]),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    if (sort !== undefined && !SORTS.includes(sort)) {
      throw new PolysemeError(
        `units cannot be sorted by ${JSON.stringify(sort)} (known: ${SORTS.join(', ')})`,
      );
    }
    // A study of an older version may have no number to sort by.
    const keys = sort === undefined ? [] : sortKeys(sort, descending);
    const order = keys
      .filter(({ column }) => this.names.includes(column))
      .map((key) => `${orderSql(key)}, `)
      .join('');
    return this.#query(
      `SELECT ${integer('bank')}, ${integer('idx')}, ${this.sql(SUMMARY)} FROM units ${where}
       ORDER BY ${order}bank, idx LIMIT ? OFFSET ?`,
      limit,
      offset,
    ).map(([of, index, ...values]) => ({
      bank: of as number,
      index: index as number,
      values: Object.fromEntries(SUMMARY.map((name, i) => [name, this.load(values[i])])),
    }));
  }

  /** Smallest and largest activation of each unit of a bank, by index; NaN where it has none. */
  ranges(bank: number, units: number): { least: Float64Array; most: Float64Array } {
    const least = new Float64Array(units).fill(Number.NaN);
    const most = new Float64Array(units).fill(Number.NaN);
    const listed = this.sql(['minActivation', 'maxActivation']);
    const rows = this.#query(`SELECT ${integer('idx')}, ${listed} FROM units WHERE bank = ?`, bank);
    for (const [index, min, max] of rows as [number, number | null, number | null][]) {
      least[index] = min ?? Number.NaN;
      most[index] = max ?? Number.NaN;
    }
    return { least, most };
  }
}

/** SQL of one column that units are ordered by; what has no value comes last. */
function orderSql({ column: name, descending }: SortKey): string {
  const { words } = column(name);
  const cases = words?.map((word, place) => `WHEN '${word}' THEN ${place}`).join(' ');
  const value = cases === undefined ? name : `CASE ${name} ${cases} END`;
  return `${value} IS NULL, ${value} ${descending ? 'DESC' : 'ASC'}`;
}

/** A value as it is; of a column of words only those that this version knows. */
export function knownWord(name: Metric | WordColumn, value: unknown): unknown {
  const { words } = column(name);
  return words === undefined || words.includes(value as string) ? value : null;
}
