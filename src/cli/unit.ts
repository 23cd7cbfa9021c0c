import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import type { Certainty } from '../features/certainty.ts';
import { featureTitle, nameScores } from '../features/feature-title.ts';
import type { UnitExample } from '../features/split-unit.ts';
import { wordList } from '../features/words.ts';
import { whole } from '../model/text-options.ts';
import type { Study } from '../study/study.ts';
import { spelledAt } from '../tokenizer/byte-tokens.ts';
import { printCertainty } from './certainty-table.ts';
import { addOptions, studyArgument, unitArgument } from './options.ts';
import { unitName } from './parse.ts';
import { cell, colors, noteUnfinished, peakMark, print, printJson } from './terminal.ts';

/** Tokens shown to each side of the peak. */
const AROUND = 12;

const shape = {
  examples: whole(1).default(3).meta({ description: 'examples shown of each feature' }),
  significance: z.boolean().default(false).meta({
    description:
      'also say how sure the features are: z of the separation against 39 seeded draws of one cloud, and of each feature whether it is found again; kept beside the study',
  }),
  json: z
    .boolean()
    .default(false)
    .meta({ description: 'print one JSON document, with every example and the tree' }),
};

export function define(command: Command): void {
  command
    .description(
      'One unit: its polysemy, its features, largest first, and examples with the tokens coloured by activation.',
    )
    .argument('<STUDY>', studyArgument)
    .argument('<BANK/INDEX>', unitArgument, unitName);
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme unit study.db mlp.2/137\n  polyseme unit study.db mlp.2/137 --significance',
    )
    .action(
      async (
        path: string,
        name: { bank: string; index: number },
        options: { examples: number; significance?: boolean; json?: boolean },
      ) => {
        const { openStudy } = await import('../study/open-study.ts');
        const study = openStudy(path);
        try {
          const unit = study.unit(name.bank, name.index);
          noteUnfinished(path, study.info());
          const certainty = options.significance ? await certaintyOf(study, name) : null;
          if (options.json) {
            printJson(certainty === null ? unit : { ...unit, certainty });
            return;
          }
          print(
            `${colors.bold(visible(`${unit.bank}/${unit.index}`))}  ${unit.features.length} feature${unit.features.length === 1 ? '' : 's'} in ${unit.examples} examples${unit.verdict === null ? '' : `: ${unit.verdict}`}`,
          );
          print(
            colors.dim(
              `max activation ${cell(unit.maxActivation)}, mean ${cell(unit.mean)}, density ${cell(unit.density)}, ` +
                `separation ${cell(unit.separation)}, mean distance ${cell(unit.meanDistance)} (${cell(unit.relativeDistance, 2)} of unrelated inputs’), max ${cell(unit.maxDistance)}, ` +
                `intra ${cell(unit.intraClusterDistance)}, inter ${cell(unit.interClusterDistance)}, silhouette ${cell(unit.silhouette)}`,
            ),
          );
          if (certainty !== null) printCertainty(certainty);
          for (const feature of unit.features) {
            print(`\n${colors.bold(colors.cyan(visible(featureTitle(feature)) || '(no words)'))}`);
            print(
              colors.dim(
                `feature ${feature.id}: ${feature.size} examples, mean activation ${cell(feature.meanActivation)}`,
              ),
            );
            if (feature.name !== null) {
              print(
                colors.dim(`name: ${nameScores(feature.name)}; words: ${visible(wordList(feature.words))}`),
              );
            }
            const central = feature.examples.find(({ id }) => id === feature.central)!;
            const shown = [central, ...feature.examples.filter((e) => e !== central)].slice(
              0,
              options.examples,
            );
            for (const example of shown) print(exampleLine(example, unit.maxActivation ?? 1));
          }
        } finally {
          study.close();
        }
      },
    );
}

async function certaintyOf(
  study: Study,
  { bank, index }: { bank: string; index: number },
): Promise<Certainty> {
  const { unitCertainty } = await import('../study/certainty.ts');
  return unitCertainty(study, bank, index);
}

/** An example that is an image: where its peak is, and what it shows. */
function imageLine({ activation, tokens, position, document, label }: UnitExample): string {
  const place = tokens.length > 1 ? `at ${tokens[position]} ` : '';
  const shows = label === null || label === undefined ? 'no label' : `shows ${visible(label)}`;
  return `  ${cell(activation).padStart(8)}  ${place}${colors.bold(shows)}  ${colors.dim(visible(document))}`;
}

function exampleLine(example: UnitExample, largest: number): string {
  const { activation, activations, tokens, document, label } = example;
  if (label !== undefined) return imageLine(example);
  const position = spelledAt(tokens, example.position);
  const first = Math.max(0, position - AROUND);
  const shown = tokens.slice(first, position + AROUND + 1).map((token, i) => {
    const at = first + i;
    if (at === position) return peakMark(token);
    const text = visible(token);
    const share = Math.abs(activations[at]! / largest);
    return share > 0.5 ? colors.yellow(text) : share > 0.2 ? colors.green(text) : text;
  });
  return `  ${cell(activation).padStart(8)}  ${shown.join('')}  ${colors.dim(visible(document))}`;
}
