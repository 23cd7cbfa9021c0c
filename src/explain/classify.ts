import { unitEmbeddings } from '../bank/embedding.ts';
import type { Image } from '../corpus/images/image.ts';
import { decodePng } from '../corpus/images/png.ts';
import { PolysemeError } from '../errors.ts';
import type { ModelImages } from '../model/image-input.ts';
import type { OpenTaps } from '../model/load-model.ts';
import type { Explained, ExplainModel, ModelBank } from './explained.ts';
import { placeInput } from './place.ts';
import { type ProbedBank, relativeTo } from './probed-bank.ts';
import { ProbedBanks } from './probed-banks.ts';

/** Units of a bank whose activations are given, the most active first, where there are more. */
export const MOST_CLASSIFIED_UNITS = 256;

export interface ClassifyOptions {
  /** An image of the study, by its context; or pixels. */
  readonly context?: number;
  /** Values 0 to 255 of a picture in the size that the model sees, row by row, `channels` numbers a pixel. */
  readonly pixels?: readonly number[];
  /** Units whose neuron embeddings of this very image are wanted. */
  readonly embeddings?: readonly { readonly bank: string; readonly index: number }[];
  readonly signal?: AbortSignal;
}

/** A unit on one image: where it is strongest. */
export interface ClassifiedUnit {
  readonly bank: string;
  readonly index: number;
  readonly position: number;
  readonly activation: number;
  /** Divided by the unit's own maximum in the study. */
  readonly relative: number;
  /** What it adds to each logit, activation × output weight; null where its output does not reach the logits directly. */
  readonly shares: readonly number[] | null;
  /** The feature that it fires with; null where it does not, or the image is too far from all of them. */
  readonly feature: number | null;
  /** Mean cosine distance to the examples of each feature; none where it does not fire. */
  readonly distances: readonly number[];
  /** h ⊙ w of this image, where it was asked for; as the study has it, less the mean where that is centred. */
  readonly embedding: readonly number[] | null;
}

export interface Classified {
  /** Null of a model without a classifier. */
  readonly classes: readonly string[] | null;
  readonly logits: readonly number[] | null;
  readonly probabilities: readonly number[] | null;
  readonly units: readonly ClassifiedUnit[];
}

/**
 * What the model of a study of images makes of one: its logits, every unit's activation, what each adds to each logit (the
 * neurons of a plain MLP's last layer), and the feature of the unit that the image falls in. What it compiled and read stays
 * for the next image.
 *
 * @example
 * const classifier = new Classifier(explained);
 * const { probabilities, units } = await classifier.classify({ context: 3 });
 * console.log(probabilities, units[0].feature);
 * await classifier.close();
 */
export class Classifier {
  readonly #explained: Explained;
  readonly #banks: ProbedBanks;
  #opened: Promise<Opened> | null = null;

  constructor(explained: Explained) {
    this.#explained = explained;
    this.#banks = new ProbedBanks(explained);
  }

  /** @throws PolysemeError where the study is of text, there is no such image, or pixels are not of the model's size */
  async classify(options: ClassifyOptions): Promise<Classified> {
    const model = await this.#explained.model();
    const images = imagesOf(this.#explained, model);
    const picture = pictureOf(this.#explained, images, options);
    this.#opened ??= this.#open(model, images);
    // The next image tries again.
    this.#opened.catch(() => {
      this.#opened = null;
    });
    const { banks, weights, taps } = await this.#opened;
    const found = await runImage(taps, images.pixels(picture), images, options.signal);
    const asked = new Set((options.embeddings ?? []).map(({ bank, index }) => `${bank}/${index}`));
    const units = await Promise.all(
      banks.flatMap((of) =>
        strongestUnits(of.bank, found, images)
          .slice(0, MOST_CLASSIFIED_UNITS)
          .map((strongest) => {
            const wanted = asked.has(`${of.bank.name}/${strongest.index}`);
            return this.#unit(of, strongest, found, weights.get(of.bank.name) ?? null, wanted);
          }),
      ),
    );
    const logits = found.get('logits');
    const own = logits === undefined ? null : Array.from(logits.subarray(0, images.classes!.length));
    return { classes: images.classes, logits: own, probabilities: own && softmax(own), units };
  }

