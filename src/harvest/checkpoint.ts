import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, writevSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PolysemeError } from '../errors.ts';
import { type PackedArray, packPieces, unpack } from '../pack.ts';
import type { Captures } from './captures.ts';
import type { ContextStore, PackedContexts } from './contexts.ts';
import type { BankScan, Statistics } from './scan.ts';
import type { Selection } from './selection.ts';

/**
 * A harvest's state on disk, so that a killed run goes on. Captured rows are only ever appended, to segment
 * files of rows; `state.bin`, replaced by renaming, says in which segment each slot's row lies. So a save
 * that is cut short leaves the one before it whole.
 */
export interface SavedBank {
  readonly scan: BankScan;
  readonly selection: Selection;
  readonly captures: Captures;
  /** 1 for each slot written since the last save. */
  readonly dirty: Uint8Array;
}

/** Where each slot's row was saved: segment number (0: nowhere) and row in its file. */
interface Places {
  readonly segment: Uint32Array;
  readonly row: Uint32Array;
}

const STATE = 'state.bin';
/** Rows written together. */
const ROWS_A_WRITE = 256;

export class StateWriter {
  readonly #dir: string;
  #places: Places[] = [];
  #next = 1;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Takes over what `loadState` found. */
  continueFrom(places: Places[]): void {
    this.#places = places;
    this.#next = 1 + Math.max(0, ...places.map(({ segment }) => segment.reduce((a, b) => Math.max(a, b), 0)));
  }

