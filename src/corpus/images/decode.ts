import { PolysemeError } from '../../errors.ts';
import { BYTES_LIMIT, checkSize, type Image, PIXELS_LIMIT } from './image.ts';

type Sharp = typeof import('sharp')['default'];

let loaded: Promise<Sharp> | undefined;

/**
 * The pixels of a PNG, JPEG or WebP file: 8 bits, grey or RGB, turned as its EXIF says; transparency is left out.
 * @param name of the image, for errors
 * @throws PolysemeError where it cannot be decoded whole, or the package `sharp` is not installed
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<Image> {
  const { width: wide, height: high } = imageSize(bytes, name);
  checkSize({ width: wide, height: high }, name);
  const sharp = await findDecoder();
  try {
    const picture = sharp(bytes, { limitInputPixels: PIXELS_LIMIT, failOn: 'truncated' });
    const { space = '' } = await picture.metadata();
    const colours = space === 'b-w' || space === 'grey16' ? 'b-w' : 'srgb';
    const plain = picture.autoOrient().removeAlpha().toColourspace(colours);
    const { data, info } = await plain.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length);
    if (channels === 1 || channels === 3) return { width, height, channels, data: pixels };
    throw new Error(`${channels} channels`);
  } catch (error) {
    const why = (error as Error).message.replace(/\s+/g, ' ').slice(0, 160);
    throw new PolysemeError(`${name}: not readable as an image (${why}); replace or remove it`, 'damaged');
  }
}

/**
 * The package that decodes, loaded once: called before the first image too, so that nothing is begun without it.
 * @throws PolysemeError (unsupported) where it is not installed
 */
export function findDecoder(): Promise<Sharp> {
  loaded ??= loadSharp();
  return loaded;
}

async function loadSharp(): Promise<Sharp> {
  try {
    const { default: sharp } = await import('sharp');
    // Each image is decoded by itself: a pool of threads is there already.
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  } catch {
    throw new PolysemeError(
      'PNG, JPEG and WebP images are decoded by the package sharp, which is not installed here: npm install sharp (idx files need nothing)',
      'unsupported',
    );
  }
}

/**
 * Width and height as an encoded image says them; that it is whole, as far as its container tells: a PNG has all of its
 * chunks, a JPEG its end, a WebP its length.
 */
export function imageSize(bytes: Uint8Array, name: string): { width: number; height: number } {
  if (bytes.length > BYTES_LIMIT) {
    throw new PolysemeError(`${name}: an image of ${bytes.length} bytes is over the limit of ${BYTES_LIMIT}`);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const read = FORMATS.find(({ is }) => is(buffer))?.size;
  if (read === undefined) {
    const what = bytes.length === 0 ? 'an empty file' : 'no PNG, JPEG or WebP';
    throw new PolysemeError(`${name}: ${what}; replace or remove it`, 'damaged');
  }
  let size: { width: number; height: number } | null = null;
  try {
    size = read(buffer);
  } catch {
    // A read beyond its end.
  }
  if (size !== null) return size;
  throw new PolysemeError(`${name}: the image is cut off or damaged; replace or remove it`, 'damaged');
}

interface Format {
  is(buffer: Buffer): boolean;
  /** Null, or an error, where the file is not whole. */
  size(buffer: Buffer): { width: number; height: number } | null;
}

const FORMATS: readonly Format[] = [
  { is: (buffer) => buffer.subarray(0, 8).toString('latin1') === '\x89PNG\r\n\x1a\n', size: pngSize },
  { is: (buffer) => buffer.subarray(0, 3).equals(Buffer.of(0xff, 0xd8, 0xff)), size: jpegSize },
  {
    is: (buffer) => buffer.toString('latin1', 0, 4) === 'RIFF' && buffer.toString('latin1', 8, 12) === 'WEBP',
    size: webpSize,
  },
];

function pngSize(buffer: Buffer): { width: number; height: number } | null {
  const size = { width: buffer.readUInt32BE(16), height: buffer.readUInt32BE(20) };
  if (buffer.toString('latin1', 12, 16) !== 'IHDR') return null;
  for (let at = 8; ; at += 12 + buffer.readUInt32BE(at)) {
    if (buffer.toString('latin1', at + 4, at + 8) === 'IEND') return size;
  }
}

function jpegSize(buffer: Buffer): { width: number; height: number } | null {
  // Behind the end of the picture some cameras add data of their own.
  if (buffer.lastIndexOf(Buffer.of(0xff, 0xd9)) < 0) return null;
  for (let at = 2; ; ) {
    if (buffer.readUInt8(at) !== 0xff) return null;
    const marker = buffer.readUInt8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    // Start of frame, but not the tables that share its range.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: buffer.readUInt16BE(at + 7), height: buffer.readUInt16BE(at + 5) };
    }
    at += 2 + buffer.readUInt16BE(at + 2);
  }
}

function webpSize(buffer: Buffer): { width: number; height: number } | null {
  if (buffer.length < 8 + buffer.readUInt32LE(4)) return null;
  switch (buffer.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: buffer.readUInt16LE(26) & 0x3fff, height: buffer.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = buffer.readUInt32LE(21);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    case 'VP8X':
      return { width: 1 + buffer.readUIntLE(24, 3), height: 1 + buffer.readUIntLE(27, 3) };
    default:
      return null;
  }
}
