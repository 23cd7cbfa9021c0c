import type { Command } from 'commander';
import * as z from 'zod';
import type { LongCall } from '../base/progress.ts';
import { visible } from '../base/visible.ts';
import { imageGrid } from '../contract/image-grid.ts';
import { PolysemeError } from '../errors.ts';
import { MOST_CONTEXTS, SCALES, USUAL_CONTEXTS } from '../explain/limits.ts';
import type { Ablation, DirectEffect, Effect } from '../explain/results.ts';
import { featureTitle } from '../features/feature-title.ts';
import type { FeatureName } from '../features/names.ts';
import { textOptions, whole } from '../model/text-options.ts';
import type { Study } from '../study/study.ts';
import { type ExplainOptions, explainShape, withExplained } from './explained.ts';
import { printClassEffect } from './image-explanations.ts';
import { addOptions, featureOption, studyArgument, unitArgument } from './options.ts';
import { unitName } from './parse.ts';
import { cell, colors, Progress, print, printJson, table } from './terminal.ts';

/** Characters of a feature's name in the table. */
const LONGEST_TITLE = 28;

const shape = {
  feature: featureOption,
  contexts: whole(1)
    .max(MOST_CONTEXTS)
    .default(USUAL_CONTEXTS)
    .meta({ description: 'contexts that are measured, where there are as many' }),
  scale: z.number().min(SCALES[0]).max(SCALES[1]).default(0).meta({
    description: 'what the activation is multiplied by: 0 ablates, −1 turns it around, up to 10 steers',
    value: 'S',
  }),
  to: z
    .enum(['zero', 'mean'])
    .default('zero')
    .meta({ description: 'what the activation is at scale 0: zero, or the unit’s mean', value: 'WHAT' }),
  controls: z.boolean().default(true).meta({
    description:
      'leave out the units of equal density, which take about as long as the rest; without them nothing is said of whether features differ',
  }),
  seed: textOptions.seed,
  ...explainShape,
};

interface Options extends ExplainOptions {
  readonly feature?: number;
  readonly contexts: number;
  readonly scale: number;
  readonly to: 'zero' | 'mean';
  readonly controls: boolean;
  readonly seed: number;
}

export function define(command: Command): void {
  command
    .description(
      'What a unit does to the output: the tokens that it raises and lowers by itself, and, for the unit and for each of ' +
        'its features, what the model predicts changes where its activation is changed. Of a classifier of images: how much ' +
        'higher the logit of each class is with the unit than without it.',
    )
    .argument('<STUDY>', studyArgument)
    .argument('<BANK/INDEX>', unitArgument, unitName);
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme ablate study.db mlp.2/137\n  polyseme ablate study.db mlp.2/137 --feature 0 --scale 5',
    )
    .action(async (path: string, unit: { bank: string; index: number }, options: Options) => {
      const [{ ablate }, { directEffect }, { classEffect }] = await Promise.all([
        import('../explain/ablate.ts'),
        import('../explain/direct-effect.ts'),
        import('../explain/class-effect.ts'),
      ]);
      const { feature, contexts, scale, to, controls, seed, json } = options;
      const progress = new Progress();
      const onProgress: LongCall['onProgress'] = ({ stage, done, total, unit: counted }) =>
        progress.show(stage, done, total, counted);
      const found = await withExplained(path, options, async (explained, signal) => {
        if (imageGrid(explained.study.info().model) !== null) {
          if (scale !== 0 || to !== 'zero') {
            throw new PolysemeError(
              `${path} is of images, of which the effect of an activation of 0 is measured: leave ${scale === 0 ? `--to ${to}` : `--scale ${scale}`} out`,
            );
          }
          return classEffect(explained, { ...unit, feature, contexts, signal, onProgress });
        }
        return {
          titles: titlesOf(explained.study, unit),
          direct: await directEffect(explained, { ...unit, signal }),
          ...(await ablate(explained, {
            ...unit,
            feature,
            contexts,
            scale,
            to,
            controls,
            seed,
            signal,
            onProgress,
          })),
        };
      });
      progress.end();
      if ('classes' in found) {
        if (json) printJson(found);
        else printClassEffect(found);
        return;
      }
      const { titles, ...measured } = found;
      if (json)
        printJson({
          ...measured,
          features: measured.features.map((one) => ({ ...one, ...titles[one.feature] })),
        });
      else printEffects(measured, titles.map(featureTitle));
    });
}

