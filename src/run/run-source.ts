import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { openGivenFolder } from '../activations/given-folder.ts';
import { givenContexts, givenPart, givenSource } from '../activations/given-source.ts';
import type { Bank } from '../bank/bank.ts';
import { mlpBanks } from '../bank/mlp-bank.ts';
import { fileStamp } from '../base/file-digest.ts';
import { type ContextPart, cutPart } from '../corpus/context-part.ts';
import { type Context, type ContextCursor, type Contexts, cutContexts } from '../corpus/contexts.ts';
import type { Corpus, Document } from '../corpus/corpus.ts';
import type { Image } from '../corpus/images/image.ts';
import { imageContexts, imagePart } from '../corpus/images/image-contexts.ts';
import { type ImageCorpus, isImages } from '../corpus/images/image-corpus.ts';
import { openImages } from '../corpus/images/open-images.ts';
import { firstText, toCorpus } from '../corpus/open-corpus.ts';
import { PolysemeError } from '../errors.ts';
import { BOUNDS } from '../features/auto.ts';
import type { HarvestOptions } from '../harvest/harvest.ts';
import { checkpointPaths } from '../model/checkpoint.ts';
import { contextLength } from '../model/context-rules.ts';
import { type ModelImages, positionNames } from '../model/image-input.ts';
import type { Model } from '../model/load-model.ts';
import { toModel } from '../model/to-model.ts';
import type { StudyMeta } from '../study/meta.ts';
import { loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import { CONTENT_OPTIONS, type ResolvedRunOptions } from './run-options.ts';
import { describeSae, loadSaes, type NamedSource, type RunSae, saeBanks, settleBos } from './sae-banks.ts';

/** What a run is made from. */
export interface RunInputs {
  /** Files whose every byte counts: config, weights, tokenizer. */
  readonly files: readonly string[];
  /** Other where the files of the text are; null where that cannot be told without reading it. */
  readonly stamp: string | null;
  /** Whether equal contexts mean equal inputs; false where activations lie beside them. */
  readonly isText: boolean;
}

/** What a run harvests: a model over a corpus, or activations that are there already. */
export interface RunSource {
  readonly banks: readonly Bank[];
  readonly meta: StudyMeta;
  readonly inputs: RunInputs;
  /** Where the values of the banks' taps come from. */
  readonly taps: Pick<HarvestOptions, 'model' | 'source'>;
  /** Positions of the longest context. */
  readonly length: number;
  readonly specialIds: ReadonlySet<number>;
  /** Text of every token, by id; null where there is no tokenizer. */
  readonly texts: readonly string[] | null;
  /** Whether a unit may have examples of the same text: where it was asked for, and where there are no tokens to compare. */
  readonly keepDuplicates: boolean;
  /** The images that contexts are, where they are images. */
  readonly images: {
    readonly corpus: ImageCorpus;
    /** What the model sees of an image. */
    readonly toSize: (image: Image) => Image;
    /** What its positions are called. */
    readonly positions: readonly string[];
  } | null;
  /** The documents of the text from the start; null where there are none. */
  readonly documents: (() => AsyncIterable<Document>) | null;
  /** The contexts of one pass, from the start or after a cursor and the digests up to it. */
  contexts(from?: ContextCursor, digests?: Uint32Array): Contexts;
  /** The contexts of a part of an earlier pass. */
  part(part: ContextPart): AsyncIterable<Context>;
  close(): Promise<void>;
}

/** The options of a run, where model and corpus may be open already. */
type Sources = Omit<ResolvedRunOptions, 'model' | 'data'> & {
  readonly model: Model | string;
  readonly data: Corpus | ImageCorpus | string;
};

/** Opens what the options name. */
export async function openSource(
  options: Sources,
  saes: readonly NamedSource[],
  note: (line: string) => void = () => {},
): Promise<RunSource> {
  if (options.activations !== undefined) return openGiven(options, options.activations);
  const { model, release } = await toModel(options.model, {
    threads: options.threads ?? availableParallelism(),
    weightsAtOnce: options.weightsAtOnce,
    ropeLayout: options.ropeLayout,
    device: options.device,
    async sample() {
      const { data, column } = options;
      return typeof data === 'object' && isImages(data) ? '' : firstText(data, { column });
    },
    note,
  });
  try {
    const { data } = options;
    if (model.images !== null) {
      const corpus = await imagesOf(data, options, model);
      const loaded = await loadSaes(saes, model, options.centerWriting, note);
      return {
        ...imageSource(settleImages(options, model), model, model.images, loaded, corpus),
        close: release,
      };
    }
    if (typeof data === 'object' && isImages(data)) {
      throw new PolysemeError(`the model ${model.source} reads text, and ${data.source} are images`);
    }
    const corpus = await toCorpus(data, { column: options.column });
    const loaded = await loadSaes(saes, model, options.centerWriting, note);
    return { ...modelSource(settle(options, model, loaded), model, loaded, corpus), close: release };
  } catch (error) {
    await release();
    throw error;
  }
}

function modelSource(
  options: Settled,
  model: Model,
  saes: readonly RunSae[],
  corpus: Corpus,
): Omit<RunSource, 'close'> {
  const { tokenizer, files } = model;
  const { context: length, contexts: count, bos, seed, keepDuplicates } = options;
  return {
    banks: [...options.layers.flatMap((layer) => mlpBanks(files, layer, options)), ...saeBanks(saes)],
    meta: describe(options, model, saes, corpus),
    inputs: { files: checkpointPaths(files), stamp: corpus.stamp ?? null, isText: true },
    taps: { model },
    length,
    specialIds: tokenizer.specialIds,
    texts: Array.from({ length: tokenizer.size }, (_, id) => tokenizer.text(id)),
    keepDuplicates,
    images: null,
    documents: () => corpus.documents(),
    contexts: (from, digests) =>
      cutContexts(corpus, tokenizer, {
        length,
        bos,
        count,
        seed,
        from,
        skipDuplicates: !keepDuplicates,
        digests,
      }),
    part: (part) => cutPart(corpus, tokenizer, { length, bos }, part),
  };
}

/** The images that a call was given, or the name of; all of a finite corpus are looked at first. */
async function imagesOf(
  data: Sources['data'],
  { column }: Sources,
  { source, images }: Model,
): Promise<ImageCorpus> {
  if (typeof data === 'object' && !isImages(data)) {
    throw new PolysemeError(`the model ${source} reads images, and ${data.source} is text`);
  }
  const corpus =
    typeof data === 'object'
      ? data
      : await openImages(data, { column: column === 'text' ? undefined : column });
  await corpus.check((size) => images!.refuse(size));
  return corpus;
}

/** What a run harvests of a model of images: each image is a context, and each of its positions may be an example. */
function imageSource(
  options: Settled,
  model: Model,
  images: ModelImages,
  saes: readonly RunSae[],
  corpus: ImageCorpus,
): Omit<RunSource, 'close'> {
  const { contexts: count, seed, keepDuplicates } = options;
  return {
    banks: [...options.layers.flatMap((layer) => mlpBanks(model.files, layer, options)), ...saeBanks(saes)],
    meta: describe(options, model, saes, corpus),
    inputs: { files: checkpointPaths(model.files), stamp: corpus.stamp, isText: true },
    taps: { model },
    length: images.positions,
    specialIds: images.specialIds,
    texts: null,
    // Positions are the same in every image: only whole images can come twice.
    keepDuplicates: true,
    images: { corpus, toSize: images.toSize, positions: positionNames(images) },
    documents: null,
    contexts: (from, digests) =>
      imageContexts(corpus, images, { count, seed, from, skipDuplicates: !keepDuplicates, digests }),
    part: (part) => imagePart(corpus, images, part),
  };
}

/** Options of text, refused where they were given, with what they are for images. */
function settleImages(options: Sources, model: Model): Settled {
  const { config, images } = model;
  if (options.context !== undefined) {
    throw new PolysemeError(`option context is ${options.context}: an image is one context; leave it out`);
  }
  if (options.bos === 'yes') throw new PolysemeError('option bos is yes: images have no BOS; leave it out');
  const layers = options.layers ?? Array.from({ length: config.layers }, (_, l) => l);
  return {
    ...options,
    context: images!.positions,
    layers: [...new Set(layers)].sort((a, b) => a - b),
    bos: false,
  };
}

async function openGiven(options: Sources, dir: string): Promise<RunSource> {
  const folder = await openGivenFolder(dir);
  const { bank, parts, longest, specialIds } = folder;
  const keepDuplicates = options.keepDuplicates || parts.some(({ tokens }) => tokens === null);
  const tokenizer = folder.tokenizer === null ? null : await loadTokenizer(folder.tokenizer);
  const kept = Object.fromEntries(
    CONTENT_OPTIONS.map((name) => [name, OF_GIVEN.has(name) ? (options[name] ?? null) : null]),
  );
  const files = `${parts.length} file${parts.length === 1 ? '' : 's'}`;
  return {
    banks: [bank],
    meta: {
      model: { source: dir, architecture: 'given', width: bank.width, units: bank.units },
      data: { source: dir, description: `${files}, ${folder.contexts} contexts`, kind: 'finite' },
      options: { ...kept, keepDuplicates, bounds: BOUNDS, sae: null },
    },
    inputs: {
      files: [
        ...['bank.json', 'weights.safetensors'].map((name) => join(dir, name)),
        ...(folder.tokenizer === null ? [] : [join(folder.tokenizer, 'tokenizer.json')]),
      ],
      stamp: await stampOf(parts.map(({ path }) => path)),
      isText: false,
    },
    taps: { source: givenSource(folder) },
    length: longest,
    specialIds: new Set([...specialIds, ...(tokenizer?.specialIds ?? [])]),
    texts: tokenizer && Array.from({ length: tokenizer.size }, (_, id) => tokenizer.text(id)),
    keepDuplicates,
    images: null,
    documents: null,
    contexts: (from) => givenContexts(folder, tokenizer?.size ?? null, from),
    part: (part) => givenPart(folder, tokenizer?.size ?? null, part),
    close: async () => {},
  };
}

async function stampOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(JSON.stringify(await fileStamp(path)));
  return hash.digest('hex');
}

