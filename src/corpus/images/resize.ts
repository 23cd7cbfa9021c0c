import type { Image } from './image.ts';

/** A filter of Pillow's. */
export type Filter = 'nearest' | 'lanczos' | 'bilinear' | 'bicubic' | 'box' | 'hamming';

/** Filters by their number in Pillow, which configs name them by. */
export const FILTERS: readonly Filter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/** Bits behind the point of a filter's weights, as Pillow has them for 8-bit images. */
const PRECISION = 22;

/**
 * An image in another size, by the filters of Pillow's `Image.resize`, which torchvision's antialiased ones follow: a
 * filter is widened where the image becomes smaller; rows come first, then columns, each rounded to 8 bits. Bit for bit
 * Pillow's numbers, but where Pillow ≥ 13 begins with the columns (see docs/images.md).
 */
export function resize(image: Image, width: number, height: number, filter: Filter): Image {
  if (image.width === width && image.height === height) return image;
  if (filter === 'nearest') return nearest(image, width, height);
  const across = image.width === width ? image : resizeRows(image, width, filter);
  return across.height === height ? across : turned(resizeRows(turned(across), height, filter));
}

/** What each output pixel of a line is made of: its first input pixel, how many, and their weights. */
interface Weights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly most: number;
}

function resizeRows(image: Image, width: number, filter: Filter): Image {
  const { channels, height, data } = image;
  const { first, count, weights, most } = weightsOf(image.width, width, filter);
  const out = new Uint8ClampedArray(width * height * channels);
  for (let y = 0; y < height; y++) {
    const row = y * image.width * channels;
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 1 << (PRECISION - 1);
        let at = row + first[x]! * channels + c;
        for (let k = 0; k < count[x]!; k++, at += channels) sum += data[at]! * weights[x * most + k]!;
        out[(y * width + x) * channels + c] = Math.floor(sum / 2 ** PRECISION);
      }
    }
  }
  return { width, height, channels, data: new Uint8Array(out.buffer) };
}

function weightsOf(from: number, to: number, filter: Filter): Weights {
  const { support: reach, at } = SHAPES[filter as keyof typeof SHAPES];
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const support = reach * stretch;
  const most = 2 * Math.ceil(support) + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * most);
  const exact = new Float64Array(most);
  for (let x = 0; x < to; x++) {
    const centre = (x + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const n = Math.min(from, Math.trunc(centre + support + 0.5)) - start;
    let total = 0;
    for (let k = 0; k < n; k++) {
      exact[k] = at((k + start - centre + 0.5) / stretch);
      total += exact[k]!;
    }
    for (let k = 0; k < n; k++) {
      const weight = (total === 0 ? exact[k]! : exact[k]! / total) * 2 ** PRECISION;
      weights[x * most + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[x] = start;
    count[x] = n;
  }
  return { first, count, weights, most };
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const SHAPES: Record<Exclude<Filter, 'nearest'>, { support: number; at: (x: number) => number }> = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    at: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))),
  },
  bicubic: {
    support: 2,
    at(value) {
      const [a, x] = [-0.5, Math.abs(value)];
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function nearest(image: Image, width: number, height: number): Image {
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  const columns = nearestPlaces(image.width, width);
  nearestPlaces(image.height, height).forEach((row, y) => {
    columns.forEach((column, x) => {
      const from = (row * image.width + column) * channels;
      data.set(image.data.subarray(from, from + channels), (y * width + x) * channels);
    });
  });
  return { width, height, channels, data };
}

/** Where each output pixel lies in a line; added up, as Pillow does it, with its rounding. */
function nearestPlaces(from: number, to: number): Int32Array {
  const step = from / to;
  let place = 0.5 * step;
  return Int32Array.from({ length: to }, () => {
    const found = Math.floor(place);
    place += step;
    return found;
  });
}

/** Rows as columns. */
function turned({ width, height, channels, data }: Image): Image {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        out[(x * height + y) * channels + c] = data[(y * width + x) * channels + c]!;
      }
    }
  }
  return { width: height, height: width, channels, data: out };
}
