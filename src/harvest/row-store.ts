import { HalfRowTable, type PackedRow } from './half-rows.ts';

/** Rows there is room for at first. */
const ROOM = 1024;

/**
 * Input rows, each kept once however many examples lie at its (context, position), and counted by them; the number
 * of a row that none needs any more is given out again. Contexts come one after another, or some together: only rows of those
 * at hand are ever held anew, and positions are numbered through them.
 */
export class RowStore {
  readonly table: HalfRowTable;
  /** The row of each position at hand, or -1. */
  readonly #current: Int32Array;
  /** Of each row, how many examples hold it, and its position. */
  #uses = new Uint32Array(ROOM);
  #positions = new Uint32Array(ROOM);
  /** Numbers given out so far: 0 to count − 1. */
  #count = 0;
  #free: number[] = [];

  /** @param positions the most that are at hand at a time */
  constructor(width: number, positions: number) {
    this.table = new HalfRowTable(width);
    this.#current = new Int32Array(positions).fill(-1);
  }

  /** Rows that some example holds. */
  get size(): number {
    return this.#count - this.#free.length;
  }

  /** Goes on to the next contexts. */
  begin(): void {
    this.#current.fill(-1);
  }

  /** Counts one more example at a position at hand; returns its row, or -1 where none is kept yet. */
  hold(position: number): number {
    const row = this.#current[position]!;
    if (row >= 0) this.#uses[row]!++;
    return row;
  }

  /** Keeps the row of a position at hand for one example; returns its number. */
  add(position: number, packed: PackedRow): number {
    const row = this.#free.pop() ?? this.#count++;
    if (row === this.#uses.length) {
      this.#uses = doubled(this.#uses);
      this.#positions = doubled(this.#positions);
    }
    this.table.write(row, packed);
    this.#uses[row] = 1;
    this.#positions[row] = position;
    this.#current[position] = row;
    return row;
  }

  /** Counts one example of a row less; returns whether it was the last. */
  release(row: number): boolean {
    if (--this.#uses[row]! > 0) return false;
    const position = this.#positions[row]!;
    if (this.#current[position] === row) this.#current[position] = -1;
    this.table.drop(row);
    this.#free.push(row);
    return true;
  }

  /** What a checkpoint must hold beside the rows themselves; `restore` puts it back, between two contexts. */
  state(): { uses: Uint32Array } {
    return { uses: this.#uses.subarray(0, this.#count) };
  }

  restore({ uses }: { uses: Uint32Array }): void {
    this.#count = uses.length;
    const room = Math.max(ROOM, uses.length);
    this.#uses = new Uint32Array(room);
    this.#uses.set(uses);
    this.#positions = new Uint32Array(room);
    this.#free = [];
    uses.forEach((n, row) => {
      if (n === 0) this.#free.push(row);
    });
    this.#current.fill(-1);
  }
}

function doubled(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * array.length);
  larger.set(array);
  return larger;
}
