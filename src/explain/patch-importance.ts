import type { LongCall } from '../base/progress.ts';
import type { Image } from '../corpus/images/image.ts';
import type { ModelImages } from '../model/image-input.ts';
import type { TapInput } from '../model/taps.ts';
import { imagesOf, keptPicture } from './classify.ts';
import type { Explained } from './explained.ts';
import { type UnitQuestion, unitExamples } from './unit-examples.ts';
import { checkNumber, readUnits, UNIT_TAP, unitInput } from './unit-taps.ts';

/** Blocks to a side that the image of a plain MLP, which has no patches, is cut into. */
const BLOCKS = 7;
/** Examples that are measured where none are named: each costs a run for every patch. */
const USUAL_EXAMPLES = 8;

export interface PatchImportanceOptions extends UnitQuestion, LongCall {
  /** Ids of examples; default the first eight of the unit or feature. */
  readonly examples?: readonly number[];
}

export interface PatchImportance {
  readonly bank: string;
  readonly index: number;
  /** Pixels of a patch, and how many there are: [row, column] row by row. */
  readonly patch: { readonly height: number; readonly width: number };
  readonly rows: number;
  readonly columns: number;
  /** By rank. */
  readonly examples: readonly {
    readonly example: number;
    readonly feature: number;
    readonly context: number;
    readonly position: number;
    /** At the peak. */
    readonly activation: number;
    /** By how much it falls, in the direction of its sign, where each patch has the image's mean colour. */
    readonly drops: readonly number[];
    /** The drops divided by the activation, from 0 to 1; null where that is 0. */
    readonly importance: readonly number[] | null;
  }[];
}

/**
 * How much each patch of an image counts: in turn it gets the mean colour of the image, and the activation at the peak is
 * measured again. The image of a plain MLP is cut into 7 × 7 blocks.
 *
 * @throws PolysemeError where there is no such unit, feature or example, no model, or a study of text
 * @example
 * const { rows, columns, examples } = await patchImportance(explained, { bank: 'mlp.0', index: 3, examples: [0] });
 * console.log(rows, columns, examples[0].importance);
 */
export async function patchImportance(
  explained: Explained,
  { examples: asked, onProgress, signal, ...question }: PatchImportanceOptions,
): Promise<PatchImportance> {
  const { bank: name, index } = question;
  const found = unitExamples(explained.study, question, asked).examples;
  const examples = asked === undefined ? found.slice(0, USUAL_EXAMPLES) : found;
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  const images = imagesOf(explained, model);
  const grid = gridOf(images);
  const count = grid.rows * grid.columns;
  const taps = model.openTaps([UNIT_TAP], [readUnits(bank)]);
  try {
    const measured = examples.map(() => new Float64Array(1 + count));
    function* rows(): Generator<TapInput & { example: number; masked: number }> {
      for (const [example, { context, tokens }] of examples.entries()) {
        const picture = keptPicture(explained, images, context);
        const input = unitInput(tokens, index);
        for (let masked = -1; masked < count; masked++) {
          const shown = masked < 0 ? picture : withMasked(picture, grid, masked);
          yield { ...input, pixels: images.pixels(shown), example, masked };
        }
      }
    }
    let done = 0;
    for await (const { contexts, length, taps: values } of taps.stream(rows(), { signal })) {
      contexts.forEach(({ example, masked }, row) => {
        const value = values[UNIT_TAP]!.data[row * length + examples[example]!.position]!;
        measured[example]![1 + masked] = checkNumber(value, `an activation of example ${example}`);
      });
      done += contexts.length;
      onProgress?.({ stage: 'mask', done, total: examples.length * (1 + count), unit: 'images' });
    }
    return {
      bank: name,
      index,
      ...grid,
      examples: examples.map(({ id, feature, context, position }, i) => ({
        example: id,
        feature,
        context,
        position,
        ...importanceOf(measured[i]!),
      })),
    };
  } finally {
    await taps.close();
  }
}

type Grid = Pick<PatchImportance, 'patch' | 'rows' | 'columns'>;

function gridOf({ patch, height, width }: ModelImages): Grid {
  const high = patch ?? Math.ceil(height / BLOCKS);
  const wide = patch ?? Math.ceil(width / BLOCKS);
  const whole = patch === null ? Math.ceil : Math.floor;
  return { patch: { height: high, width: wide }, rows: whole(height / high), columns: whole(width / wide) };
}

/** The image with one patch in its mean colour. */
function withMasked(image: Image, { patch, columns }: Grid, at: number): Image {
  const { width, height, channels, data } = image;
  const mean = Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let i = c; i < data.length; i += channels) sum += data[i]!;
    return Math.round(sum / (width * height));
  });
  const out = data.slice();
  const left = (at % columns) * patch.width;
  const top = Math.floor(at / columns) * patch.height;
  for (let y = top; y < Math.min(height, top + patch.height); y++) {
    for (let x = left; x < Math.min(width, left + patch.width); x++)
      out.set(mean, (y * width + x) * channels);
  }
  return { width, height, channels, data: out };
}

function importanceOf(measured: Float64Array) {
  const activation = measured[0]!;
  const sign = activation < 0 ? -1 : 1;
  const drops = Array.from(measured.subarray(1), (value) => sign * (activation - value));
  const share = (drop: number): number => Math.min(1, Math.max(0, drop / Math.abs(activation)));
  return { activation, drops, importance: activation === 0 ? null : drops.map(share) };
}
