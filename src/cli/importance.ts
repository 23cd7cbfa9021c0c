import type { Command } from 'commander';
import * as z from 'zod';
import type { LongCall } from '../base/progress.ts';
import { visible } from '../base/visible.ts';
import { imageGrid } from '../contract/image-grid.ts';
import { PolysemeError } from '../errors.ts';
import type { ExplainedExample } from '../explain/importance.ts';
import { whole } from '../model/text-options.ts';
import { type ExplainOptions, explainShape, withExplained } from './explained.ts';
import { labelsOf, printPatches } from './image-explanations.ts';
import { addOptions, featureOption, studyArgument, unitArgument } from './options.ts';
import { unitName } from './parse.ts';
import { cell, colors, Progress, peakMark, print, printJson } from './terminal.ts';

/** Tokens shown before the peak. */
const BEFORE = 24;
/** Tokens of an encoder’s context that are printed after it. */
const AFTER = 12;

const shape = {
  feature: featureOption,
  examples: whole(1)
    .default(8)
    .meta({ description: 'examples shown of the unit or feature; with --json all' }),
  mask: z.string().min(1).optional().meta({
    description: 'the token that masked ones are replaced by',
    value: 'TEXT',
    fallback: 'the mask token, else padding, else end of text',
  }),
  ...explainShape,
};

interface Options extends ExplainOptions {
  readonly feature?: number;
  readonly examples: number;
  readonly mask?: string;
}

export function define(command: Command): void {
  command
    .description(
      'Which tokens make a unit fire: each token before the peak of an example is masked in turn, and the activation ' +
        'at the peak measured again. Importance is the drop, divided by the drop that masking the peak itself gives. ' +
        'Of images each patch in turn gets the mean colour of the image, and importance is the share of the activation that is lost.',
    )
    .argument('<STUDY>', studyArgument)
    .argument('<BANK/INDEX>', unitArgument, unitName);
  addOptions(command, shape);
  command
    .addHelpText('after', '\nExample:\n  polyseme importance study.db mlp.2/137 --feature 0')
    .action(async (path: string, unit: { bank: string; index: number }, options: Options) => {
      const { tokenImportance } = await import('../explain/importance.ts');
      const { unitExamples } = await import('../explain/unit-examples.ts');
      const { patchImportance } = await import('../explain/patch-importance.ts');
      const { feature, examples: most, mask, json } = options;
      const progress = new Progress();
      const onProgress: LongCall['onProgress'] = ({ stage, done, total, unit: counted }) =>
        progress.show(stage, done, total, counted);
      const found = await withExplained(path, options, async (explained, signal) => {
        const { study } = explained;
        const all = unitExamples(study, { ...unit, feature }).examples;
        const examples = json ? undefined : all.slice(0, most).map(({ id }) => id);
        if (imageGrid(study.info().model) === null) {
          return tokenImportance(explained, { ...unit, feature, mask, examples, signal, onProgress });
        }
        if (mask !== undefined) {
          throw new PolysemeError(
            `--mask ${mask} replaces tokens, and ${path} is of images, whose patches get the mean colour of the image: leave --mask out`,
          );
        }
        const patches = await patchImportance(explained, {
          ...unit,
          feature,
          examples: examples ?? all.map(({ id }) => id),
          signal,
          onProgress,
        });
        return { patches, labels: labelsOf(study, patches) };
      });
      progress.end();
      if (json) {
        printJson('patches' in found ? found.patches : found);
        return;
      }
      if ('patches' in found) {
        printPatches(found.patches, found.labels);
        return;
      }
      print(
        `${colors.bold(visible(`${unit.bank}/${unit.index}`))}  masked tokens replaced by ${visible(found.mask.text)}; ` +
          'each token with its importance where that is 0.1 or more',
      );
      for (const example of found.examples) print(exampleLine(example));
    });
}

function exampleLine({
  activation,
  tokens,
  importance,
  drops,
  minimal,
  feature,
  position,
}: ExplainedExample): string {
  const first = Math.max(0, position + 1 - BEFORE);
  const passage = tokens.slice(first, position + 1 + AFTER).map((token, i) => {
    const share = importance?.[first + i] ?? 0;
    if (first + i === position) return peakMark(token);
    const text = visible(token);
    if (share < 0.1) return colors.dim(text);
    return `${share > 0.5 ? colors.yellow(text) : colors.green(text)}${colors.dim(`[${share.toFixed(2)}]`)}`;
  });
  const why =
    importance === null
      ? `no importance: masking the peak takes away ${cell(drops[position] ?? 0)} only`
      : '';
  return `  ${cell(activation).padStart(8)}  feature ${feature}, ${minimal} token${minimal === 1 ? ' suffices' : 's suffice'}  ${passage.join('')}  ${why}`.trimEnd();
}
