import type { Image } from './image.ts';

/** An image of a corpus; its pixels are read when they are asked for. */
export interface ImageItem {
  /** Where it comes from: `cats/1.png`, `t10k-images-idx3-ubyte.gz:17`. */
  readonly name: string;
  /** What it shows, as the data says; null where it does not. */
  readonly label: string | null;
  /** Its number in the corpus, from 0. */
  readonly ordinal: number;
  /** Share of the corpus that reading has come to. */
  readonly done: number;
  load(): Promise<Image>;
}

/** Images in a fixed order, read as they are asked for. */
export interface ImageCorpus {
  readonly modality: 'images';
  /** The source as the user wrote it. */
  readonly source: string;
  /** What it is, in words: `10,000 images in 2 files, 1.6 MB`. */
  readonly description: string;
  /** `stream`: too far away, or too many, to be counted first. */
  readonly kind: 'finite' | 'stream';
  /** Images; null of a stream. */
  readonly count: number | null;
  /** As a text corpus's: other where the files are. */
  readonly stamp: string | null;
  /** @param from the ordinal to begin at */
  images(from?: number): AsyncIterable<ImageItem>;
  /**
   * Looks at every image of a finite corpus without decoding it.
   * @param fits refuses a size, by what an error says of it; null where it is right
   * @throws PolysemeError for the first that is damaged or does not fit
   */
  check(fits: (size: { width: number; height: number }) => string | null): Promise<void>;
}

/** A run of images in one file, or in one folder. */
export interface ImagePart {
  readonly count: number;
  /** @param from of this part's images, the first that is wanted */
  images(from: number): AsyncIterable<Omit<ImageItem, 'ordinal' | 'done'>>;
  check(fits: (size: { width: number; height: number }, name: string) => void): Promise<void>;
}

/** Whether a corpus is of images. */
export function isImages(corpus: object): corpus is ImageCorpus {
  return 'modality' in corpus && corpus.modality === 'images';
}
