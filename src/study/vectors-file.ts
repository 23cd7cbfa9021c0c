import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { MAX_TRANSFER } from '../base/files.ts';
import { HALF_VALUES, toHalves } from '../base/half.ts';
import { type Codes, toCodes } from '../embed/codes.ts';
import { PolysemeError } from '../errors.ts';
import { inverseLength } from '../features/directions.ts';
import { type Dtype, readSafetensorsHeader, type TensorRef } from '../tensors/safetensors.ts';
import type { TensorData } from '../tensors/write-safetensors.ts';
import type { UnitVectors } from './unit-vectors.ts';

/** `embedding`: the mean unit neuron embedding; `input`: the central example's h, scaled to length 1. */
export const VECTOR_KINDS = ['embedding', 'input'] as const;
export type VectorKind = (typeof VECTOR_KINDS)[number];

/** The features of a bank, one a row, by unit and feature id. */
export interface BankVectors {
  readonly bank: string;
  /** Dimension d. */
  readonly width: number;
  /** Of each row, its unit and its feature's id. */
  readonly units: Uint32Array;
  readonly features: Uint32Array;
  /** Ids of the contexts of each feature's examples, as in `UnitVectors`. */
  readonly contexts: Uint32Array;
  readonly contextEnds: Uint32Array;
  /** `count` rows from `first` on, as they were computed, in half precision. */
  vectors(kind: VectorKind, first: number, count: number): Float32Array;
  /** The directions of all rows (their vectors at length 1) as bytes. */
  codes(kind: VectorKind): Codes;
}

/** What a file must be of. */
export interface VectorsOf {
  readonly bank: string;
  readonly units: number;
  readonly width: number;
  readonly contentHash: string;
}

/** Of the files' layout: another one is not read. */
const VERSION = '2';
/** Its tensors, in the order in which the digest takes them. */
const TENSORS = [
  'unit',
  'feature',
  'contexts',
  'contextEnd',
  ...VECTOR_KINDS.flatMap((kind) => [kind, `${kind}.codes`, `${kind}.scale`]),
];
/** Bytes that are read at a time for the digest. */
const CHUNK = 8 << 20;

/** What a file says that it is of. */
function vectorsMetadata({ bank, contentHash }: VectorsOf): Record<string, string> {
  return { bank, contentHash, version: VERSION };
}

type Part = Uint32Array | Float32Array | Uint16Array | Int8Array;

/** Collects the vectors of a bank's units, in their order, as the tensors of its file. */
export class VectorTensors {
  readonly #of: VectorsOf;
  readonly #parts = new Map<string, Part[]>();
  #contexts = 0;
  #digest = '';

  constructor(of: VectorsOf) {
    this.#of = of;
  }

  add(unit: number, found: UnitVectors): void {
    const { count, means, inputs, contexts, contextEnds } = found;
    const before = this.#contexts;
    this.#contexts += contexts.length;
    this.#push('unit', new Uint32Array(count).fill(unit));
    this.#push(
      'feature',
      Uint32Array.from({ length: count }, (_, feature) => feature),
    );
    this.#push('contexts', contexts);
    this.#push(
      'contextEnd',
      contextEnds.map((end) => before + end),
    );
    this.#vectors('embedding', means);
    this.#vectors('input', inputs);
  }

  tensors(): Record<string, TensorData> {
    const { width } = this.#of;
    const tensors: Record<string, TensorData> = {};
    for (const [name, parts] of this.#parts) {
      const data = joined(parts);
      const isMatrix = data instanceof Uint16Array || data instanceof Int8Array;
      const shape = isMatrix ? [data.length / width, width] : [data.length];
      tensors[name] = data instanceof Uint16Array ? { data, shape, dtype: 'F16' } : { data, shape };
    }
    this.#digest = digestOf((name) => {
      const { data } = tensors[name]!;
      return [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
    });
    return tensors;
  }

  /** What the file says of itself; once `tensors` were made. */
  metadata(): Record<string, string> {
    return { ...vectorsMetadata(this.#of), digest: this.#digest };
  }

  #vectors(kind: VectorKind, rows: Float32Array): void {
    const { width } = this.#of;
    const unit = Float32Array.from(rows);
    for (let start = 0; start < rows.length; start += width) {
      const scale = inverseLength(rows, start, width);
      for (let k = start; k < start + width; k++) unit[k]! *= scale;
    }
    const { codes, scales } = toCodes(unit, width);
    this.#push(kind, toHalves(rows));
    this.#push(`${kind}.codes`, codes);
    this.#push(`${kind}.scale`, scales);
  }

  #push(name: string, part: Part): void {
    const parts = this.#parts.get(name);
    if (parts === undefined) this.#parts.set(name, [part]);
    else parts.push(part);
  }
}

/** A digest of all tensors. */
function digestOf(bytes: (tensor: string) => Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const name of TENSORS) for (const chunk of bytes(name)) hash.update(chunk);
  return hash.digest('hex');
}

function joined(parts: readonly Part[]): Part {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const data = new (parts[0]!.constructor as new (length: number) => Part)(length);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return data;
}

