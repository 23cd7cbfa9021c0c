import { PolysemeError } from '../../errors.ts';

/** Pixels, row by row, `channels` numbers each: 1 is grey, 3 is red, green, blue. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** What a model reads of an image: [channels, height, width]. */
export interface Pixels {
  readonly data: Float32Array;
  readonly shape: readonly [channels: number, height: number, width: number];
}

/** Most pixels of one image: what a decoder gives is held in memory as a whole. */
export const PIXELS_LIMIT = 1 << 26;
/** Bytes of one encoded image. */
export const BYTES_LIMIT = 1 << 27;

/** Refuses a size that no image may have. @param what the image, as an error names it */
export function checkSize({ width, height }: Pick<Image, 'width' | 'height'>, what: string): void {
  const whole = (n: number): boolean => Number.isInteger(n) && n > 0;
  if (!whole(width) || !whole(height)) {
    throw new PolysemeError(`${what}: says that it is ${width} × ${height} pixels`, 'damaged');
  }
  if (width * height > PIXELS_LIMIT) {
    throw new PolysemeError(
      `${what}: ${width} × ${height} pixels are over the limit of ${PIXELS_LIMIT}; make it smaller`,
    );
  }
}

/** The same picture in grey or in colour; grey as Pillow's mode L (ITU-R 601 luma). */
export function toChannels(image: Image, channels: 1 | 3): Image {
  const { width, height, data } = image;
  if (image.channels === channels) return image;
  const pixels = width * height;
  const out = new Uint8Array(pixels * channels);
  for (let i = 0; i < pixels; i++) {
    if (channels === 3) out.fill(data[i]!, 3 * i, 3 * i + 3);
    else {
      out[i] = (19595 * data[3 * i]! + 38470 * data[3 * i + 1]! + 7471 * data[3 * i + 2]! + 0x8000) >> 16;
    }
  }
  return { width, height, channels, data: out };
}

/** A part of an image; what lies outside it is 0. */
export function crop(image: Image, left: number, top: number, width: number, height: number): Image {
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  const first = Math.max(0, left);
  const end = Math.min(image.width, left + width);
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height); y++) {
    const from = (y * image.width + first) * channels;
    const row = image.data.subarray(from, from + Math.max(0, end - first) * channels);
    data.set(row, ((y - top) * width + first - left) * channels);
  }
  return { width, height, channels, data };
}
