import { createRandom } from '../../base/random.ts';
import { PolysemeError } from '../../errors.ts';
import type { Context, ContextOptions, ContextSummary, Contexts } from '../contexts.ts';
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
  const summary: ContextSummary = {
    documents: 0,
    skipped: 0,
    duplicates: 0,
    contexts: 0,
    tokens: 0,
    ...from?.summary,
  };
  const known = skipDuplicates ? new DigestSet(digests) : null;
  const chosen =
    count === undefined || corpus.count === null || count >= corpus.count
      ? null
      : new Set(spread(count, corpus.count, createRandom(seed)));
  const tokens = Int32Array.from({ length: reader.positions }, (_, position) => position);

  async function* contexts(): AsyncGenerator<Context> {
    const first = from === undefined ? 0 : from.document.document + 1;
    for await (const { item, image } of decoded(corpus, first, chosen)) {
      summary.documents++;
      if (known?.add(image.data) === false) {
        summary.duplicates++;
        continue;
      }
      const { width, height } = image;
      const refused = reader.refuse({ width, height });
      if (refused !== null) throw new PolysemeError(`${item.name}: ${refused}`);
      const id = summary.contexts++;
      summary.tokens += tokens.length;
      const document = { file: 0, row: 1, part: 0, byte: 0, document: item.ordinal };
      yield {
        id,
        document: item.ordinal,
        documentName: item.name,
        start: 0,
        tokens,
        image,
        pixels: reader.read(image),
        label: item.label,
        cursor: { id: id + 1, document, window: 1, summary: { ...summary } },
        done: chosen === null ? item.done : summary.documents / chosen.size,
      };
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
