import { crc32, createInflateRaw } from 'node:zlib';
import { PolysemeError } from '../errors.ts';
import type { RandomFile } from './random-file.ts';

/** Most entries of an archive: one a tensor and a few more. */
const MAX_ENTRIES = 8192;
/** Most bytes of the central directory. */
const MAX_DIRECTORY = 4 * 2 ** 20;
/** Deflate cannot shrink by more than this. */
const MAX_RATIO = 1032;
/** Bytes of the end record with the longest comment. */
const MAX_END = 22 + 65535;
/** Bytes of compressed data read at a time. */
const CHUNK = 2 ** 20;
/** The writer makes no zip64 archives. */
const MAX_WRITTEN = 2 ** 32 - 2 ** 20;

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const STORED = 0;
const DEFLATED = 8;

export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly compressed: number;
  readonly deflated: boolean;
  readonly crc: number;
  readonly header: number;
}

/** Reads a zip archive's directory (stored and deflated entries, zip64): name → entry. */
export async function readZip(file: RandomFile): Promise<ReadonlyMap<string, ZipEntry>> {
  const { offset, length, count } = await findDirectory(file);
  if (count > MAX_ENTRIES || length > MAX_DIRECTORY || offset + length > file.size) {
    throw damaged(file, `its directory claims ${count} entries in ${length} bytes at ${offset}`);
  }
  const bytes = await file.bytes(offset, length);
  const view = new DataView(bytes.buffer);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0, i = 0; i < count; i++) {
    if (at + 46 > length || view.getUint32(at, true) !== CENTRAL) {
      throw damaged(file, `entry ${i} of its directory is not one`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const end = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (end > length) throw damaged(file, `entry ${i} of its directory is cut off`);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const method = view.getUint16(at + 10, true);
    if ((view.getUint16(at + 8, true) & 1) !== 0) throw damaged(file, `entry ${name} is encrypted`);
    if (method !== STORED && method !== DEFLATED) {
      throw damaged(file, `entry ${name} is compressed by method ${method}; only deflate can be read`);
    }
    const wide = zip64Reader(view, at + 46 + nameLength, extraLength);
    const size = wide(view.getUint32(at + 24, true));
    const compressed = wide(view.getUint32(at + 20, true));
    const header = wide(view.getUint32(at + 42, true));
    const deflated = method === DEFLATED;
    if (header + compressed > file.size || (deflated ? size > compressed * MAX_RATIO : size !== compressed)) {
      throw damaged(file, `entry ${name} claims ${size} bytes from ${compressed} at ${header}`);
    }
    if (entries.has(name)) throw damaged(file, `entry ${name} is there twice`);
    entries.set(name, { name, size, compressed, deflated, crc: view.getUint32(at + 16, true), header });
    at = end;
  }
  return entries;
}

/** Where an entry's data begins in the file. */
export async function dataOffset(file: RandomFile, entry: ZipEntry): Promise<number> {
  const bytes = await file.bytes(entry.header, 30);
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, true) !== LOCAL) throw damaged(file, `entry ${entry.name} has no local header`);
  const offset = entry.header + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  if (offset + entry.compressed > file.size) throw damaged(file, `entry ${entry.name} runs past its end`);
  return offset;
}

/** Reads all of an entry and compares its checksum. @throws PolysemeError damaged where it differs */
export async function checkEntry(file: RandomFile, entry: ZipEntry): Promise<void> {
  const content = await openEntry(file, entry, { check: true });
  for (let at = 0; at < entry.size; at += CHUNK) await content.bytes(at, Math.min(CHUNK, entry.size - at));
}

/**
 * An entry as a file of its own, which can be read from front to back (deflated) or anywhere (stored).
 * @param check compare the checksum when the last byte has been read in order
 */
export async function openEntry(
  file: RandomFile,
  entry: ZipEntry,
  { check = false }: { check?: boolean } = {},
): Promise<Pick<RandomFile, 'label' | 'size' | 'readInto' | 'bytes'>> {
  const start = await dataOffset(file, entry);
  const label = `${file.label} (${entry.name})`;
  const source = entry.deflated ? inflate(file, entry, start) : undefined;
  let position = 0;
  let crc = 0;
  const readInto = async (target: Uint8Array, from: number): Promise<void> => {
    if (from + target.length > entry.size) {
      throw damaged(
        file,
        `entry ${entry.name} holds ${entry.size} bytes, ${from + target.length} are needed`,
      );
    }
    if (source === undefined) await file.readInto(target, start + from);
    else if (from === position) await source.fill(target);
    else throw new Error(`a deflated entry is read in order: at ${position}, asked for ${from}`);
    if (from !== position) return;
    position += target.length;
    if (!check) return;
    crc = crc32(target, crc);
    if (position === entry.size && crc !== entry.crc) {
      throw damaged(file, `entry ${entry.name} does not match its checksum`);
    }
  };
  return {
    label,
    size: entry.size,
    readInto,
    async bytes(from, length) {
      const target = new Uint8Array(Math.min(length, Math.max(0, entry.size - from)));
      if (target.length < length) throw damaged(file, `entry ${entry.name} ends at byte ${entry.size}`);
      await readInto(target, from);
      return target;
    },
  };
}

/**
 * The bytes of an archive of stored entries, piece by piece. Data begins at multiples of 64, as torch's
 * and NumPy's readers map it.
 */
