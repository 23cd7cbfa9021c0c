import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { PolysemeError } from '../errors.ts';
import { type PackedArray, packPieces, unpack } from '../pack.ts';
import { type Captures, slotViews } from './captures.ts';
import type { ContextStore, PackedContexts } from './contexts.ts';
import type { BankScan, Statistics } from './scan.ts';
import type { Selection } from './selection.ts';

/** A bank's part of a harvest's state. */
export interface SavedBank {
  readonly name: string;
  readonly scan: BankScan;
  readonly selection: Selection;
  readonly captures: Captures;
  /** 1 for each slot written since the last save. */
  readonly dirty: Uint8Array;
}

/** Where each slot's row was saved: number of the save (0: nowhere) and row in its file. */
interface Places {
  readonly save: Uint32Array;
  readonly row: Uint32Array;
}

/** Rows written together. */
const ROWS_A_WRITE = 256;

/**
 * The state of some banks on disk, so that a killed harvest goes on. Save n adds files and changes none:
 * captured rows go to a file of rows that later saves refer to, all else to a state file. Only when the harvest
 * has committed save n (see commitProgress) are files that it does not need removed.
 */
export class StateWriter {
  readonly #dir: string;
  readonly #banks: readonly SavedBank[];
  readonly #contexts: ContextStore;
  readonly #places: Places[];

