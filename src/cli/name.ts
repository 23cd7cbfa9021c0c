import type { Command } from 'commander';
import { visible } from '../base/visible.ts';
import { featureTitle } from '../features/feature-title.ts';
import { whole } from '../model/text-options.ts';
import { withExplained } from './explained.ts';
import { type NamerOptions, namerOf, namerShape } from './namer.ts';
import { addOptions, jsonOption, studyArgument, unitArgument } from './options.ts';
import { unitName } from './parse.ts';
import { colors, Progress, print, printJson } from './terminal.ts';

const shape = {
  ...namerShape,
  units: whole(1).default(10).meta({
    description: 'without a unit: how many, of those with several features, most effective features first',
  }),
  json: jsonOption,
};

interface Options extends NamerOptions {
  readonly units: number;
  readonly json: boolean;
}

export function define(command: Command): void {
  command
    .description(
      'Names features by a language model, and scores each name: the model is told the name alone and must tell examples of ' +
        'the feature that it has not seen from examples of the unit’s other features (siblings) and from random text. ' +
        '0.5 is chance. Nothing leaves this machine but the passages that are sent to the address you give.',
    )
    .argument('<STUDY>', studyArgument)
    .argument('[BANK/INDEX]', unitArgument, unitName);
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      '\nExample (with Ollama on this machine):\n  polyseme name study.db --units 5 --namer http://localhost:11434/v1 --namer-model llama3.2',
    )
    .action(async (path: string, unit: { bank: string; index: number } | undefined, options: Options) => {
      const { askedUnits, modelNames } = await import('../explain/model-names.ts');
      const progress = new Progress();
      const found = await withExplained(path, {}, async (explained, signal) => {
        const namer = namerOf(options, signal);
        const { study } = explained;
        const named = [];
        for (const one of askedUnits(study, unit, options.units)) {
          const names = await modelNames(explained, one, namer, {
            signal,
            onProgress: ({ stage, done, total, unit: counted }) => progress.show(stage, done, total, counted),
          });
          const { features } = study.unit(one.bank, one.index);
          named.push({ ...names, titles: features.map(featureTitle) });
        }
        return named;
      });
      progress.end();
      if (options.json) {
        printJson({ units: found.map(({ titles: _, ...names }) => names) });
        return;
      }
      for (const { bank, index, model, features, titles } of found) {
        print(`${colors.bold(visible(`${bank}/${index}`))}  ${colors.dim(`named by ${visible(model)}`)}`);
        for (const { feature, text, siblings, random, unanswered, asked } of features) {
          print(`  ${feature}  ${colors.cyan(visible(text ?? '(no name in its answer)'))}`);
          const lost = unanswered > 0 ? `, ${unanswered} of ${asked} passages unanswered` : '';
          print(
            colors.dim(
              `     against siblings ${score(siblings)}, random text ${score(random)}${lost}; pattern: ${visible(titles[feature] ?? '')}`,
            ),
          );
        }
      }
    });
}

function score(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}
