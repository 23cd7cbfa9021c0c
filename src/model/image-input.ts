import type { Image, Pixels } from '../corpus/images/image.ts';
import type { ImageReader } from '../corpus/images/image-contexts.ts';
import {
  fitted,
  normalised,
  outputSize,
  type Preprocessing,
  readPreprocessing,
} from '../corpus/images/preprocessing.ts';
import { PolysemeError } from '../errors.ts';
import { type ImageInput, imagePositions } from './architectures/architecture.ts';

export const PREPROCESSOR = 'preprocessor_config.json';

/** How a model reads images, and what its positions are. */
export interface ModelImages extends ImageReader {
  readonly preprocessing: Preprocessing;
  /** Pixels of what the model reads. */
  readonly height: number;
  readonly width: number;
  /** Pixels of a patch's side; null: the model reads the image as one. */
  readonly patch: number | null;
  /** First positions that stand for the whole image, and those after them that stand for nothing. */
  readonly whole: number;
  readonly registers: number;
  /** Names of the classes that `logits` are of; null without such a head. */
  readonly classes: readonly string[] | null;
  /** Positions that are never examples: registers. */
  readonly specialIds: ReadonlySet<number>;
  /** The part of an image that the model sees, in the size in which it does. */
  toSize(image: Image): Image;
  /** What it reads of an image that was fitted. */
  pixels(fitted: Image): Pixels;
}

/**
 * How a model reads images.
 * @param image of its config
 * @param processor what its `preprocessor_config.json` holds; none of a plain MLP, whose config.json says it
 * @param dir its folder, as errors name it
 */
export function imageInput(
  image: ImageInput,
  processor: Readonly<Record<string, unknown>> | null,
  dir: string,
): ModelImages {
  const preprocessing =
    typeof image.pixels === 'string'
      ? readPreprocessing(processor ?? {}, `${dir}/${PREPROCESSOR}`, image.pixels)
      : { channels: image.channels, resize: null, crop: null, ...image.pixels };
  const size = outputSize(preprocessing) ?? { height: image.height, width: image.width };
  checkOutput(dir, image, size);
  const positions = imagePositions(image, size);
  const { whole, registers, patch, classes } = image;
  const toSize = (picture: Image): Image => {
    const out = fitted(picture, preprocessing);
    if (out.height === size.height && out.width === size.width) return out;
    throw new PolysemeError(wrongSize(out, size));
  };
  return {
    preprocessing,
    ...size,
    patch,
    whole,
    registers,
    classes,
    positions,
    specialIds: new Set(Array.from({ length: registers }, (_, i) => whole + i)),
    toSize,
    pixels: (picture) => normalised(picture, preprocessing),
    read: (picture) => normalised(toSize(picture), preprocessing),
    refuse(found) {
      const fits =
        outputSize(preprocessing) !== null || (found.height === size.height && found.width === size.width);
      return fits ? null : wrongSize(found, size);
    },
  };
}

function wrongSize(
  found: { height: number; width: number },
  size: { height: number; width: number },
): string {
  return `the image is ${found.width} × ${found.height} pixels, but the model reads ${size.width} × ${size.height} and nothing says how to scale it; scale the images first`;
}

/** Refuses a size that the model cannot read. */
function checkOutput(
  dir: string,
  image: ImageInput,
  { height, width }: { height: number; width: number },
): void {
  const grid = image.patch === null ? 1 : image.patch;
  const fits = image.anySize
    ? height >= grid && width >= grid
    : height === image.height && width === image.width;
  if (fits) return;
  throw new PolysemeError(
    `${dir}: ${PREPROCESSOR} makes images of ${width} × ${height} pixels, but config.json says that the model reads ${image.width} × ${image.height}`,
  );
}

/** Names of an image's positions: `[CLS]`, `[REG 1]`, patches by row and column from 1; of a plain MLP `image`. */
export function positionNames({ patch, whole, registers, positions, width }: ModelImages): string[] {
  if (patch === null) return ['image'];
  const columns = Math.floor(width / patch);
  return Array.from({ length: positions }, (_, position) => {
    if (position < whole) return position === 0 ? '[CLS]' : '[DIST]';
    if (position < whole + registers) return `[REG ${position - whole + 1}]`;
    const at = position - whole - registers;
    return `${Math.floor(at / columns) + 1},${(at % columns) + 1}`;
  });
}
