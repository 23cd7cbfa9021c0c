import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { writeAllSync, writeWhole } from '../base/files.ts';
import { type PackedArray, packPieces, unpack } from '../base/pack.ts';
import { sealed, unsealed } from '../base/sealed.ts';
import { PolysemeError } from '../errors.ts';
import type { Captures } from './captures.ts';
import type { ContextStore, PackedContexts } from './context-table.ts';
import { SavedRows } from './saved-rows.ts';
import type { BankScan } from './scan.ts';
import type { Selection } from './selection.ts';
import type { TapInputs } from './tap-inputs.ts';

/** A bank's part of a harvest's state. */
export interface SavedBank {
  readonly name: string;
  readonly scan: BankScan;
  readonly selection: Selection;
  readonly maxima: Float32Array;
  readonly sinks: Float64Array;
  /** Of a mixture. */
  readonly routed: Float64Array | null;
  readonly captures: Captures;
  readonly inputs: TapInputs;
}

/** What is saved of a collector. */
interface Saved {
  readonly banks: readonly SavedBank[];
  readonly contexts: ContextStore;
  state(): { tokens: Uint32Array };
  restore(saved: { tokens: Uint32Array }): void;
}

/**
 * The state of some banks on disk, so that a killed harvest goes on. Save n adds files and changes none:
 * rows and windows go to files that later saves refer to, all else to a state file. Only when the harvest
 * has committed save n (see commitProgress) are files that it does not need removed.
 */
export class StateWriter {
  readonly #dir: string;
  readonly #banks: readonly SavedBank[];
  readonly #saved: Saved;
  readonly #inputs: readonly { readonly inputs: TapInputs; readonly files: SavedRows }[];
  readonly #windows: readonly SavedRows[];

