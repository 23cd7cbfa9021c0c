import type { Metric, Metrics } from '../source/answers.ts';
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

  /** @param banks their names, in the order of the study */
  static of({ banks, columns: all }: { banks: readonly string[]; columns: Metrics }): Points {
    const { bank, index, ...columns } = all;
    const values = Object.entries(columns) as [Metric, Float32Array][];
    return new Points(
      banks,
      bank,
      index,
      new Map(values.map(([metric, column]) => [metric, Float64Array.from(column)])),
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
