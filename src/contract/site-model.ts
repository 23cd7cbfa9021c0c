import type { GatedMode } from '../embed/gated.ts';
import type { FeatureName } from '../features/names.ts';
import type { TokenizerFiles } from '../tokenizer/tokenizer.ts';

/**
 * The files of a site's model, of a site that was exported with one: its weights in half precision, each tensor a block; the
 * runtime; and what a page needs of the study beyond what pages show. See `contract/site.ts` for blocks.
 */

/** Most weights of a model that is exported: they take four bytes each in a page, twice. */
export const MOST_WEIGHTS = 150_000_000;
/** Contexts of a study, of all its units, that effects may be measured in where those of a unit's own examples are too few. */
export const MOST_SAMPLE = 4000;

const folder = 'model';
const FOLDER = 1000;

/** Names of blocks. */
export const modelBlock = {
  /** `SiteModel` */
  head: `${folder}/head`,
  tokenizer: `${folder}/tokenizer`,
  /** The bytes of the runtime's WebAssembly. */
  wasm: `${folder}/wasm`,
  /** A tensor: halves, row-major. */
  weights: (n: number) => `${folder}/weights/${n}`,
  /** Ids of the tokens that the site numbers. */
  tokens: `${folder}/tokens`,
  /** `SiteSample` */
  sample: `${folder}/sample`,
  /** `SiteBankArrays` */
  bank: (bank: number) => `${folder}/banks/${bank}`,
  /** `SitePlaceArrays` */
  place: (bank: number, index: number) => `${folder}/places/${bank}/${Math.floor(index / FOLDER)}/${index}`,
} as const;

/** The script of the runtime, as it is, under a name that every host serves as a script. */
export const RUNTIME_SCRIPT = `${folder}/runtime.js`;

/** A block that is loaded before the model runs: its bytes, and the CRC-32 of what it holds. */
export interface SiteBlock {
  readonly bytes: number;
  readonly crc: number;
}

/** How far a page's activations are from the study's, relative to the study's, at peaks of some of its examples. */
export interface SiteDifferences {
  readonly examples: number;
  readonly median: number;
  readonly largest: number;
}

/** What `site.json` says of the model. */
export interface SiteModelSummary {
  /** Where the study's model came from. */
  readonly source: string;
  readonly parameters: number;
  /** Bytes that are loaded before it runs: weights, tokenizer, runtime. */
  readonly bytes: number;
  readonly differences: SiteDifferences;
}

/** `model/head` */
export interface SiteModel {
  /** `config.json` as it is. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: readonly (SiteBlock & { readonly name: string; readonly shape: readonly number[] })[];
  readonly wasm: SiteBlock;
  readonly tokenizer: SiteBlock;
  readonly layernorm: 'raw' | 'folded';
  readonly gated: GatedMode;
  readonly sign: 'positive' | 'negative' | 'absolute';
}

/** `model/tokenizer` */
export type SiteTokenizer = Omit<TokenizerFiles, 'isEncoder'>;

/** `model/sample`: contexts by ascending id; the tokens of the c-th, by their ids, begin at `offset[c]`. */
export interface SiteSample {
  readonly id: Uint32Array;
  readonly offset: Uint32Array;
  readonly tokens: Int32Array;
}

/** `model/banks/B`: by unit of the bank in the model, and by unit that the study has. */
export interface SiteBankArrays {
  readonly maxima: Float32Array;
  /** Absent where the study's embeddings are of h itself. */
  readonly centre?: Float32Array;
  readonly index: Uint32Array;
  readonly examples: Uint32Array;
  /** NaN where there is none. */
  readonly density: Float64Array;
  readonly mean: Float64Array;
}

/** `model/places/…`: where a unit's features lie, and `SiteNames` as UTF-8. */
export interface SitePlaceArrays {
  readonly means: Float32Array;
  readonly bounds: Float32Array;
  readonly weights: Float32Array;
  readonly names: Uint8Array;
}

/** What features of a unit are called, by id. */
export type SiteNames = readonly { readonly name: FeatureName | null; readonly words: readonly string[] }[];

/** The CRC-32 of what a gzip stream holds, which it ends with. */
export function gzipCrc(zipped: Uint8Array): number {
  return new DataView(zipped.buffer, zipped.byteOffset + zipped.length - 8).getUint32(0, true);
}