  constructor(dir: string, saved: Saved) {
    const { banks } = saved;
    this.#dir = dir;
    this.#banks = banks;
    this.#saved = saved;
    // A store is named after the first bank that reads it: another thread may have one of the same tap.
    const names = new Map<TapInputs, string>();
    for (const { name, inputs } of banks) if (!names.has(inputs)) names.set(inputs, fileName(name));
    this.#inputs = [...names].map(([inputs, name]) => ({
      inputs,
      files: new SavedRows(dir, `rows-${name}`, inputs.store.table),
    }));
    this.#windows = banks.map(
      ({ name, captures }) => new SavedRows(dir, `windows-${fileName(name)}`, captures.windows),
    );
  }

  write(number: number): void {
    mkdirSync(this.#dir, { recursive: true });
    const { names, labels, ...integers } = this.#saved.contexts.pack();
    const arrays: Record<string, PackedArray> = { names: encodeJson({ names, labels }) };
    const add = (group: string, all: object): void => {
      for (const [name, array] of Object.entries(all)) arrays[`${group}.${name}`] = array as PackedArray;
    };
    add('contexts', integers);
    add('collector', this.#saved.state());
    this.#inputs.forEach(({ inputs, files }, s) => {
      files.write(number);
      add(`${s}.store`, inputs.store.state());
      add(`${s}.sums`, inputs.sums.state());
      add(`${s}.nulls`, inputs.nulls.state());
      add(`${s}.rows`, files.state());
    });
    this.#banks.forEach((bank, b) => {
      const windows = this.#windows[b]!;
      windows.write(number);
      add(`${b}.windows`, windows.state());
      add(`${b}.statistics`, bank.scan.state());
      add(`${b}.selection`, bank.selection.state());
      const { maxima, sinks, routed } = bank;
      add(`${b}.limits`, { maxima, sinks, ...(routed && { routed }) });
      add(`${b}.captures`, bank.captures.state());
    });
    writePacked(join(this.#dir, this.#stateName(number)), arrays);
  }

  /** Puts the state of save `number` back. */
  load(number: number): void {
    const path = join(this.#dir, this.#stateName(number));
    try {
      const arrays = unpack(unsealed(readFileSync(path)), path);
      const group = <T>(prefix: string): T => groupOf(arrays, prefix) as T;
      this.#inputs.forEach(({ inputs, files }, s) => {
        inputs.store.restore(group(`${s}.store`));
        inputs.sums.restore(group(`${s}.sums`));
        inputs.nulls.restore(group(`${s}.nulls`));
        files.load(group(`${s}.rows`));
      });
      this.#banks.forEach((bank, b) => {
        this.#windows[b]!.load(group(`${b}.windows`));
        bank.scan.restore(group(`${b}.statistics`));
        bank.selection.restore(group(`${b}.selection`));
        const limits = group<{ maxima: Float32Array; sinks: Float64Array; routed?: Float64Array }>(
          `${b}.limits`,
        );
        bank.maxima.set(limits.maxima);
        bank.sinks.set(limits.sinks);
        if (limits.routed !== undefined) bank.routed?.set(limits.routed);
        bank.captures.restore(group(`${b}.captures`));
      });
      this.#saved.restore(group('collector'));
      const texts = decodeJson(arrays['names']!) as Pick<PackedContexts, 'names' | 'labels'>;
      this.#saved.contexts.restore({ ...group<PackedContexts>('contexts'), ...texts });
    } catch (error) {
      throw damaged(this.#dir, error);
    }
  }

  keepOnly(number: number): void {
    const tables = [...this.#inputs.map(({ files }) => files), ...this.#windows];
    const kept = new Set([this.#stateName(number), ...tables.flatMap((files) => [...files.files()])]);
    const own = new Set([this.#stateName(0), ...tables.map((files) => files.fileName(0))].map(stem));
    for (const name of readdirSync(this.#dir)) {
      if (own.has(stem(name)) && !kept.has(name)) rmSync(join(this.#dir, name));
    }
  }

  #stateName(number: number): string {
    return `state-${fileName(this.#banks[0]!.name)}-${number}.bin`;
  }
}

const PROGRESS = 'progress.bin';

/** What a harvest says of save `number` once all of its parts are written. */
export interface SavedProgress<T> {
  readonly number: number;
  readonly progress: T;
  /** The corpus's word counts, and the state of the sample of its text. */
  readonly words: Uint32Array;
  readonly sample: Readonly<Record<string, PackedArray>>;
  /** Digests of the documents that were read. */
  readonly digests: Uint32Array;
}

/** Makes save `number` the one that a later run goes on from. */
export async function commitProgress<T>(
  dir: string,
  { number, progress, words, sample, digests }: SavedProgress<T>,
): Promise<void> {
  const sampled = Object.fromEntries(
    Object.entries(sample).map(([name, array]) => [`sample.${name}`, array]),
  );
  const pieces = packPieces({ progress: encodeJson({ number, progress }), words, digests, ...sampled });
  await writeWhole(join(dir, PROGRESS), sealed(pieces));
}

export function loadProgress<T>(dir: string): SavedProgress<T> | null {
  const path = join(dir, PROGRESS);
  if (!existsSync(path)) return null;
  try {
    const arrays = unpack(unsealed(readFileSync(path)), path);
    return {
      ...(decodeJson(arrays['progress']!) as { number: number; progress: T }),
      words: (arrays['words'] as Uint32Array).slice(),
      sample: groupOf(arrays, 'sample'),
      digests: (arrays['digests'] as Uint32Array).slice(),
    };
  } catch (error) {
    throw damaged(dir, error);
  }
}

/** The arrays named `prefix.NAME`, by that name. */
function groupOf(arrays: Readonly<Record<string, PackedArray>>, prefix: string): Record<string, PackedArray> {
  return Object.fromEntries(
    Object.entries(arrays)
      .filter(([name]) => name.startsWith(`${prefix}.`))
      .map(([name, array]) => [name.slice(prefix.length + 1), array]),
  );
}

function writePacked(path: string, arrays: Record<string, PackedArray>): void {
  const file = openSync(path, 'w');
  try {
    writeAllSync(file, sealed(packPieces(arrays)));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
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
    'damaged',
  );
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decodeJson(bytes: PackedArray): unknown {
  return JSON.parse(new TextDecoder().decode(bytes as Uint8Array));
}
