import type { BankColumns, Metric } from '../source/types.ts';
import type { RangeKey, Ranges } from './url-state.ts';

/** All units of a study as columns, for the figures: NaN where there is no number. */
export class Points {
  readonly banks: readonly string[];
  readonly count: number;
  /** Number of each unit's bank. */
  readonly bank: Uint16Array;
  readonly index: Uint32Array;
  /** 1 where the unit is in the bank and the ranges asked for. */
  shown: Uint8Array;
  readonly #columns: ReadonlyMap<Metric, Float64Array>;

  private constructor(
    banks: readonly string[],
    bank: Uint16Array,
    index: Uint32Array,
    columns: ReadonlyMap<Metric, Float64Array>,
  ) {
    this.banks = banks;
    this.count = index.length;
    this.bank = bank;
    this.index = index;
    this.shown = new Uint8Array(this.count).fill(1);
    this.#columns = columns;
  }

  static of(answer: readonly BankColumns[]): Points {
    const count = answer.reduce((sum, { index }) => sum + index.length, 0);
    const bank = new Uint16Array(count);
    const index = new Uint32Array(count);
    const columns = new Map<Metric, Float64Array>();
    let start = 0;
    for (const [b, part] of answer.entries()) {
      bank.fill(b, start, start + part.index.length);
      index.set(part.index, start);
      for (const [metric, values] of Object.entries(part.columns) as [Metric, (number | null)[]][]) {
        let column = columns.get(metric);
        if (column === undefined) {
          column = new Float64Array(count).fill(Number.NaN);
          columns.set(metric, column);
        }
        for (let i = 0; i < values.length; i++) column[start + i] = values[i] ?? Number.NaN;
      }
      start += part.index.length;
    }
    return new Points(
      answer.map(({ name }) => name),
      bank,
      index,
      columns,
    );
  }

  column(metric: Metric): Float64Array {
    return this.#columns.get(metric) ?? new Float64Array(this.count).fill(Number.NaN);
  }

  unit(i: number): { bank: string; index: number } {
    return { bank: this.banks[this.bank[i]!]!, index: this.index[i]! };
  }

  /** The same units, of which those in a bank and in all ranges are shown. A unit without the number is in no range. */
  filtered(bank: string | undefined, ranges: Ranges): Points {
    const points = new Points(this.banks, this.bank, this.index, this.#columns);
    if (bank !== undefined) {
      const number = this.banks.indexOf(bank);
      points.shown = points.shown.map((_, i) => Number(this.bank[i] === number));
    }
    for (const [key, bound] of Object.entries(ranges) as [RangeKey, number][]) {
      const column = this.column(key.slice(4) as Metric);
      const least = key.startsWith('min.');
      points.shown = points.shown.map((shown, i) =>
        Number(shown === 1 && (least ? column[i]! >= bound : column[i]! <= bound)),
      );
    }
    return points;
  }
}
