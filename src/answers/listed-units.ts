import { type Quantiles, quantilesOf } from '../compare/bootstrap.ts';
import type { FeatureName } from '../features/names.ts';
import type { UnitSummary } from '../features/split-unit.ts';
import { METRICS, type Metric, WORD_COLUMNS, type WordColumn } from '../polysemy/column-lists.ts';
import { sortKeys, type UnitSort, wordPlace } from '../polysemy/order.ts';
import type { UnitColumns } from '../polysemy/unit-columns.ts';
import { noBank } from './problem.ts';

/** Which units, and in which order. */
export interface TableQuery {
  readonly bank?: string;
  readonly sort?: UnitSort;
  readonly descending?: boolean;
  readonly ranges: readonly { readonly metric: Metric; readonly min?: number; readonly max?: number }[];
  /** Only units with these words, such as a verdict. */
  readonly words?: readonly { readonly name: WordColumn; readonly word: string }[];
  /** Only these rows, such as those that a search found. */
  readonly among?: Uint32Array | null;
}

interface BankRows {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Every unit's statistics, polysemy, names and words in memory (about 500 bytes per unit): what lists go over. */
export class ListedUnits {
  readonly banks: readonly BankRows[];
  readonly #columns: UnitColumns;
  readonly #orders = new Map<string, Uint32Array>();
  readonly #sorted = new Map<string, Float64Array>();

  /** @param banks names of the study's banks, in its order */
  constructor(columns: UnitColumns, banks: readonly string[]) {
    this.#columns = columns;
    const { bank } = columns;
    this.banks = banks.map((name, id) => {
      const start = lowerBound(bank, id);
      return { name, start, end: lowerBound(bank, id + 1) };
    });
  }

  get size(): number {
    return this.#columns.index.length;
  }