  write(state: {
    banks: readonly SavedBank[];
    contexts: PackedContexts;
    choosing: boolean;
    progress: unknown;
    words: Uint32Array;
  }): void {
    mkdirSync(this.#dir, { recursive: true });
    const number = this.#next++;
    const kept = new Set<string>([STATE]);
    const arrays: Record<string, PackedArray> = {
      progress: encodeJson({ progress: state.progress, choosing: state.choosing }),
      words: state.words,
    };
    state.banks.forEach((bank, b) => {
      this.#places[b] ??= { segment: new Uint32Array(bank.dirty.length), row: new Uint32Array(bank.dirty.length) };
      const places = this.#places[b]!;
      if (this.#mostlyDead(places)) for (let s = 0; s < places.segment.length; s++) bank.dirty[s]! |= +(places.segment[s]! > 0);
      writeSegment(join(this.#dir, segmentName(b, number)), bank, places, number);
      bank.dirty.fill(0);
      for (const segment of new Set(places.segment)) kept.add(segmentName(b, segment));
      const add = (group: string, all: object): void => {
        for (const [name, array] of Object.entries(all)) arrays[`${b}.${group}.${name}`] = array as PackedArray;
      };
      add('statistics', bank.scan.statistics());
      add('selection', bank.selection.state());
      add('places', places);
      add('captures', { scales: bank.captures.scales, activations: bank.captures.activations });
    });
    const { names, ...integers } = state.contexts;
    for (const [name, array] of Object.entries(integers)) arrays[`contexts.${name}`] = array;
    arrays['names'] = encodeJson(names);
    const temporary = join(this.#dir, `${STATE}.new`);
    const file = openSync(temporary, 'w');
    try {
      for (const piece of packPieces(arrays)) writeAll(file, piece);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, join(this.#dir, STATE));
    for (const name of readdirSync(this.#dir)) if (!kept.has(name)) rmSync(join(this.#dir, name));
  }

  /** Whether more than half of the rows on disk belong to examples that were given up since. */
  #mostlyDead({ segment, row }: Places): boolean {
    const rows = new Map<number, number>();
    let live = 0;
    segment.forEach((number, s) => {
      if (number === 0) return;
      live++;
      rows.set(number, Math.max(rows.get(number) ?? 0, row[s]! + 1));
    });
    return [...rows.values()].reduce((sum, n) => sum + n, 0) > 2 * live;
  }
}

/** Puts saved state back. @returns what was given to `write`, or null when nothing is saved */
export function loadState(
  dir: string,
  banks: readonly SavedBank[],
  contexts: ContextStore,
): { progress: unknown; words: Uint32Array; choosing: boolean; segments: Places[] } | null {
  const path = join(dir, STATE);
  if (!existsSync(path)) return null;
  const arrays = unpack(readFileSync(path), path);
  const group = (prefix: string): Record<string, PackedArray> =>
    Object.fromEntries(
      Object.entries(arrays)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, array]) => [name.slice(prefix.length), array]),
    );
  try {
    const segments = banks.map((bank, b) => {
      bank.scan.restore(group(`${b}.statistics.`) as unknown as Statistics);
      bank.selection.restore(group(`${b}.selection.`));
      bank.captures.scales.set(arrays[`${b}.captures.scales`] as Float32Array);
      bank.captures.activations.set(arrays[`${b}.captures.activations`] as Float32Array);
      const { segment, row } = group(`${b}.places.`);
      const places = { segment: (segment as Uint32Array).slice(), row: (row as Uint32Array).slice() };
      readRows(dir, b, bank.captures, places);
      return places;
    });
    const names = decodeJson(arrays['names']!) as string[];
    contexts.restore({ ...group('contexts.'), names } as unknown as PackedContexts);
    const saved = decodeJson(arrays['progress']!) as { progress: unknown; choosing: boolean };
    return { ...saved, words: (arrays['words'] as Uint32Array).slice(), segments };
  } catch (error) {
    throw new PolysemeError(
      `${dir} holds a damaged state of this run (${(error as Error).message}): delete the folder to start again`,
    );
  }
}

function segmentName(bank: number, segment: number): string {
  return `rows-${bank}-${segment}.bin`;
}

/** Appends every dirty slot's row to a new segment file. */
function writeSegment(path: string, { captures, dirty }: SavedBank, places: Places, number: number): void {
  if (!dirty.includes(1)) return;
  const file = openSync(path, 'w');
  try {
    let row = 0;
    let pieces: Uint16Array[] = [];
    const flush = (): void => {
      const views = pieces.map((p) => new Uint8Array(p.buffer, p.byteOffset, p.byteLength));
      const wanted = views.reduce((sum, v) => sum + v.length, 0);
      const written = writevSync(file, views);
      if (written !== wanted) throw new PolysemeError(`${path}: only ${written} of ${wanted} bytes could be written: is the disk full?`);
      pieces = [];
    };
    for (let slot = 0; slot < dirty.length; slot++) {
      if (dirty[slot] === 0) continue;
      const views = captures.slot(slot);
      pieces.push(views.row, views.window);
      places.segment[slot] = number;
      places.row[slot] = row++;
      if (pieces.length === 2 * ROWS_A_WRITE) flush();
    }
    flush();
  } finally {
    closeSync(file);
  }
}

function readRows(dir: string, bank: number, captures: Captures, { segment, row }: Places): void {
  const size = 2 * (captures.width + captures.length);
  const files = new Map<number, number>();
  const buffer = new Uint8Array(size);
  const halves = new Uint16Array(buffer.buffer);
  try {
    for (let slot = 0; slot < segment.length; slot++) {
      const number = segment[slot]!;
      if (number === 0) continue;
      let file = files.get(number);
      if (file === undefined) {
        file = openSync(join(dir, segmentName(bank, number)), 'r');
        files.set(number, file);
      }
      if (readSync(file, buffer, 0, size, row[slot]! * size) !== size) {
        throw new Error(`${segmentName(bank, number)} ends before row ${row[slot]}`);
      }
      const views = captures.slot(slot);
      views.row.set(halves.subarray(0, captures.width));
      views.window.set(halves.subarray(captures.width));
    }
  } finally {
    for (const file of files.values()) closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, Math.min(bytes.length - at, 1 << 28));
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decodeJson(bytes: PackedArray): unknown {
  return JSON.parse(new TextDecoder().decode(bytes as Uint8Array));
}
