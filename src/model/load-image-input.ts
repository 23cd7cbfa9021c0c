import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonObject } from '../base/json-file.ts';
import { PolysemeError } from '../errors.ts';
import type { ModelConfig } from './architectures/architecture.ts';
import { imageInput, type ModelImages, PREPROCESSOR } from './image-input.ts';

/** Bytes of `preprocessor_config.json`. */
const MAX_CONFIG = 1 << 20;

/** How the model in a folder reads images; null of a model that reads text. */
export async function loadImageInput(
  dir: string,
  { image, architecture }: ModelConfig,
): Promise<ModelImages | null> {
  if (image === undefined) return null;
  if (typeof image.pixels !== 'string') return imageInput(image, null, dir);
  const path = join(dir, PREPROCESSOR);
  if (existsSync(path)) return imageInput(image, await readJsonObject(path, MAX_CONFIG), dir);
  throw new PolysemeError(
    `${dir} has no ${PREPROCESSOR}, which says how a ${architecture} model reads images: put the model’s own there`,
    'not-found',
  );
}
