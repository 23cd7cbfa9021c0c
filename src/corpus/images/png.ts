import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { PolysemeError } from '../../errors.ts';
import { checkSize, type Image } from './image.ts';
import { resize } from './resize.ts';

const SIGNATURE = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** The filter of a line in which each byte is the difference to the one above. */
const UP = 2;

/** An image as a PNG file: 8 bits, grey or RGB. The same image gives the same bytes. */
export function encodePng({ width, height, channels, data }: Image): Buffer {
  const stride = width * channels;
  const lines = new Uint8Array((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    const line = y * (stride + 1);
    lines[line] = UP;
    for (let i = 0; i < stride; i++) {
      const above = y === 0 ? 0 : data[(y - 1) * stride + i]!;
      lines[line + 1 + i] = data[y * stride + i]! - above;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, channels === 1 ? 0 : 2], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(lines, { level: 6 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * The image of a file that `encodePng` wrote.
 * @throws PolysemeError for any other
 */
export function decodePng(png: Uint8Array): Image {
  const file = Buffer.from(png.buffer, png.byteOffset, png.length);
  try {
    const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
    checkSize({ width, height }, 'the image');
    const channels = file.readUInt8(25) === 0 ? 1 : 3;
    const size = file.readUInt32BE(33);
    const stride = width * channels;
    const length = (stride + 1) * height;
    const lines = inflateSync(file.subarray(41, 41 + size), { maxOutputLength: length });
    const image: Image = { width, height, channels, data: new Uint8Array(stride * height) };
    if (!file.subarray(0, 8).equals(SIGNATURE) || lines.length !== length) throw new Error('another file');
    for (let y = 0; y < height; y++) {
      const line = y * (stride + 1);
      if (lines[line] !== UP) throw new Error('another filter');
      for (let i = 0; i < stride; i++) {
        const above = y === 0 ? 0 : image.data[(y - 1) * stride + i]!;
        image.data[y * stride + i] = lines[line + 1 + i]! + above;
      }
    }
    return image;
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    throw new PolysemeError('a study’s image is not a PNG as Polyseme writes it', 'damaged');
  }
}

/** A PNG whose longest side has at most so many pixels. */
export function thumbnailPng(image: Image, longest: number): Buffer {
  const scale = longest / Math.max(image.width, image.height);
  if (scale >= 1) return encodePng(image);
  const side = (pixels: number): number => Math.max(1, Math.round(pixels * scale));
  return encodePng(resize(image, side(image.width), side(image.height), 'bicubic'));
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  out.set(body, 4);
  out.writeUInt32BE(crc32(body), 4 + body.length);
  return out;
}
