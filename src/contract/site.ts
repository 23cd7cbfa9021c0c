import type { Metric, WordColumn } from '../polysemy/column-lists.ts';
import type { CompareAnswer } from './compare-answers.ts';
import type { ModelNamesAnswer, NotesAnswer } from './notes.ts';
import type { SiteModelSummary } from './site-model.ts';
import type { StudyAnswer } from './study-answers.ts';
import type { ExampleAnswer, UnitAnswer } from './unit-answers.ts';

/**
 * The files of a site: a study split so that any host of files serves it whole. `index.html` names the folder of its data, which
 * is called after what is in it: a host's or a browser's old copy of one is never taken for another. `site.json` is plain; an image is a PNG; all
 * else are blocks, `NAME.bin`: two bytes with the number of parts, then gzip, which goes on in `NAME.1.bin` and so on. What a
 * block holds is JSON, or arrays (`pack`).
 */

export const SITE_FORMAT = 2;
/** Most bytes of a file. */
export const MOST_FILE = 400_000;
/** Rows of the table in one file: those of one screen are a few requests, and any hundred of them no more than a hundred small ones. */
export const ROWS = 16;
/** Most examples of a unit whose distances are in its file. */
export const MOST_DISTANCES = 128;
/** Files of a folder. */
const FOLDER = 1000;

const inFolder = (number: number): string => `${Math.floor(number / FOLDER)}/${number}`;

/** Names of blocks. */
export const block = {
  banks: 'banks',
  /** `order`: rows as the study page lists them first; `bank` and `index` of each. */
  order: 'order',
  /** A metric of all units in full; of a column of words the places of its words. */
  column: (name: Metric | WordColumn) => `columns/${name}`,
  /** A metric of all units in single precision, as figures show it. */
  figure: (metric: Metric) => `figures/${metric}`,
  /** Rows `ROWS · n` and those after it, by `order`. */
  rows: (n: number) => `rows/${inFolder(n)}`,
  /** What searches go over (search/postings.ts): what all need, all words (JSON), and the pieces. */
  search: 'search/head',
  vocabulary: 'search/vocabulary',
  /** What notes and names that a language model gave say (JSON: `Said`). */
  said: 'search/said',
  postings: (piece: number) => `search/${inFolder(piece)}`,
  unit: (bank: number, index: number) => `units/${bank}/${inFolder(index)}`,
  /** Texts of tokens, and which of them are special. */
  tokens: 'tokens',
  /** What features that are cut anew are named with. */
  naming: 'naming',
  /** Stars and notes on all units, and the searches that are kept. */
  notes: 'notes',
  compare: 'compare',
  /** Metrics of units drawn down to n examples. */
  matched: (examples: number) => `matched/${examples}`,
  /** What the export made: only that is replaced by the next one (JSON: `SiteFileList`). */
  files: 'files',
} as const;

/** The file of the image that a context is. */
export function imageFile(context: number): string {
  return `images/${inFolder(context)}.png`;
}

/** `site.json` */
export interface SiteHead {
  readonly format: number;
  readonly study: StudyAnswer;
  /** Units in the table. */
  readonly units: number;
  /** Of a site that was exported with its model. */
  readonly model?: SiteModelSummary;
}

/** `files`: paths of all files that an export made, but for those of this list. */
export interface SiteFileList {
  /** In the folder of data. */
  readonly data: readonly string[];
  /** Beside it, with the SHA-256 of each: one that was changed is its owner's. */
  readonly explorer: readonly (readonly [path: string, sha256: string])[];
}

/** `order` */
export interface SiteOrder {
  readonly order: Uint32Array;
  readonly bank: Uint16Array;
  readonly index: Uint32Array;
}

/** `tokens` */
export interface SiteTokens {
  readonly texts: readonly string[];
  readonly special: readonly number[];
}

/** `naming`: how often words occur; and random places, null in a study of an older version. */
export interface SiteNaming {
  readonly total: number;
  readonly words: readonly (readonly [string, number])[];
  readonly sample: {
    readonly offset: readonly number[];
    readonly tokens: readonly number[];
    readonly position: readonly number[];
  } | null;
}

/** `compare`: by bank. */
export interface SiteCompare {
  readonly banks: CompareAnswer['banks'];
  /** Numbers of examples that its live units have, each once. */
  readonly counts: readonly (readonly number[])[];
  /** How its examples were chosen, where not by chance. */
  readonly chosen: readonly (string | null)[];
}

/** The JSON of a unit's block. */
export interface SiteUnit {
  readonly unit: Omit<UnitAnswer, 'merges' | 'features'> & {
    readonly features: readonly (Omit<UnitAnswer['features'][number], 'examples'> & {
      readonly examples: readonly SiteExample[];
    })[];
  };
  readonly notes: NotesAnswer;
  readonly modelNames: ModelNamesAnswer;
}

/** An example without what the arrays hold. */
export type SiteExample = Omit<ExampleAnswer, 'tokens' | 'special' | 'activations'>;

/** The arrays of a unit's block; `pairs_LINKAGE` and `heights_LINKAGE` are the trees (`packTree`). */
export interface SiteUnitArrays {
  /** `SiteUnit` as UTF-8 */
  readonly head: Uint8Array;
  readonly activation: Float32Array;
  /** Planes of 16 bits (`toPlanes`). */
  readonly windows: Uint8Array;
  readonly windowScales: Float32Array;
  /** Ids of the contexts, and where the tokens of each start. */
  readonly contexts: Uint32Array;
  readonly offset: Uint32Array;
  /** As small numbers. */
  readonly tokens: Uint8Array;
  readonly labels: Int32Array;
  readonly centrals: Int32Array;
  readonly stray?: Uint8Array;
  readonly autoLabels?: Int32Array;
  readonly autoStray?: Uint8Array;
  /** See `sixteenBits`; absent of more than `MOST_DISTANCES` examples. */
  readonly distances?: Uint16Array;
  /** The map; absent of more examples than are mapped. */
  readonly x?: Float32Array;
  readonly y?: Float32Array;
  readonly variance?: Float64Array;
}

/** Steps of 1 in a distance: 0, 1 and 2 stay what they are. */
const STEPS = 32767;
/** The most that a distance in 16 bits is off. */
export const DISTANCE_ERROR = 0.5 / STEPS;

/** Distances in [0, 2] in 16 bits. */
export function sixteenBits(distances: Float32Array): Uint16Array {
  return Uint16Array.from(distances, (distance) => Math.round(distance * STEPS));
}

/** The distances that 16 bits stand for. */
export function fromSixteenBits(steps: Uint16Array): Float32Array {
  return Float32Array.from(steps, (step) => step / STEPS);
}

/** The parts of a block, each at most `MOST_FILE` bytes long. */
export function blockParts(gzipped: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const first = MOST_FILE - 2;
  const count = 1 + Math.max(0, Math.ceil((gzipped.length - first) / MOST_FILE));
  const head = gzipped.subarray(0, first);
  const parts = [new Uint8Array(2 + head.length)];
  new DataView(parts[0]!.buffer).setUint16(0, count, true);
  parts[0]!.set(head, 2);
  for (let at = first; at < gzipped.length; at += MOST_FILE) parts.push(gzipped.subarray(at, at + MOST_FILE));
  return parts;
}

/** The file of a part of a block. */
export function partFile(name: string, part: number): string {
  return part === 0 ? `${name}.bin` : `${name}.${part}.bin`;
}