  constructor(dir: string, banks: readonly SavedBank[], contexts: ContextStore) {
    this.#dir = dir;
    this.#banks = banks;
    this.#contexts = contexts;
    this.#places = banks.map(({ dirty }) => ({
      save: new Uint32Array(dirty.length),
      row: new Uint32Array(dirty.length),
    }));
  }

  write(number: number): void {
    mkdirSync(this.#dir, { recursive: true });
    const { names, ...integers } = this.#contexts.pack();
    const arrays: Record<string, PackedArray> = { names: encodeJson(names) };
    const add = (group: string, all: object): void => {
      for (const [name, array] of Object.entries(all)) arrays[`${group}.${name}`] = array as PackedArray;
    };
    add('contexts', integers);
    this.#banks.forEach((bank, b) => {
      const places = this.#places[b]!;
      if (mostlyDead(places))
        for (let s = 0; s < places.save.length; s++) bank.dirty[s]! |= +(places.save[s]! > 0);
      writeRows(join(this.#dir, rowsName(bank, number)), bank, places, number);
      bank.dirty.fill(0);
      add(`${b}.statistics`, bank.scan.statistics());
      add(`${b}.selection`, bank.selection.state());
      add(`${b}.places`, places);
      add(`${b}.captures`, { scales: bank.captures.scales, activations: bank.captures.activations });
    });
    writePacked(join(this.#dir, this.#stateName(number)), arrays);
  }

  /** Puts the state of save `number` back. */
  load(number: number): void {
    const path = join(this.#dir, this.#stateName(number));
    try {
      const arrays = unpack(readFileSync(path), path);
      const group = (prefix: string): Record<string, PackedArray> =>
        Object.fromEntries(
          Object.entries(arrays)
            .filter(([name]) => name.startsWith(prefix))
            .map(([name, array]) => [name.slice(prefix.length), array]),
        );
      this.#banks.forEach((bank, b) => {
        bank.scan.restore(group(`${b}.statistics.`) as unknown as Statistics);
        bank.selection.restore(group(`${b}.selection.`));
        bank.captures.scales.set(arrays[`${b}.captures.scales`] as Float32Array);
        bank.captures.activations.set(arrays[`${b}.captures.activations`] as Float32Array);
        const places = this.#places[b]!;
        places.save.set(arrays[`${b}.places.save`] as Uint32Array);
        places.row.set(arrays[`${b}.places.row`] as Uint32Array);
        readRows(this.#dir, bank, places);
      });
      const names = decodeJson(arrays['names']!) as string[];
      this.#contexts.restore({ ...group('contexts.'), names } as unknown as PackedContexts);
    } catch (error) {
      throw damaged(this.#dir, error);
    }
  }

  keepOnly(number: number): void {
    const kept = new Set([this.#stateName(number)]);
    this.#banks.forEach((bank, b) => {
      for (const save of new Set(this.#places[b]!.save)) kept.add(rowsName(bank, save));
    });
    const own = [this.#stateName(0), ...this.#banks.map((bank) => rowsName(bank, 0))].map(stem);
    for (const name of readdirSync(this.#dir)) {
      if (own.includes(stem(name)) && !kept.has(name)) rmSync(join(this.#dir, name));
    }
  }

  #stateName(number: number): string {
    return `state-${fileName(this.#banks[0]!.name)}-${number}.bin`;
  }
}

const PROGRESS = 'progress.bin';

/** What a harvest says of save `number` once all of its parts are written; `words`: the corpus's word counts. */
export interface SavedProgress<T> {
  readonly number: number;
  readonly progress: T;
  readonly words: Uint32Array;
}

/** Makes save `number` the one that a later run goes on from. */
export function commitProgress<T>(dir: string, { number, progress, words }: SavedProgress<T>): void {
  const temporary = join(dir, `${PROGRESS}.new`);
  writePacked(temporary, { progress: encodeJson({ number, progress }), words });
  renameSync(temporary, join(dir, PROGRESS));
}

export function loadProgress<T>(dir: string): SavedProgress<T> | null {
  const path = join(dir, PROGRESS);
  if (!existsSync(path)) return null;
  try {
    const { progress, words } = unpack(readFileSync(path), path);
    return {
      ...(decodeJson(progress!) as { number: number; progress: T }),
      words: (words as Uint32Array).slice(),
    };
  } catch (error) {
    throw damaged(dir, error);
  }
}

/** Whether more than half of the rows on disk belong to examples that were given up since. */
function mostlyDead({ save, row }: Places): boolean {
  const rows = new Map<number, number>();
  let live = 0;
  save.forEach((number, s) => {
    if (number === 0) return;
    live++;
    rows.set(number, Math.max(rows.get(number) ?? 0, row[s]! + 1));
  });
  return [...rows.values()].reduce((sum, n) => sum + n, 0) > 2 * live;
}

/** Writes every dirty slot's row to a new file. */
function writeRows(path: string, { captures, dirty }: SavedBank, places: Places, number: number): void {
  if (!dirty.includes(1)) return;
  const file = openSync(path, 'w');
  try {
    let row = 0;
    let pieces: Uint8Array[] = [];
    const flush = (): void => {
      const wanted = pieces.reduce((sum, { length }) => sum + length, 0);
      const written = writevSync(file, pieces);
      if (written !== wanted)
        throw new Error(`ENOSPC: ${path}: only ${written} of ${wanted} bytes were written`);
      pieces = [];
    };
    for (let slot = 0; slot < dirty.length; slot++) {
      if (dirty[slot] === 0) continue;
      const views = slotViews(captures, slot);
      for (const { buffer, byteOffset, byteLength } of [views.row, views.window]) {
        pieces.push(new Uint8Array(buffer, byteOffset, byteLength));
      }
      places.save[slot] = number;
      places.row[slot] = row++;
      if (pieces.length === 2 * ROWS_A_WRITE) flush();
    }
    flush();
  } finally {
    closeSync(file);
  }
}

function readRows(dir: string, bank: SavedBank, { save, row }: Places): void {
  const { captures } = bank;
  const size = 2 * (captures.width + captures.length);
  const files = new Map<number, number>();
  const buffer = new Uint8Array(size);
  const halves = new Uint16Array(buffer.buffer);
  const input = halves.subarray(0, captures.width);
  const window = halves.subarray(captures.width);
  try {
    for (let slot = 0; slot < save.length; slot++) {
      const number = save[slot]!;
      if (number === 0) continue;
      let file = files.get(number);
      if (file === undefined) {
        file = openSync(join(dir, rowsName(bank, number)), 'r');
        files.set(number, file);
      }
      if (readSync(file, buffer, 0, size, row[slot]! * size) !== size) {
        throw new Error(`${rowsName(bank, number)} ends before row ${row[slot]}`);
      }
      captures.write(slot, input, window);
    }
  } finally {
    for (const file of files.values()) closeSync(file);
  }
}

function writePacked(path: string, arrays: Record<string, PackedArray>): void {
  const file = openSync(path, 'w');
  try {
    for (const piece of packPieces(arrays)) {
      for (let at = 0; at < piece.length; )
        at += writeSync(file, piece, at, Math.min(piece.length - at, 1 << 28));
    }
  } finally {
    closeSync(file);
  }
}

function rowsName({ name }: SavedBank, number: number): string {
  return `rows-${fileName(name)}-${number}.bin`;
}

/** A file's name without the number of the save. */
function stem(name: string): string {
  return name.replace(/-\d+\.bin$/, '');
}

function fileName(bank: string): string {
  return encodeURIComponent(bank);
}

function damaged(dir: string, error: unknown): PolysemeError {
  const why = error instanceof Error ? error.message : String(error);
  return new PolysemeError(
    `${dir} holds a damaged state of this run (${why}): delete the folder to start again`,
  );
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decodeJson(bytes: PackedArray): unknown {
  return JSON.parse(new TextDecoder().decode(bytes as Uint8Array));
}