  /** The row of a unit, or −1. */
  row(bank: string, index: number): number {
    const { start, end } = this.bank(bank);
    const row = lowerBound(this.#columns.index, index, start, end);
    return row < end && this.#columns.index[row] === index ? row : -1;
  }

  bank(name: string): BankRows {
    const bank = this.banks.find((b) => b.name === name);
    if (bank !== undefined) return bank;
    throw noBank(
      name,
      this.banks.map((b) => b.name),
    );
  }

  name(row: number): { bank: string; index: number } {
    return { bank: this.banks[this.#columns.bank[row]!]!.name, index: this.#columns.index[row]! };
  }

  summary(row: number): UnitSummary {
    const summary: Record<string, unknown> = this.name(row);
    for (const metric of METRICS) {
      const value = this.#columns.metrics[metric][row]!;
      summary[metric] = Number.isNaN(value) ? null : value;
    }
    for (const name of WORD_COLUMNS) summary[name] = this.#columns.texts[name][row]!;
    return summary as unknown as UnitSummary;
  }

  /** The places of units' banks among the study's. */
  bankOf(start: number, end: number): Uint16Array {
    return this.#columns.bank.subarray(start, end);
  }

  index(start: number, end: number): Uint32Array {
    return this.#columns.index.subarray(start, end);
  }

  metric(metric: Metric, start: number, end: number): Float64Array {
    return this.#columns.metrics[metric].subarray(start, end);
  }

  /** Words of each feature, largest first. */
  words(row: number): string[][] {
    return JSON.parse(this.#columns.words[row]!) as string[][];
  }

  /** Names of each feature, largest first; none in a study of an older version. */
  names(row: number): (FeatureName | null)[] {
    return JSON.parse(this.#columns.names[row] ?? '[]') as (FeatureName | null)[];
  }

  /** The rows that a query chooses, in its order. */
  select({ bank, sort, descending = false, ranges, words = [], among = null }: TableQuery): Uint32Array {
    const { start, end } = bank === undefined ? { start: 0, end: this.size } : this.bank(bank);
    const allowed = new Uint8Array(this.size).fill(among === null ? 1 : 0);
    for (const row of among ?? []) allowed[row] = 1;
    const within = (row: number): boolean =>
      row >= start &&
      row < end &&
      ranges.every(({ metric, min, max }) => {
        const value = this.#columns.metrics[metric][row]!;
        return value >= (min ?? Number.NEGATIVE_INFINITY) && value <= (max ?? Number.POSITIVE_INFINITY);
      }) &&
      words.every(({ name, word }) => this.#columns.texts[name][row] === word) &&
      allowed[row] === 1;
    return this.#ordered(sort, descending).filter(within);
  }

  /** Where a unit stands in its bank: 1 + the units with a larger number, of those with a number; `ties`: those with its own. */
  rank(metric: Metric, row: number): { rank: number; of: number; ties: number } | null {
    const value = this.#columns.metrics[metric][row]!;
    if (Number.isNaN(value)) return null;
    const sorted = this.sorted(metric, this.#columns.bank[row]!);
    const above = upperBound(sorted, value);
    return {
      rank: 1 + sorted.length - above,
      of: sorted.length,
      ties: above - lowerBound(sorted, value),
    };
  }

  quantiles(metric: Metric, bank: number): Quantiles {
    return quantilesOf(this.sorted(metric, bank));
  }

  /** The numbers of a bank's units, ascending, without those that have none. */
  sorted(metric: Metric, bank: number): Float64Array {
    const key = `${bank} ${metric}`;
    let sorted = this.#sorted.get(key);
    if (sorted === undefined) {
      const { start, end } = this.banks[bank]!;
      sorted = this.metric(metric, start, end)
        .filter((value) => !Number.isNaN(value))
        .sort();
      this.#sorted.set(key, sorted);
    }
    return sorted;
  }

  /** How many of a bank's units have each word of a column, by the order of the words. */
  wordCounts<Word extends string>(
    name: WordColumn,
    words: readonly Word[],
    bank: number,
  ): Record<Word, number> {
    const { start, end } = this.banks[bank]!;
    const own = this.#columns.texts[name].slice(start, end);
    return Object.fromEntries(
      words.map((word) => [word, own.filter((one) => one === word).length]),
    ) as Record<Word, number>;
  }

  #ordered(sort: UnitSort | undefined, descending: boolean): Uint32Array {
    const key = sort === undefined ? `${descending}` : `${sort} ${descending}`;
    let order = this.#orders.get(key);
    if (order === undefined) {
      order = Uint32Array.from({ length: this.size }, (_, row) => row);
      if (sort === undefined) {
        if (descending) order.reverse();
      } else {
        const keys = sortKeys(sort, descending).map(({ column, descending }) => ({
          values: this.#values(column),
          sign: descending ? -1 : 1,
        }));
        order.sort((a, b) => {
          for (const { values, sign } of keys) {
            const [x, y] = [values[a]!, values[b]!];
            const before =
              Number.isNaN(x) || Number.isNaN(y)
                ? Number(Number.isNaN(x)) - Number(Number.isNaN(y))
                : sign * (x - y);
            if (before !== 0) return before;
          }
          return a - b;
        });
      }
      this.#orders.set(key, order);
    }
    return order;
  }

  /** A column as numbers to be sorted by. */
  #values(name: Metric | WordColumn): ArrayLike<number> {
    const texts = this.#columns.texts[name as WordColumn];
    if (texts === undefined) return this.#columns.metrics[name as Metric];
    return texts.map((word) => wordPlace(name as WordColumn, word));
  }
}

/** The first index of ascending `values` (from `start` to `end`) that holds `value` or more. */
function lowerBound(
  values: Uint16Array | Uint32Array | Float64Array,
  value: number,
  start = 0,
  end = values.length,
): number {
  let [low, high] = [start, end];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first index of ascending `values` that holds more than `value`. */
function upperBound(values: Float64Array, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
