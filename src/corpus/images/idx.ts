import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PolysemeError } from '../../errors.ts';
import { type Input, readBytes } from '../input.ts';
import { checkSize, type Image } from './image.ts';
import type { ImagePart } from './image-corpus.ts';

/** Images of one idx file. */
const COUNT_LIMIT = 1 << 24;
/** Bytes of one image, and of a file of labels. */
const IMAGE_BYTES = 1 << 27;
const LABEL_BYTES = COUNT_LIMIT + 8;

/** `…-images-idx3-ubyte`, `…-images.idx3-ubyte`, each also with `.gz`. */
const IMAGES = /images[-.]idx3-ubyte(\.gz)?$/;

/** Whether a name is that of a file of images in the idx format, as MNIST's are. */
export function isIdxName(name: string): boolean {
  return IMAGES.test(name);
}

interface Header {
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/**
 * The images of an idx file (unsigned bytes, [count, height, width]), with the labels that lie beside it: the same name
 * with `labels` and `idx1`. The header is read at once.
 */
export async function idxImages(path: string, name: string): Promise<ImagePart> {
  const open = (): Input => ({ path, name, gzip: path.endsWith('.gz'), read: 0 });
  const header = await readHeader(open());
  const { count, height, width } = header;
  const labels = await readLabels(path, count);
  return {
    count,
    async *images(from) {
      let number = from;
      for await (const data of blocks(open(), 16 + from * height * width, height * width)) {
        if (number === count) throw lies(name, header, 'more');
        const image: Image = { width, height, channels: 1, data };
        yield { name: `${name}:${number}`, label: labels?.[number] ?? null, load: async () => image };
        number++;
      }
      if (number < count) throw lies(name, header, 'fewer');
    },
    async check(fits) {
      fits({ width, height }, name);
      let bytes = 0;
      for await (const chunk of readBytes(open())) bytes += chunk.length;
      const asked = 16 + count * height * width;
      if (bytes !== asked) throw lies(name, header, `${bytes - 16}`);
    },
  };
}

function lies(name: string, { count, height, width }: Header, found: string): PolysemeError {
  return new PolysemeError(
    `${name}: its header says ${count} images of ${width} × ${height}, ${count * height * width} bytes, but ${found} follow: it is cut off, or no idx file`,
    'damaged',
  );
}

async function readHeader(input: Input): Promise<Header> {
  const { name } = input;
  const head = await firstBytes(input, 16);
  const fail = (what: string): never => {
    throw new PolysemeError(
      `${name}: ${what}; it is no idx file of images (unsigned bytes, 3 dimensions)`,
      'damaged',
    );
  };
  if (head.length < 16) fail(`it has ${head.length} bytes`);
  const magic = head.readUInt32BE(0);
  if (magic !== 0x0803) fail(`it begins with 0x${magic.toString(16).padStart(8, '0')}, not 0x00000803`);
  const [count, height, width] = [4, 8, 12].map((at) => head.readUInt32BE(at)) as [number, number, number];
  if (count < 1 || count > COUNT_LIMIT) fail(`its header says ${count} images (1 to ${COUNT_LIMIT})`);
  checkSize({ width, height }, name);
  if (width * height > IMAGE_BYTES) fail(`its images have ${width * height} bytes`);
  return { count, height, width };
}

/** The labels beside a file of images, by number; null where there are none. */
async function readLabels(path: string, count: number): Promise<string[] | null> {
  const name = basename(path).replace(/images([-.])idx3/, 'labels$1idx1');
  const other = name.endsWith('.gz') ? name.slice(0, -3) : `${name}.gz`;
  const found = [name, other].map((file) => join(dirname(path), file)).find((file) => existsSync(file));
  if (found === undefined) return null;
  const input = { path: found, name: basename(found), gzip: found.endsWith('.gz'), read: 0 };
  const bytes = await firstBytes(input, LABEL_BYTES + 1);
  const said = bytes.length >= 8 ? bytes.readUInt32BE(4) : 0;
  if (bytes.length < 8 || bytes.readUInt32BE(0) !== 0x0801 || bytes.length !== 8 + said) {
    throw new PolysemeError(
      `${input.name}: its header says ${said} labels, but ${Math.max(0, bytes.length - 8)} follow: it is cut off, or no idx file of labels`,
      'damaged',
    );
  }
  if (said !== count) {
    throw new PolysemeError(
      `${input.name}: has ${said} labels, but ${basename(path)} has ${count} images`,
      'damaged',
    );
  }
  return Array.from(bytes.subarray(8), String);
}

async function firstBytes(input: Input, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of readBytes(input)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= count) break;
  }
  return Buffer.concat(chunks).subarray(0, count);
}

/** The bytes from an offset on in blocks of one size; a part of one at the end is left out. */
async function* blocks(input: Input, from: number, size: number): AsyncGenerator<Uint8Array> {
  let block = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of readBytes(input, from)) {
    for (let at = 0; at < chunk.length; ) {
      const take = Math.min(size - filled, chunk.length - at);
      block.set(chunk.subarray(at, at + take), filled);
      filled += take;
      at += take;
      if (filled < size) continue;
      yield block;
      block = new Uint8Array(size);
      filled = 0;
    }
  }
}
