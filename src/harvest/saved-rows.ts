import { closeSync, fsyncSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { writeAllSync } from '../base/files.ts';
import { type HalfRowTable, RowState } from './half-rows.ts';

/** Rows written together. */
const ROWS_PER_WRITE = 512;

/** By row: number of its save (0: nowhere), row in that file, CRC-32. */
interface RowPlaces {
  readonly save: Uint32Array;
  readonly place: Uint32Array;
  readonly sum: Uint32Array;
}

/**
 * The rows of a table on disk. Save n writes those that were written since the save before to a file of its own,
 * and changes no file; a table of places tells in which file each row lies.
 */
export class SavedRows {
  /** What the names of the files begin with. */
  readonly prefix: string;
  readonly #dir: string;
  readonly #table: HalfRowTable;
  /** Where each row was saved: number of the save (0: nowhere) and row in its file. */
  #save = new Uint32Array();
  #place = new Uint32Array();
  /** CRC-32 of each row's bytes. */
  #sum = new Uint32Array();

  constructor(dir: string, prefix: string, table: HalfRowTable) {
    this.#dir = dir;
    this.prefix = prefix;
    this.#table = table;
  }

  /** Writes save `number`. */
  write(number: number): void {
    const table = this.#table;
    this.#grow(table.size);
    const save = this.#save;
    for (let row = 0; row < save.length; row++) if (table.state(row) === RowState.empty) save[row] = 0;
    // Rows that stayed as they were are written again where most of what is on disk is needed no more.
    const again = this.#mostlyDead();
    const wanted = (row: number): boolean => {
      const state = table.state(row);
      return state === RowState.written || (again && state === RowState.saved);
    };
    let next = 0;
    let file: number | null = null;
    let pieces: Uint8Array[] = [];
    const path = join(this.#dir, this.fileName(number));
    const flush = (): void => {
      file ??= openSync(path, 'w');
      writeAllSync(file, pieces);
      pieces = [];
    };
    try {
      for (let row = 0; row < save.length; row++) {
        if (!wanted(row)) continue;
        const bytes = table.save(row);
        pieces.push(bytes);
        this.#sum[row] = crc32(bytes);
        save[row] = number;
        this.#place[row] = next++;
        if (pieces.length === ROWS_PER_WRITE) flush();
      }
      if (pieces.length > 0) flush();
      if (file !== null) fsyncSync(file);
    } finally {
      if (file !== null) closeSync(file);
    }
  }

  /** Reads all rows back, from where `state` told. */
  load({ save, place, sum }: RowPlaces): void {
    this.#save = save.slice();
    this.#place = place.slice();
    this.#sum = sum.slice();
    const { stride } = this.#table;
    const files = new Map<number, number>();
    const bytes = new Uint8Array(stride);
    try {
      for (let row = 0; row < save.length; row++) {
        const number = save[row]!;
        if (number === 0) continue;
        let file = files.get(number);
        if (file === undefined) {
          file = openSync(join(this.#dir, this.fileName(number)), 'r');
          files.set(number, file);
        }
        if (readSync(file, bytes, 0, stride, place[row]! * stride) !== stride) {
          throw new Error(`${this.fileName(number)} ends before row ${place[row]}`);
        }
        if (crc32(bytes) !== sum[row]) {
          throw new Error(`${this.fileName(number)}: row ${place[row]} is not what was saved`);
        }
        this.#table.restore(row, bytes);
      }
    } finally {
      for (const file of files.values()) closeSync(file);
    }
  }

  /** The places, for `load`. */
  state(): RowPlaces {
    return { save: this.#save, place: this.#place, sum: this.#sum };
  }

  /** Names of the files that the last save needs. */
  files(): Set<string> {
    return new Set([...new Set(this.#save)].filter((number) => number > 0).map((n) => this.fileName(n)));
  }

  fileName(number: number): string {
    return `${this.prefix}-${number}.bin`;
  }

  #grow(length: number): void {
    if (length <= this.#save.length) return;
    const [save, place, sum] = [this.#save, this.#place, this.#sum];
    this.#save = new Uint32Array(length);
    this.#place = new Uint32Array(length);
    this.#sum = new Uint32Array(length);
    this.#save.set(save);
    this.#place.set(place);
    this.#sum.set(sum);
  }

  /** Whether more than half of the rows on disk are needed no more. */
  #mostlyDead(): boolean {
    const rows = new Map<number, number>();
    let live = 0;
    this.#save.forEach((number, row) => {
      if (number === 0) return;
      if (this.#table.state(row) === RowState.saved) live++;
      rows.set(number, Math.max(rows.get(number) ?? 0, this.#place[row]! + 1));
    });
    return [...rows.values()].reduce((sum, n) => sum + n, 0) > 2 * live;
  }
}
