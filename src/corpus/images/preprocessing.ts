import { PolysemeError } from '../../errors.ts';
import { crop, type Image, type Pixels, toChannels } from './image.ts';
import { FILTERS, type Filter, resize } from './resize.ts';

/** How an image becomes what a model reads: `do_…` of a Hugging Face image processor, in its order. */
export interface Preprocessing {
  readonly channels: 1 | 3;
  /** To a fixed size, or so that the shorter side has so many pixels; null: as it is. */
  readonly resize: {
    readonly to: { readonly height: number; readonly width: number } | { readonly shortest: number };
    readonly filter: Filter;
  } | null;
  /** The middle of it. */
  readonly crop: { readonly height: number; readonly width: number } | null;
  /** What each value is multiplied by, then shifted and divided by, a number a channel. */
  readonly rescale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Sides that a config may ask for, in pixels. */
const LARGEST_SIDE = 1 << 14;

type Values = Readonly<Record<string, unknown>>;

/** What a processor does where its config is silent, by the processors of the models that can be run. */
const DEFAULTS: Readonly<Record<string, Values>> = {
  ViTImageProcessor: {
    size: { height: 224, width: 224 },
    resample: 2,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  },
  DeiTImageProcessor: {
    size: { height: 256, width: 256 },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: 224, width: 224 },
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  },
  CLIPImageProcessor: {
    size: { shortest_edge: 224 },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: 224, width: 224 },
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  },
};
/** Switches of other processors that change the pixels and are not followed. */
const OFF = [
  'do_pad',
  'do_flip_channel_order',
  'do_thumbnail',
  'do_align_long_axis',
  'do_reduce_labels',
  'do_rand_augment',
  'do_split_image',
  'do_image_splitting',
];

/**
 * Reads `preprocessor_config.json`; what it asks for that is not followed is an error that names it.
 * @param where the file, as an error names it
 * @param usual the model's own processor, where the file names none
 */
export function readPreprocessing(values: Values, where: string, usual: string): Preprocessing {
  const fail = (what: string): never => {
    throw new PolysemeError(`${where}: ${what}`);
  };
  const type = String(values['image_processor_type'] ?? values['feature_extractor_type'] ?? usual);
  const family = type
    .replace(/(Fast|Pil)$/, '')
    .replace('FeatureExtractor', 'ImageProcessor')
    .replace('BitImage', 'CLIPImage');
  const defaults = DEFAULTS[family];
  if (defaults === undefined) {
    fail(
      `image_processor_type ${JSON.stringify(type)} is not followed (known: ${Object.keys(DEFAULTS).join(', ')}, BitImageProcessor)`,
    );
  }
  const value = (key: string): unknown => values[key] ?? defaults![key];
  const on = (key: string, fallback: boolean): boolean => {
    const found = value(key) ?? fallback;
    if (typeof found !== 'boolean') fail(`${key} must be true or false, not ${JSON.stringify(found)}`);
    return found as boolean;
  };
  const odd = OFF.find((key) => values[key] === true);
  if (odd !== undefined) fail(`${odd} = true changes the pixels and is not followed`);
  const number = on('do_rescale', true) ? (value('rescale_factor') ?? 1 / 255) : 1;
  if (typeof number !== 'number' || !(number > 0)) fail(`rescale_factor is ${JSON.stringify(number)}`);
  const normalize = on('do_normalize', true);
  const { mean, std } = readMeans(
    normalize ? value('image_mean') : 0,
    normalize ? value('image_std') : 1,
    3,
    where,
  );
  return {
    channels: 3,
    resize: on('do_resize', true)
      ? {
          to: sizeOf(value('size'), family.startsWith('CLIP'), 'size', where),
          filter: filterOf(value('resample'), where),
        }
      : null,
    crop: on('do_center_crop', false) ? fixedSize(value('crop_size'), 'crop_size', where) : null,
    rescale: number as number,
    mean,
    std,
  };
}

