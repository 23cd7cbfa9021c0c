import { readSync } from 'node:fs';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { PolysemeError } from '../errors.ts';

/** A field of a protocol-buffers message in a file: a number, or the range that its bytes lie in. */
export interface Field {
  readonly number: number;
  /** Varints as signed 64-bit, rounded; else 0. */
  readonly value: number;
  /** First byte in the file, and the one after the last; equal for numbers. */
  readonly start: number;
  readonly end: number;
  readonly isRange: boolean;
}

/** Bytes read at a time: tensors are skipped, and what stands between them is small. */
const WINDOW = 1 << 16;
/** Bytes of a tag and a varint, the longest that there are. */
const MAX_FIELD_HEAD = 15;

/**
 * A file of protocol-buffers messages, walked where it lies: nothing is held but what is asked for, so that a file of
 * gigabytes costs what its names and shapes cost.
 */
export class WireFile {
  readonly size: number;
  readonly #fd: number;
  readonly #label: string;
  readonly #limit: number;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  #held = 0;

  /** @param limit bytes that may be taken from the file in all */
  constructor(fd: number, size: number, label: string, limit: number) {
    this.#fd = fd;
    this.size = size;
    this.#label = label;
    this.#limit = limit;
  }

  /** The fields of the message from `start` to before `end`; a length that lies is an error. */
  *fields(start: number, end: number): Generator<Field, void, undefined> {
    for (let at = start; at < end; ) {
      const head = this.#bytes(at, Math.min(MAX_FIELD_HEAD, end - at));
      const reader = new BinaryReader(head);
      const field = this.#read(reader, at);
      if (field.end > end || field.end < at) {
        throw this.damaged(
          `a field at byte ${at} claims ${field.end - field.start} bytes where ${Math.max(0, end - field.start)} are left`,
        );
      }
      yield field;
      at = field.end;
    }
  }

  /** A copy of the bytes of a range. */
  take({ start, end }: Pick<Field, 'start' | 'end'>): Uint8Array {
    this.#held += end - start;
    if (this.#held > this.#limit) {
      throw new PolysemeError(
        `${this.#label}: its graph without the weights has more than ${this.#limit} bytes (limit)`,
      );
    }
    return this.#bytes(start, end - start).slice();
  }

  text(field: Field): string {
    const bytes = this.take(field);
    try {
      return UTF8.decode(bytes);
    } catch {
      throw this.damaged(`a name at byte ${field.start} is not UTF-8`);
    }
  }

  /** The numbers of a repeated integer: one, or packed ones. */
  integers(field: Field): number[] {
    if (!field.isRange) return [field.value];
    const reader = new BinaryReader(this.take(field));
    const values: number[] = [];
    try {
      while (reader.pos < reader.len) values.push(Number(reader.int64()));
    } catch {
      throw this.damaged(`the numbers at byte ${field.start} are cut off`);
    }
    return values;
  }

  /** The numbers of a repeated float: one, or packed ones. */
  floats(field: Field): number[] {
    return Array.from(new Float32Array(this.#whole(field, 4)));
  }

  /** The numbers of a repeated double: one, or packed ones. */
  doubles(field: Field): number[] {
    return Array.from(new Float64Array(this.#whole(field, 8)));
  }

  damaged(why: string): PolysemeError {
    return new PolysemeError(
      `${this.#label} is no ONNX file, or is damaged (${why}): fetch or export it again`,
      'damaged',
    );
  }

  #whole(field: Field, size: number): ArrayBuffer {
    const { buffer, length } = this.take(field);
    if (length % size !== 0) throw this.damaged(`the numbers at byte ${field.start} are cut off`);
    return buffer as ArrayBuffer;
  }

  #read(reader: BinaryReader, at: number): Field {
    try {
      const [number, wire] = reader.tag();
      switch (wire) {
        case WireType.Varint: {
          const value = Number(reader.int64());
          return field(number, value, at + reader.pos, at + reader.pos, false);
        }
        case WireType.Bit32:
          return field(number, 0, at + reader.pos, at + reader.pos + 4, true);
        case WireType.Bit64:
          return field(number, 0, at + reader.pos, at + reader.pos + 8, true);
        case WireType.LengthDelimited: {
          const length = Number(reader.uint64());
          return field(number, 0, at + reader.pos, at + reader.pos + length, true);
        }
        default:
          throw new Error('groups');
      }
    } catch {
      throw this.damaged(`no field can be read at byte ${at} of ${this.size}`);
    }
  }

  /** A view of the file's bytes, until the next call. */
  #bytes(at: number, length: number): Uint8Array {
    const from = at - this.#start;
    if (from >= 0 && from + length <= this.#window.length) return this.#window.subarray(from, from + length);
    const window = new Uint8Array(Math.min(Math.max(WINDOW, length), this.size - at));
    for (let done = 0; done < window.length; ) {
      const got = readSync(this.#fd, window, done, window.length - done, at + done);
      if (got === 0) throw this.damaged(`it ends at byte ${at + done}`);
      done += got;
    }
    this.#window = window;
    this.#start = at;
    return window.subarray(0, length);
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function field(number: number, value: number, start: number, end: number, isRange: boolean): Field {
  return { number, value, start, end, isRange };
}