/** Options that the content of a study of given activations depends on. */
const OF_GIVEN: ReadonlySet<string> = new Set<(typeof CONTENT_OPTIONS)[number]>([
  'select',
  'examples',
  'fraction',
  'sign',
  'everyPosition',
  'keepDuplicates',
  'linkage',
  'threshold',
  'center',
  'features',
  'seed',
]);

/** Options whose defaults depend on the model, filled in. */
function settle(options: Sources, model: Model, saes: readonly RunSae[]) {
  const { config, tokenizer } = model;
  const context = contextLength(config, options.context);
  const layers = options.layers ?? Array.from({ length: config.layers }, (_, l) => l);
  const bos = settleBos(options.bos, saes, tokenizer);
  return { ...options, context, layers: [...new Set(layers)].sort((a, b) => a - b), bos };
}

type Settled = ReturnType<typeof settle>;

function describe(
  options: Settled,
  model: Model,
  saes: readonly RunSae[],
  corpus: Pick<Corpus, 'source' | 'description' | 'kind'>,
): StudyMeta {
  const { config } = model;
  const kept = Object.fromEntries(CONTENT_OPTIONS.map((name) => [name, options[name] ?? null]));
  return {
    model: {
      source: model.source,
      architecture: config.architecture,
      layers: config.layers,
      width: config.width,
      mlpWidth: config.mlpWidth,
      vocabulary: config.vocabulary,
      contextLength: config.contextLength,
      gated: config.gated,
      ...model.files.origin?.facts,
      ...(model.images === null ? {} : { image: describeImages(model.images) }),
      // Its numbers differ from the processor's in the last digits.
      ...(model.device === 'cpu' ? {} : { device: model.device }),
    },
    data: { source: corpus.source, description: corpus.description, kind: corpus.kind },
    options: { ...kept, bounds: BOUNDS, sae: saes.length === 0 ? null : saes.map(describeSae) },
  };
}

/** What a study keeps of how its model reads images. */
function describeImages({ height, width, patch, whole, registers, classes, preprocessing }: ModelImages) {
  return { channels: preprocessing.channels, height, width, patch, whole, registers, classes };
}