  /** Frees what the model holds for it. */
  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => null);
    await opened?.taps.close();
    this.#opened = null;
  }

  async #open(model: ExplainModel, { classes }: ModelImages): Promise<Opened> {
    const { banks: all } = this.#explained.study.info();
    const banks = await Promise.all(all.map(({ name }) => this.#banks.bank(name)));
    const weights = new Map<string, Float32Array>();
    for (const { bank } of banks) {
      const own = await bank.classWeights?.();
      if (own !== undefined) weights.set(bank.name, own);
    }
    const names = banks.flatMap(({ bank: { inputs, activations } }) => [inputs, activations]);
    const taps = model.openTaps(
      [...new Set([...names, ...(classes === null ? [] : ['logits'])])],
      banks.flatMap(({ bank: { edits } }) => edits),
    );
    return { banks, weights, taps };
  }

  async #unit(
    of: ProbedBank,
    { index, position, activation }: Strongest,
    found: ReadonlyMap<string, Float32Array>,
    classWeights: Float32Array | null,
    wanted: boolean,
  ): Promise<ClassifiedUnit> {
    const { bank, own, centre } = of;
    const h = found.get(bank.inputs)!.subarray(position * bank.width, (position + 1) * bank.width);
    const relative = relativeTo(own, index, activation);
    const vectors = relative > 0 || wanted ? await this.#banks.place(of, index) : null;
    const place =
      relative > 0 ? placeInput(vectors!, bank.embedding, h, centre) : { feature: null, distances: [] };
    const classes = classWeights === null ? 0 : classWeights.length / bank.units;
    return {
      bank: bank.name,
      index,
      position,
      activation,
      relative,
      shares:
        classWeights === null
          ? null
          : Array.from({ length: classes }, (_, c) => activation * classWeights[c * bank.units + index]!),
      ...place,
      embedding: wanted ? Array.from(unitEmbeddings(bank.embedding, h, vectors!.weights, centre)) : null,
    };
  }
}

/** What is kept from one image to the next. */
interface Opened {
  readonly banks: readonly ProbedBank[];
  /** By bank, where its output reaches the logits directly: class × unit. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly taps: OpenTaps;
}

/** The image of a context as the model sees it. @throws PolysemeError where it is not kept in that size */
export function keptPicture({ study }: Explained, { height, width }: ModelImages, context: number): Image {
  const png = study.image(context);
  if (png === null) throw new PolysemeError(`the study has no image of context ${context}`, 'not-found');
  const picture = decodePng(png);
  if (picture.height === height && picture.width === width) return picture;
  throw new PolysemeError(
    `the study keeps images of ${picture.width} × ${picture.height} pixels, but the model sees ${width} × ${height}: what it makes of them cannot be computed again`,
    'unsupported',
  );
}

/** How the model of a study reads images. @throws PolysemeError of a model that reads text */
export function imagesOf({ study }: Explained, { images }: ExplainModel): ModelImages {
  if (images !== null) return images;
  throw new PolysemeError(`${study.path} is of a model that reads text: this is of images`, 'unsupported');
}

function pictureOf(explained: Explained, images: ModelImages, { context, pixels }: ClassifyOptions): Image {
  const { height, width, preprocessing } = images;
  const { channels } = preprocessing;
  if ((context === undefined) === (pixels === undefined)) {
    throw new PolysemeError('give either an image of the study (context) or pixels');
  }
  if (context !== undefined) return keptPicture(explained, images, context);
  const size = channels * height * width;
  const bad = pixels!.find((value) => !(Number.isInteger(value) && value >= 0 && value <= 255));
  if (pixels!.length !== size || bad !== undefined) {
    throw new PolysemeError(
      bad === undefined
        ? `pixels holds ${pixels!.length} values; an image of ${width} × ${height} pixels with ${channels} channels has ${size}`
        : `pixels holds ${bad}; values are whole numbers from 0 to 255`,
    );
  }
  return { width, height, channels, data: Uint8Array.from(pixels!) };
}

/** Every tap of one image [position, width]. */
async function runImage(
  taps: OpenTaps,
  pixels: ReturnType<ModelImages['pixels']>,
  { positions }: ModelImages,
  signal: AbortSignal | undefined,
): Promise<Map<string, Float32Array>> {
  const tokens = Int32Array.from({ length: positions }, (_, position) => position);
  for await (const block of taps.stream([{ tokens, pixels }], { signal })) {
    return new Map(Object.entries(block.taps).map(([name, { data }]) => [name, data]));
  }
  return new Map();
}

interface Strongest {
  readonly index: number;
  readonly position: number;
  readonly activation: number;
}

/** Units of a bank by falling activation, each where it is largest. */
function strongestUnits(
  { units, activations }: ModelBank,
  found: ReadonlyMap<string, Float32Array>,
  { positions, specialIds }: ModelImages,
): Strongest[] {
  const values = found.get(activations)!;
  const best = Array.from({ length: units }, (_, index) => {
    let position = -1;
    for (let at = 0; at < positions; at++) {
      if (specialIds.has(at)) continue;
      if (position < 0 || values[at * units + index]! > values[position * units + index]!) position = at;
    }
    return { index, position, activation: values[position * units + index]! };
  });
  return best.sort((a, b) => b.activation - a.activation || a.index - b.index);
}

function softmax(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}
