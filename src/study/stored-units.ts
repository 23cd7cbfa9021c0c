import { checkDigest, rowDigest } from './digests.ts';
import { bytes, decodeText, integer, type Query, real } from './select.ts';

/** Columns of `units` that are none of a unit's values. */
const KEYS = ['bank', 'idx', 'hash', 'digest'];
const SQL = { INTEGER: integer, REAL: real, TEXT: bytes, BLOB: bytes };

/** A unit's row: its values by the names of their columns. */
export type UnitRow = Readonly<Record<string, unknown>>;

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
}
