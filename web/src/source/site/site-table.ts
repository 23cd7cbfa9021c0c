import { ListedUnits, type TableQuery } from '../../../../src/answers/listed-units.ts';
import { tableQuery, unitsPage } from '../../../../src/answers/units-page.ts';
import type { UnitsQuery } from '../../../../src/contract/queries.ts';
import { block, ROWS, type SiteHead, type SiteOrder } from '../../../../src/contract/site.ts';
import { column, METRICS, type Metric, type WordColumn } from '../../../../src/polysemy/column-lists.ts';
import { sortKeys } from '../../../../src/polysemy/order.ts';
import type { UnitColumns } from '../../../../src/polysemy/unit-columns.ts';
import type { Metrics, UnitRow, Units } from '../answers.ts';
import type { Params } from '../source.ts';
import { Kept, once } from './kept.ts';
import type { SiteFiles } from './site-files.ts';

type ColumnName = Metric | WordColumn;

/** Columns as they come in. */
interface Columns extends UnitColumns {
  readonly metrics: Record<Metric, Float64Array>;
  readonly texts: Record<WordColumn, readonly (string | null)[]>;
}

/** Files of rows that are kept. */
const KEPT_ROWS = 400;
/** The list that the rows lie in the order of. */
const FIRST = JSON.stringify(tableQuery({ sort: 'verdict', order: 'desc' }));

/** The table of all units of a site: its columns and rows are fetched when a question needs them. */
export class SiteTable {
  readonly #files: SiteFiles;
  readonly #units: number;
  readonly #columns: Columns;
  readonly #open: () => Promise<{ table: ListedUnits; order: SiteOrder; places: Uint32Array }>;
  readonly #column = new Kept(Number.POSITIVE_INFINITY, (name: ColumnName) => this.#fetch(name));
  readonly #rows = new Kept(KEPT_ROWS, (file: number) => this.#files.json<UnitRow[]>(block.rows(file)));

  constructor(files: SiteFiles, { units, study }: SiteHead) {
    this.#files = files;
    this.#units = units;
    this.#columns = {
      bank: new Uint16Array(),
      index: new Uint32Array(),
      metrics: {} as Columns['metrics'],
      texts: {} as Columns['texts'],
      words: [],
      names: [],
    };
    this.#open = once(async () => {
      const order = await files.arrays<SiteOrder>(block.order);
      const places = new Uint32Array(order.order.length);
      order.order.forEach((row, place) => {
        places[row] = place;
      });
      Object.assign(this.#columns, { bank: order.bank, index: order.index });
      const banks = study.banks.map(({ name }) => name);
      return { table: new ListedUnits(this.#columns, banks), order, places };
    });
  }

  /** @param among only these rows, which a search found; null: all */
  async units(params: Params, among: Uint32Array | null): Promise<Units> {
    const query = { order: 'asc', limit: 100, ...params } as UnitsQuery;
    const chosen = tableQuery(query);
    if (among === null && JSON.stringify(chosen) === FIRST) {
      const all = Uint32Array.from({ length: this.#units }, (_, place) => place);
      const { rows: places, ...page } = unitsPage(query, () => all);
      return { units: await this.#rowsAt(places), ...page };
    }
    const table = await this.table(columnsOf(chosen));
    const { rows, ...page } = unitsPage(query, () => table.select({ ...chosen, among }));
    return { units: await this.rows(rows), ...page };
  }

  /** The table, with some of its columns. */
  async table(columns: readonly ColumnName[]): Promise<ListedUnits> {
    const [{ table }] = await Promise.all([this.#open(), ...columns.map((name) => this.#column.get(name))]);
    return table;
  }

  /** Rows of the table as lists show them. */
  async rows(rows: Uint32Array): Promise<UnitRow[]> {
    const { places } = await this.#open();
    return this.#rowsAt(rows.map((row) => places[row]!));
  }

  /** Columns over all units, in single precision. */
  async figures(signal?: AbortSignal): Promise<Metrics> {
    const [{ order }, ...columns] = await Promise.all([
      this.#open(),
      ...METRICS.map((metric) => this.#files.arrays<{ values: Float32Array }>(block.figure(metric), signal)),
    ]);
    const values = Object.fromEntries(METRICS.map((metric, i) => [metric, columns[i]!.values]));
    return { bank: order.bank, index: order.index, ...(values as Record<Metric, Float32Array>) };
  }

  async #rowsAt(places: Uint32Array): Promise<UnitRow[]> {
    const numbers = [...new Set(Array.from(places, (place) => Math.floor(place / ROWS)))];
    const found = await Promise.all(numbers.map((number) => this.#rows.get(number)));
    const files = new Map(numbers.map((number, i) => [number, found[i]!]));
    return Array.from(places, (place) => files.get(Math.floor(place / ROWS))![place % ROWS]!);
  }

  async #fetch(name: ColumnName): Promise<void> {
    const found = await this.#files.arrays<{ values: Float64Array } | { places: Uint8Array }>(
      block.column(name),
    );
    if ('values' in found) this.#columns.metrics[name as Metric] = found.values;
    else {
      const { words } = column(name);
      this.#columns.texts[name as WordColumn] = Array.from(found.places, (place) => words![place] ?? null);
    }
  }
}

/** The columns that a question goes over. */
function columnsOf({ sort, ranges, words = [] }: TableQuery): ColumnName[] {
  const keys = sort === undefined ? [] : sortKeys(sort, true).map(({ column: name }) => name);
  return [...keys, ...ranges.map(({ metric }) => metric), ...words.map(({ name }) => name)];
}
