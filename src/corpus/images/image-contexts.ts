import { createRandom } from '../../base/random.ts';
import { PolysemeError } from '../../errors.ts';
import { type ContextPart, RUN_NUMBERS } from '../context-part.ts';
import {
  type Context,
  type ContextOptions,
  type ContextSummary,
  type Contexts,
  NO_SUMMARY,
} from '../contexts.ts';
import { DigestSet } from '../digest-set.ts';
import { spread } from '../share.ts';
import type { Image, Pixels } from './image.ts';
import type { ImageCorpus, ImageItem } from './image-corpus.ts';

/** What a model makes of an image. */
export interface ImageReader {
  /** Positions of each image: patches, and what stands before them. */
  readonly positions: number;
  /** Why an image of a size cannot be read; null where it can. */
  refuse(size: { readonly width: number; readonly height: number }): string | null;
  /** What the model reads. */
  read(image: Image): Pixels;
}

/** Images that are decoded while those before them are worked on. */
const AHEAD = 8;

/**
 * The images of a corpus as contexts, a context each, whose tokens are the numbers of its positions. As with text:
 * `count` takes images spread evenly over a finite corpus (of a stream the first ones), and `skipDuplicates` leaves out
 * images whose pixels came before.
 */
export function imageContexts(
  corpus: ImageCorpus,
  reader: ImageReader,
  { count, seed = 0, from, skipDuplicates = false, digests }: Omit<ContextOptions, 'length' | 'bos'>,
): Contexts {
  if (count !== undefined && !(Number.isSafeInteger(count) && count > 0)) {
    throw new PolysemeError(`number of contexts ${count}: must be a whole number above 0`);
  }
  const summary: ContextSummary = { ...NO_SUMMARY, ...from?.summary };
  const known = skipDuplicates ? new DigestSet(digests) : null;
  const chosen =
    count === undefined || corpus.count === null || count >= corpus.count
      ? null
      : new Set(spread(count, corpus.count, createRandom(seed)));
  const tokens = positionsOf(reader);

  async function* contexts(): AsyncGenerator<Context> {
    const first = from === undefined ? 0 : from.document.document + 1;
    for await (const { item, image } of decoded(corpus, first, chosen)) {
      summary.documents++;
      if (known?.add(image.data) === false) {
        summary.duplicates++;
        continue;
      }
      const id = summary.contexts++;
      summary.tokens += tokens.length;
      const done = chosen === null ? item.done : summary.documents / chosen.size;
      yield contextOf(reader, tokens, item, image, { id, summary: { ...summary }, done });
      if (count !== undefined && summary.contexts >= count) return;
    }
    if (summary.contexts === 0) throw new PolysemeError(`${corpus.source}: there is no image in it`);
  }

  return {
    summary,
    digests: ({ summary: { documents, duplicates } }) =>
      known?.first(documents - duplicates) ?? new Uint32Array(0),
    [Symbol.asyncIterator]: contexts,
  };
}

/** The images of a part of an earlier reading, as contexts. */
export async function* imagePart(
  corpus: ImageCorpus,
  reader: ImageReader,
  { first, count, document, runs }: ContextPart,
): AsyncGenerator<Context> {
  const wanted = new Set(runs.filter((_, i) => i % RUN_NUMBERS === 0));
  const tokens = positionsOf(reader);
  let id = first;
  for await (const { item, image } of decoded(corpus, document.document, wanted)) {
    const done = (id + 1 - first) / count;
    yield contextOf(reader, tokens, item, image, { id, summary: NO_SUMMARY, done });
    if (++id === first + count) return;
  }
}

function positionsOf({ positions }: ImageReader): Int32Array {
  return Int32Array.from({ length: positions }, (_, position) => position);
}

function contextOf(
  reader: ImageReader,
  tokens: Int32Array,
  item: ImageItem,
  image: Image,
  { id, summary, done }: { id: number; summary: ContextSummary; done: number },
): Context {
  const { width, height } = image;
  const refused = reader.refuse({ width, height });
  if (refused !== null) throw new PolysemeError(`${item.name}: ${refused}`);
  const document = { file: 0, row: 1, part: 0, byte: 0, document: item.ordinal };
  return {
    id,
    document: item.ordinal,
    documentName: item.name,
    start: 0,
    tokens,
    image,
    pixels: reader.read(image),
    label: item.label,
    cursor: { id: id + 1, document, window: 1, summary },
    done,
  };
}

/** Images in order, some of them decoded ahead. */
async function* decoded(
  corpus: ImageCorpus,
  from: number,
  chosen: ReadonlySet<number> | null,
): AsyncGenerator<{ item: ImageItem; image: Image }> {
  const ahead: { item: ImageItem; image: Promise<Image> }[] = [];
  const next = async () => {
    const { item, image } = ahead.shift()!;
    return { item, image: await image };
  };
  for await (const item of corpus.images(from)) {
    if (chosen !== null && !chosen.has(item.ordinal)) continue;
    const image = item.load();
    image.catch(() => {});
    ahead.push({ item, image });
    if (ahead.length > AHEAD) yield await next();
  }
  while (ahead.length > 0) yield await next();
}