export function* writeZip(
  entries: readonly { name: string; data: readonly Uint8Array[] }[],
): Generator<Uint8Array> {
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, data } of entries) {
    const size = data.reduce((sum, piece) => sum + piece.length, 0);
    if (at + size > MAX_WRITTEN) {
      throw new PolysemeError(
        `an archive of more than 4 GiB cannot be written (entry ${name}); choose the format saelens`,
        'unsupported',
      );
    }
    const label = new TextEncoder().encode(name);
    const padding = (64 - ((at + 30 + label.length + 4) % 64)) % 64;
    const crc = data.reduce((sum, piece) => crc32(piece, sum), 0);
    const local = record(LOCAL, 30 + label.length + 4 + padding);
    local.set16(4, 20).set16(12, 0x21).set32(14, crc).set32(18, size).set32(22, size);
    local.set16(26, label.length).set16(28, 4 + padding);
    local.bytes.set(label, 30);
    // An extra field of padding, under the id that torch uses for it.
    local.set16(30 + label.length, 0x4246).set16(32 + label.length, padding);
    yield local.bytes;
    yield* data;
    const central = record(CENTRAL, 46 + label.length);
    central.set16(4, 20).set16(6, 20).set16(14, 0x21).set32(16, crc).set32(20, size).set32(24, size);
    central.set16(28, label.length).set32(42, at);
    central.bytes.set(label, 46);
    directory.push(central.bytes);
    at += local.bytes.length + size;
  }
  yield* directory;
  const end = record(END, 22);
  end.set16(8, entries.length).set16(10, entries.length);
  end
    .set32(
      12,
      directory.reduce((sum, { length }) => sum + length, 0),
    )
    .set32(16, at);
  yield end.bytes;
}

async function findDirectory(file: RandomFile): Promise<{ offset: number; length: number; count: number }> {
  const tail = await file.bytes(Math.max(0, file.size - MAX_END), Math.min(file.size, MAX_END));
  const view = new DataView(tail.buffer);
  let end = tail.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) throw damaged(file, 'its end record is missing');
  const directory = {
    count: view.getUint16(end + 10, true),
    length: view.getUint32(end + 12, true),
    offset: view.getUint32(end + 16, true),
  };
  if (directory.count !== 0xffff && directory.length !== 0xffffffff && directory.offset !== 0xffffffff)
    return directory;
  if (end < 20 || view.getUint32(end - 20, true) !== LOCATOR64) return directory;
  const at = Number(view.getBigUint64(end - 12, true));
  if (at + 56 > file.size) throw damaged(file, `its zip64 end record claims to be at ${at}`);
  const wide = new DataView((await file.bytes(at, 56)).buffer);
  if (wide.getUint32(0, true) !== END64) throw damaged(file, 'its zip64 end record is missing');
  return {
    count: Number(wide.getBigUint64(32, true)),
    length: Number(wide.getBigUint64(40, true)),
    offset: Number(wide.getBigUint64(48, true)),
  };
}

/** Takes 32-bit fields in the directory's order; one that is all ones is found in the zip64 extra field. */
function zip64Reader(view: DataView, start: number, length: number): (value: number) => number {
  let at = -1;
  for (let i = start; i + 4 <= start + length; i += 4 + view.getUint16(i + 2, true)) {
    if (view.getUint16(i, true) === 1) at = i + 4;
  }
  return (value) => {
    if (value !== 0xffffffff || at < 0 || at + 8 > start + length) return value;
    at += 8;
    return Number(view.getBigUint64(at - 8, true));
  };
}

function inflate(
  file: RandomFile,
  entry: ZipEntry,
  start: number,
): { fill(target: Uint8Array): Promise<void> } {
  async function* compressed(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < entry.compressed; at += CHUNK) {
      yield file.bytes(start + at, Math.min(CHUNK, entry.compressed - at));
    }
  }
  async function* plain(): AsyncGenerator<Uint8Array> {
    const stream = createInflateRaw({ chunkSize: CHUNK });
    const feeding = (async () => {
      for await (const piece of compressed()) {
        if (stream.destroyed) return;
        if (!stream.write(piece)) {
          await new Promise<void>((resolve) => {
            stream.once('drain', resolve);
            stream.once('close', resolve);
          });
        }
      }
      stream.end();
    })();
    feeding.catch((error) => stream.destroy(error));
    yield* stream;
  }
  const pieces = plain();
  let rest: Uint8Array = new Uint8Array(0);
  return {
    async fill(target) {
      for (let at = 0; at < target.length; ) {
        if (rest.length === 0) {
          const next = await pieces.next().catch((error) => {
            throw damaged(file, `entry ${entry.name} cannot be inflated (${error.message})`);
          });
          if (next.done === true)
            throw damaged(file, `entry ${entry.name} ends before its ${entry.size} bytes`);
          rest = next.value;
        }
        const count = Math.min(rest.length, target.length - at);
        target.set(rest.subarray(0, count), at);
        rest = rest.subarray(count);
        at += count;
      }
    },
  };
}

function record(signature: number, length: number) {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  const writer = {
    bytes,
    set16(at: number, value: number) {
      view.setUint16(at, value, true);
      return writer;
    },
    set32(at: number, value: number) {
      view.setUint32(at, value, true);
      return writer;
    },
  };
  return writer;
}

function damaged(file: { label: string }, fault: string): PolysemeError {
  return new PolysemeError(`${file.label}: not a whole zip archive: ${fault}; fetch it again`, 'damaged');
}