interface Described {
  readonly name: FeatureName | null;
  readonly words: readonly string[];
}

/** Of each feature of a unit, what is known of it. */
function titlesOf(study: Study, { bank, index }: { bank: string; index: number }): Described[] {
  const names = study.names(bank, index);
  return study.words(bank, index).map((words, id) => ({ name: names[id] ?? null, words }));
}

function printEffects(found: Ablation & { readonly direct: DirectEffect }, titles: readonly string[]): void {
  const { bank, index, direct, contexts, firings, unplaced, scale, to, whole: all, features } = found;
  print(colors.bold(visible(`${bank}/${index}`)));
  if (direct.raised === null) print('Its output does not reach the logits directly.');
  else {
    print(`raises by itself: ${list(direct.raised.map(({ text }) => text))}`);
    print(`lowers by itself: ${list(direct.lowered!.map(({ text }) => text))}`);
  }
  const what = scale === 0 ? `set to ${to === 'zero' ? '0' : 'its mean'}` : `multiplied by ${scale}`;
  print(
    `\nMeasured in ${contexts} contexts, with the activation ${what} (${firings} firings, ${unplaced} of no feature):`,
  );
  const rows = [
    ['feature', 'contexts', 'KL', '95 %', 'loss', '95 %', 'elsewhere', 'shuffled', 'p', 'no longer expected'],
  ];
  const figures = (effect: Effect): string[] => [
    String(effect.contexts),
    cell(effect.kl),
    range(effect.klInterval),
    cell(effect.lossChange),
    range(effect.lossInterval),
  ];
  for (const one of features) {
    rows.push([
      visible(`${one.feature}  ${shortened(titles[one.feature] ?? '')}`),
      ...figures(one),
      cell(one.elsewhere),
      range(one.shuffled),
      cell(one.adjusted),
      list(one.lowered.slice(0, 5).map(({ text }) => text)),
    ]);
  }
  rows.push(['whole unit', ...figures(all), '', '', '', '']);
  for (const line of table(rows, [false, true, true, true, true, true, true, true, true, false])) print(line);
  if (found.ratio !== null)
    print(`All features together make ${cell(100 * found.ratio, 0)} % of the unit’s effect.`);
  if (found.controls === null) return;
  const { units, below, p } = found.controls;
  print(
    `${units.length} other unit${units.length === 1 ? '' : 's'} of about the same density: KL ${spread(units.map(({ kl }) => kl))}; ${cell(100 * below, 0)} % of them have a smaller effect.`,
  );
  if (found.featureShare === null) return;
  const standIns = units.flatMap(({ featureShare }) => featureShare ?? []);
  print(
    `The features tell ${cell(found.featureShare)} of the direction in which the unit moves the predictions; of the directions of those units in its place ${spread(standIns)}${p === null ? '' : `, p ${cell(p)}`}.`,
  );
  if (found.differs === null) return;
  print(
    found.differs
      ? colors.yellow(
          'The features differ: they do different things, more so than their contexts make any unit do.',
        )
      : 'That the features do different things, beyond what their contexts make any unit do, is not shown.',
  );
}

function range(interval: readonly [number, number] | null): string {
  return interval === null ? '–' : `${cell(interval[0])} to ${cell(interval[1])}`;
}

function shortened(text: string): string {
  return text.length > LONGEST_TITLE ? `${text.slice(0, LONGEST_TITLE - 1)}…` : text;
}

/** The median of some numbers, the least and the largest. */
function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return '–';
  return `${cell(sorted[Math.floor(sorted.length / 2)]!)} (${cell(sorted[0]!)} to ${cell(sorted.at(-1)!)})`;
}

function list(texts: readonly string[]): string {
  return colors.cyan(visible(texts.map((text) => `‹${text}›`).join(' ')));
}