/** A bank's file, open for reading: small arrays are in memory, rows are read when they are asked for. */
export class VectorsFile implements BankVectors {
  readonly bank: string;
  readonly width: number;
  readonly units: Uint32Array;
  readonly features: Uint32Array;
  readonly contexts: Uint32Array;
  readonly contextEnds: Uint32Array;
  readonly #path: string;
  readonly #tensors: ReadonlyMap<string, TensorRef>;
  readonly #file: number;

  private constructor(path: string, file: number, of: VectorsOf, tensors: ReadonlyMap<string, TensorRef>) {
    this.bank = of.bank;
    this.width = of.width;
    this.#path = path;
    this.#tensors = tensors;
    this.#file = file;
    const count = tensors.get('unit')?.shape[0] ?? 0;
    const rows = [count, of.width];
    for (const kind of VECTOR_KINDS) {
      this.#check(kind, 'F16', rows);
      this.#check(`${kind}.codes`, 'I8', rows);
      this.#check(`${kind}.scale`, 'F32', [count]);
    }
    this.units = this.#numbers('unit', count);
    this.features = this.#numbers('feature', count);
    this.contextEnds = this.#numbers('contextEnd', count);
    this.contexts = this.#numbers('contexts', tensors.get('contexts')?.shape[0] ?? 0);
    this.#checkOrder(of.units);
  }

  /**
   * Opens a bank's file.
   * @throws PolysemeError where it is none, damaged, or of something else
   */
  static async open(path: string, of: VectorsOf): Promise<VectorsFile> {
    const { file, tensors, metadata } = await readSafetensorsHeader(path);
    const expected = vectorsMetadata(of);
    const other = Object.keys(expected).find((name) => metadata[name] !== expected[name]);
    if (other !== undefined) {
      throw new PolysemeError(
        `${path}: its ${other} is ${metadata[other]}, not ${expected[other]}`,
        'damaged',
      );
    }
    const opened = openSync(file, 'r');
    try {
      const found = new VectorsFile(path, opened, of, tensors);
      const digest = digestOf((name) => found.#bytes(name));
      if (digest !== metadata['digest']) throw found.#damaged('its digest is another');
      return found;
    } catch (error) {
      closeSync(opened);
      throw error;
    }
  }

  vectors(kind: VectorKind, first: number, count: number): Float32Array {
    const halves = new Uint16Array(this.#read(kind, first * this.width, count * this.width));
    return Float32Array.from(halves, (half) => HALF_VALUES[half]!);
  }

  codes(kind: VectorKind): Codes {
    const count = this.units.length;
    return {
      codes: new Int8Array(this.#read(`${kind}.codes`, 0, count * this.width)),
      scales: new Float32Array(this.#read(`${kind}.scale`, 0, count)),
    };
  }

  close(): void {
    closeSync(this.#file);
  }

  #numbers(name: string, count: number): Uint32Array {
    this.#check(name, 'U32', [count]);
    return new Uint32Array(this.#read(name, 0, count));
  }

  /** `count` elements of a tensor, from the element `first` on. */
  #read(name: string, first: number, count: number): ArrayBuffer {
    const { offset, length, shape } = this.#tensors.get(name)!;
    const size = length / shape.reduce((product, n) => product * n, 1) || 1;
    const bytes = new Uint8Array(count * size);
    for (let at = 0; at < bytes.length; ) {
      const part = Math.min(bytes.length - at, MAX_TRANSFER);
      const read = readSync(this.#file, bytes, at, part, offset + first * size + at);
      if (read === 0) throw this.#damaged(`it ends within ${name}`);
      at += read;
    }
    return bytes.buffer;
  }

  *#bytes(name: string): Generator<Uint8Array> {
    const { length, shape } = this.#tensors.get(name)!;
    const count = shape.reduce((product, n) => product * n, 1);
    const size = length / count || 1;
    const step = Math.max(1, Math.floor(CHUNK / size));
    for (let first = 0; first < count; first += step) {
      yield new Uint8Array(this.#read(name, first, Math.min(step, count - first)));
    }
  }

  #check(name: string, dtype: Dtype, shape: readonly number[]): void {
    const found = this.#tensors.get(name);
    const isRight = found?.dtype === dtype && found.shape.length === shape.length;
    if (isRight && found.shape.every((size, i) => size === shape[i])) return;
    throw this.#damaged(`${name} is ${found?.dtype} [${found?.shape}], not ${dtype} [${shape}]`);
  }

  #checkOrder(units: number): void {
    const { length } = this.units;
    for (let row = 0; row < length; row++) {
      const [unit, feature, end] = [this.units[row]!, this.features[row]!, this.contextEnds[row]!];
      const isFirst = row === 0 || this.units[row - 1]! < unit;
      const follows = row > 0 && this.units[row - 1] === unit && this.features[row - 1] === feature - 1;
      if (unit >= units || !(isFirst ? feature === 0 : follows))
        throw this.#damaged(`row ${row} is out of order`);
      if (end < (this.contextEnds[row - 1] ?? 0))
        throw this.#damaged(`the contexts of row ${row} end before they begin`);
    }
    if ((this.contextEnds[length - 1] ?? 0) !== this.contexts.length)
      throw this.#damaged('contexts are left over');
  }

  #damaged(what: string): PolysemeError {
    return new PolysemeError(`${this.#path} is damaged: ${what}`, 'damaged');
  }
}
