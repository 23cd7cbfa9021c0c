import type { Command } from 'commander';
import * as z from 'zod';
import type { SearchedPassage, SearchedUnit } from '../answers/search-study.ts';
import { visible } from '../base/visible.ts';
import { featureTitle } from '../features/feature-title.ts';
import { whole } from '../model/text-options.ts';
import { START_AGAIN, untilInterrupted } from './interrupt.ts';
import { addOptions, bankOption, studyArgument } from './options.ts';
import { colors, noteUnfinished, number, Progress, peakMark, print, printJson } from './terminal.ts';

const shape = {
  bank: bankOption,
  parts: z
    .boolean()
    .default(false)
    .meta({ description: 'words that contain those of the query match too; they come after whole words' }),
  limit: whole(1).max(1000).default(10).meta({ description: 'show so many units at most' }),
  json: z.boolean().default(false).meta({ description: 'print one JSON document, as /api/search answers' }),
};

interface Options {
  readonly bank?: string;
  readonly parts?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

export function define(command: Command): void {
  command
    .description(
      'Units by the words around the peaks of their examples, and by the names and words of their features, best first: ' +
        'how many examples have the words within five tokens of their peak, and the best passage with the words marked. ' +
        'All words of the query must be found in one passage; "a phrase" in quotes as it is.',
    )
    .argument('<STUDY>', studyArgument)
    .argument('<QUERY>', 'words, "phrases", banks (mlp.1) and units (mlp.1/37)');
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme search study.db congress\n  polyseme search study.db \'"of the" war\' --bank mlp.1 --limit 3',
    )
    .action((path: string, query: string, options: Options) =>
      untilInterrupted(START_AGAIN, (signal) => run(path, query, options, signal)),
    );
}

async function run(
  path: string,
  query: string,
  { json, ...options }: Options,
  signal: AbortSignal,
): Promise<void> {
  const [{ openStudy }, { searchStudy }, { parseQuery }] = await Promise.all([
    import('../study/open-study.ts'),
    import('../answers/search-study.ts'),
    import('../search/query.ts'),
  ]);
  const progress = new Progress();
  const study = openStudy(path);
  try {
    noteUnfinished(path, study.info());
    const answer = await searchStudy(study, query, {
      ...options,
      signal,
      onProgress: ({ stage, done, total, unit }) => progress.show(stage, done, total, unit),
    });
    progress.end();
    if (answer.total === 0) {
      const banks = study.info().banks.map(({ name }) => name);
      // A unit that the study has not is an error, the one that `unit` gives.
      for (const { bank, index } of parseQuery(query, banks).units) study.unit(bank, index);
    }
    if (json) {
      printJson(answer);
      return;
    }
    for (const unit of answer.units) printUnit(unit);
    const { length } = answer.units;
    if (answer.total === 0) {
      const hint = options.parts ? '' : '; try --parts, for words that contain them';
      print(`no unit has ${visible(query)} around its peaks${hint}`);
    } else if (answer.total > length) {
      print(colors.dim(`the first ${number(length)} of ${number(answer.total)} units`));
    }
  } finally {
    study.close();
  }
}

function printUnit({ bank, index, examples, found, matches, passage }: SearchedUnit): void {
  const [best] = matches;
  const said = best === undefined ? '' : visible(featureTitle(best));
  const feature = best === undefined ? '' : `  feature ${best.feature}  ${colors.cyan(said)}`;
  const count =
    best === undefined ? `${number(examples)} examples` : `${number(found)} of ${number(examples)} examples`;
  print(`${colors.bold(visible(`${bank}/${index}`))}  ${count}${feature}`);
  if (passage === null) return;
  const text = passage.image === undefined ? textOf(passage) : visible(passage.image.label ?? 'no label');
  print(`  ${text}  ${colors.dim(visible(passage.document))}`);
}

/** The tokens of a passage: the peak bright, what was searched for underlined. */
function textOf({ tokens, position, marked }: SearchedPassage): string {
  const isMarked = new Set(marked);
  const shown = tokens.map((token, i) => {
    const marks = (text: string): string =>
      isMarked.has(i) && text !== '' ? colors.underline(colors.yellow(text)) : text;
    if (i === position) return peakMark(token, marks);
    const space = /^\s*/.exec(token)![0];
    return visible(space) + marks(visible(token.slice(space.length)));
  });
  return shown.join('');
}
