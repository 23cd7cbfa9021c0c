import { checkAborted } from '../base/progress.ts';
import type { Image } from '../corpus/images/image.ts';
import type { ImageCorpus } from '../corpus/images/image-corpus.ts';
import { thumbnailPng } from '../corpus/images/png.ts';
import { PolysemeError } from '../errors.ts';
import type { PackedContexts } from '../harvest/context-table.ts';
import type { StoredImage } from '../study/record.ts';
import type { StudyWriter } from '../study/writer.ts';

/** Pixels of the longest side of an image that a study keeps. */
export const LONGEST_SIDE = 224;
/** Images written together. */
const IMAGES_PER_WRITE = 512;

/**
 * Keeps in a study the images that its examples lie in, each once: what the model sees of them. They are read again, so
 * that nothing but their numbers is held while units are harvested.
 */
export async function writeImages(
  writer: StudyWriter,
  corpus: ImageCorpus,
  contexts: PackedContexts,
  toSize: (image: Image) => Image,
  signal?: AbortSignal,
): Promise<void> {
  const missing = writer.missingImages(contexts.id);
  const wanted = new Map<number, number>();
  contexts.id.forEach((id, i) => {
    if (missing.has(id)) wanted.set(contexts.document[i]!, id);
  });
  if (wanted.size === 0) return;
  let images: StoredImage[] = [];
  const first = contexts.document.reduce(
    (least, document) => Math.min(least, document),
    Number.POSITIVE_INFINITY,
  );
  for await (const { ordinal, label, load } of corpus.images(first)) {
    const id = wanted.get(ordinal);
    if (id === undefined) continue;
    images.push({ id, label, png: thumbnailPng(toSize(await load()), LONGEST_SIDE) });
    wanted.delete(ordinal);
    if (images.length === IMAGES_PER_WRITE) {
      writer.writeImages(images);
      images = [];
      checkAborted(signal);
    }
    if (wanted.size === 0) break;
  }
  writer.writeImages(images);
  if (wanted.size > 0) {
    throw new PolysemeError(
      `${corpus.source}: ${wanted.size} images are no longer there: run again with option overwrite when the data no longer changes`,
    );
  }
}
