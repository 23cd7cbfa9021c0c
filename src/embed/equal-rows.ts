import { rowStart } from './condensed.ts';
import { type RowSource, sourceRow } from './row-source.ts';

/** Groups of bitwise-equal, non-zero rows, found by a hash of their bits. */
export class EqualRows {
  readonly #source: RowSource;
  readonly #width: number;
  /** By hash, groups of equal rows; nearly always one group of one. */
  readonly #groups = new Map<number, number[][]>();
  #repeated = false;
  /** The group of each row that has equals; made when it is first asked for. */
  #memberOf: Map<number, number[]> | null = null;

  constructor(source: RowSource, width: number) {
    this.#source = source;
    this.#width = width;
  }

  note(first: number, norms: Float64Array, hashes: Int32Array): void {
    for (let i = 0; i < hashes.length; i++) {
      if (norms[i] === 0) continue;
      const groups = this.#groups.get(hashes[i]!);
      const group = groups?.find(([other]) => this.#same(other!, first + i));
      if (group) {
        group.push(first + i);
        this.#repeated = true;
      } else if (groups) groups.push([first + i]);
      else this.#groups.set(hashes[i]!, [[first + i]]);
    }
  }

  /** Sets the distances inside every group to 0. */
  clear(distances: Float32Array, count: number): void {
    if (!this.#repeated) return;
    for (const group of [...this.#groups.values()].flat()) {
      for (let i = 0; i < group.length; i++) {
        const start = rowStart(count, group[i]!);
        for (let j = i + 1; j < group.length; j++) distances[start + group[j]!] = 0;
      }
    }
  }

  /** Sets the distances of a row to those that are equal to it to 0. @param distances of it to every row */
  clearRow(row: number, distances: Float32Array): void {
    if (!this.#repeated) return;
    this.#memberOf ??= new Map(
      [...this.#groups.values()]
        .flat()
        .filter((group) => group.length > 1)
        .flatMap((group) => group.map((member) => [member, group] as const)),
    );
    for (const other of this.#memberOf.get(row) ?? []) if (other !== row) distances[other] = 0;
  }

  #same(a: number, b: number): boolean {
    const [first, second] = [this.#bitsOf(a), this.#bitsOf(b)];
    return first.every((bits, k) => bits === second[k]);
  }

  #bitsOf(index: number): Int32Array {
    const row = sourceRow(this.#source, index, this.#width);
    return new Int32Array(row.buffer, row.byteOffset, row.length);
  }
}
