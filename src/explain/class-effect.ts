import type { LongCall } from '../base/progress.ts';
import { PolysemeError } from '../errors.ts';
import type { TapInput } from '../model/taps.ts';
import { ABLATION_INPUTS, unitEdits } from './ablation-edits.ts';
import { imagesOf, keptPicture } from './classify.ts';
import type { Explained } from './explained.ts';
import { type UnitQuestion, unitExamples } from './unit-examples.ts';

/** Images that are measured unless told otherwise, where there are as many. */
const USUAL_IMAGES = 64;

export interface ClassEffectOptions extends UnitQuestion, LongCall {
  /** Images that are measured, where there are as many: those of the strongest examples. */
  readonly contexts?: number;
}

export interface ClassEffect {
  readonly bank: string;
  readonly index: number;
  readonly classes: readonly string[];
  /** Images that were run: those of the unit's (or the feature's) strongest examples. */
  readonly images: number;
  /** By class, how much higher its logit is on average with the unit than without it (activation 0 everywhere). */
  readonly effects: readonly number[];
  /** Share of the images whose predicted class is another one without the unit. */
  readonly changed: number;
}

/**
 * What a unit does to the logits of the classes: the images of its examples with it and without it.
 *
 * @throws PolysemeError where there is no such unit or feature, no model, or one without a classifier
 * @example
 * const { classes, effects } = await classEffect(explained, { bank: 'mlp.0', index: 3 });
 * console.log(classes[effects.indexOf(Math.max(...effects))]);
 */
export async function classEffect(
  explained: Explained,
  { contexts: most = USUAL_IMAGES, onProgress, signal, ...question }: ClassEffectOptions,
): Promise<ClassEffect> {
  const { bank: name, index } = question;
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  const images = imagesOf(explained, model);
  const { classes } = images;
  if (classes === null) {
    throw new PolysemeError(
      `the model ${model.source} has no classifier: it has no logits to be changed`,
      'unsupported',
    );
  }
  const { examples } = unitExamples(explained.study, question);
  const contexts = [...new Map(examples.map(({ context, tokens }) => [context, tokens]))].slice(0, most);
  const taps = model.openTaps(['logits'], unitEdits(bank));
  try {
    const effects = new Float64Array(classes.length);
    let changed = 0;
    let done = 0;
    function* rows(): Generator<TapInput> {
      for (const [context, tokens] of contexts) {
        const pixels = images.pixels(keptPicture(explained, images, context));
        for (const factor of [1, 0]) {
          const everywhere = (value: number): Float32Array => new Float32Array(tokens.length).fill(value);
          const inputs = {
            [ABLATION_INPUTS.unit]: everywhere(index),
            [ABLATION_INPUTS.factor]: everywhere(factor),
            [ABLATION_INPUTS.shift]: everywhere(0),
          };
          yield { tokens, pixels, inputs };
        }
      }
    }
    for await (const { taps: values, length } of taps.stream(rows(), { rows: 2, signal })) {
      const { data } = values['logits']!;
      const size = classes.length;
      const [own, without] = [data.subarray(0, size), data.subarray(length * size, (length + 1) * size)];
      for (let c = 0; c < size; c++) effects[c]! += (own[c]! - without[c]!) / contexts.length;
      if (largest(own) !== largest(without)) changed += 1 / contexts.length;
      onProgress?.({ stage: 'ablate', done: ++done, total: contexts.length, unit: 'images' });
    }
    return { bank: name, index, classes, images: contexts.length, effects: [...effects], changed };
  } finally {
    await taps.close();
  }
}

function largest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}