/** One number a channel of a mean and a standard deviation, or one for all. */
export function readMeans(
  mean: unknown,
  std: unknown,
  channels: number,
  where: string,
): { mean: readonly number[]; std: readonly number[] } {
  const read = (value: unknown, name: string, isRight: (n: number) => boolean): number[] => {
    const all = Array.isArray(value) ? value : Array(channels).fill(value);
    if (
      all.length === channels &&
      all.every((n) => typeof n === 'number' && Number.isFinite(n) && isRight(n))
    )
      return all;
    throw new PolysemeError(`${where}: ${name} must be ${channels} numbers, not ${JSON.stringify(value)}`);
  };
  return { mean: read(mean, 'image_mean', () => true), std: read(std, 'image_std', (n) => n > 0) };
}

/** An image in the size that a model reads, 8 bits a value. */
export function fitted(image: Image, { channels, resize: scaling, crop: middle }: Preprocessing): Image {
  let out = toChannels(image, channels);
  if (scaling !== null) {
    const { height, width } = scaledSize(out, scaling.to);
    out = resize(out, width, height, scaling.filter);
  }
  if (middle === null) return out;
  const left = Math.floor((out.width - middle.width) / 2);
  const top = Math.floor((out.height - middle.height) / 2);
  return crop(out, left, top, middle.width, middle.height);
}

/** What a model reads of an image that was fitted: each value (pixel · rescale − mean) ÷ std. */
export function normalised(image: Image, preprocessing: Preprocessing): Pixels {
  const { channels } = preprocessing;
  const { width, height, data: values } = image;
  const size = width * height;
  const data = new Float32Array(channels * size);
  for (let c = 0; c < channels; c++) {
    const ofValue = normalisedValues(preprocessing, c);
    for (let i = 0; i < size; i++) data[c * size + i] = ofValue[values[i * channels + c]!]!;
  }
  return { data, shape: [channels, height, width] };
}

const known = new WeakMap<Preprocessing, Float32Array[]>();

/** What each of the 256 values of a channel becomes. */
function normalisedValues(preprocessing: Preprocessing, channel: number): Float32Array {
  let all = known.get(preprocessing);
  if (all === undefined) {
    const { rescale, mean, std } = preprocessing;
    all = mean.map((_, c) =>
      Float32Array.from({ length: 256 }, (_, v) => (v * rescale - mean[c]!) / std[c]!),
    );
    known.set(preprocessing, all);
  }
  return all[channel]!;
}

/** The size that an image of another one comes out in; null where it follows from the image's. */
export function outputSize({
  resize: scaling,
  crop: middle,
}: Preprocessing): { height: number; width: number } | null {
  if (middle !== null) return middle;
  return scaling !== null && 'height' in scaling.to ? scaling.to : null;
}

function scaledSize(
  { height, width }: Image,
  to: { readonly height: number; readonly width: number } | { readonly shortest: number },
): { height: number; width: number } {
  if ('height' in to) return to;
  const long = Math.floor((to.shortest * Math.max(height, width)) / Math.min(height, width));
  return height <= width ? { height: to.shortest, width: long } : { height: long, width: to.shortest };
}

/** @param shortest whether a number alone means the shorter side */
function sizeOf(value: unknown, shortest: boolean, key: string, where: string) {
  const { shortest_edge: edge, longest_edge: longest } = Object(value) as Record<string, unknown>;
  const side = typeof value === 'number' && shortest ? value : edge;
  if (side === undefined || side === null) return fixedSize(value, key, where);
  if (longest !== undefined && longest !== null) {
    throw new PolysemeError(`${where}: ${key}.longest_edge is not followed`);
  }
  return { shortest: checkSide(side, `${key}.shortest_edge`, where) };
}

function fixedSize(value: unknown, key: string, where: string): { height: number; width: number } {
  const { height, width } = (
    typeof value === 'number' ? { height: value, width: value } : Object(value)
  ) as Values;
  return {
    height: checkSide(height, `${key}.height`, where),
    width: checkSide(width, `${key}.width`, where),
  };
}

function checkSide(value: unknown, name: string, where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= LARGEST_SIDE)
    return value;
  throw new PolysemeError(
    `${where}: ${name} must be a whole number from 1 to ${LARGEST_SIDE}, not ${JSON.stringify(value)}`,
  );
}

function filterOf(value: unknown, where: string): Filter {
  const filter = typeof value === 'number' ? FILTERS[value] : undefined;
  if (filter !== undefined) return filter;
  throw new PolysemeError(`${where}: resample ${JSON.stringify(value)} is no filter of Pillow's (0 to 5)`);
}
