import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import type { Comparison } from '../compare/compare-banks.ts';
import { UsageError } from '../errors.ts';
import { evaluateOptions } from '../evaluate/evaluate-options.ts';
import { textOptions, whole } from '../model/text-options.ts';
import type { Study } from '../study/study.ts';
import { flag } from './flags.ts';
import { START_AGAIN, untilInterrupted } from './interrupt.ts';
import { addOptions } from './options.ts';
import { printRedrawn } from './redrawn-table.ts';
import { cell, colors, number, Progress, print, printJson, table } from './terminal.ts';

const shape = {
  banks: z.array(z.string().min(1)).optional().meta({
    description: 'banks of the one study, with commas between, e.g. mlp.1,sae/small',
    value: 'A,B',
  }),
  examples: whole(2).optional().meta({
    description: 'examples of every unit',
    fallback: 'the most that half of the live units of each bank have; at most 32 with --redraw',
  }),
  units: whole(2)
    .optional()
    .meta({ description: 'units of each bank, at most, drawn at random', fallback: 'all' }),
  redraw: z.boolean().default(false).meta({
    description:
      'run the model and draw the examples anew, several times, at random among all tokens that activate a unit',
  }),
  tokens: evaluateOptions.shape.tokens.unwrap().optional().meta({
    description: 'with --redraw: about so many text tokens',
    fallback: '100000',
  }),
  seeds: evaluateOptions.shape.seeds.unwrap().optional().meta({
    description: 'with --redraw: draws of each unit’s examples, each from a part of the text of its own',
    fallback: '5',
  }),
  model: z.string().min(1).optional().meta({
    description: 'with --redraw: the model',
    value: 'M',
    fallback: 'the study’s',
  }),
  data: z.string().min(1).optional().meta({
    description: 'with --redraw: the text',
    value: 'D',
    fallback: 'the study’s',
  }),
  sae: z.array(z.string().min(1)).optional().meta({
    description: 'with --redraw: where the SAE of a bank sae/NAME lies; may be given several times',
    value: 'NAME=PATH',
  }),
  seed: textOptions.seed,
  json: z
    .boolean()
    .default(false)
    .meta({ description: 'print one JSON document, which has the histograms too' }),
};

interface Options {
  readonly banks?: string[];
  readonly examples?: number;
  readonly units?: number;
  readonly redraw: boolean;
  readonly tokens?: number;
  readonly seeds?: number;
  readonly model?: string;
  readonly data?: string;
  readonly sae?: string[];
  readonly seed: number;
  readonly json: boolean;
}

/** Options that mean something with --redraw only. */
const OF_REDRAW = ['tokens', 'seeds', 'model', 'data', 'sae'] as const;

export function define(command: Command): void {
  command
    .description(
      'The polysemy of two or more banks side by side, with equal numbers of examples. Each unit’s examples are ' +
        'drawn down to one number and split into features anew; "null" is what the same units would have if their ' +
        'examples were unrelated ones of the bank. Banks are ranked only where examples are drawn at random among ' +
        'all tokens that activate a unit: with --redraw, or in studies made with --select random --every-position.',
    )
    .argument(
      '<STUDY...>',
      'the file of a study, with --banks; or FILE:BANK, FILE:BANK, … of several studies',
    );
  addOptions(command, shape, { banks: (text) => text.split(',').map((name) => name.trim()) });
  command
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme compare study.db --banks mlp.1,mlp.3 --units 100\n' +
        '  polyseme compare study.db:mlp.1 study.db:mlp.3 --redraw --tokens 3000 --examples 4 --units 20',
    )
    .action(act);
}

async function act(args: string[], options: Options): Promise<void> {
  const { redraw, json, examples, units, seed } = options;
  const unused = redraw ? [] : OF_REDRAW.filter((name) => options[name] !== undefined);
  if (unused.length > 0) throw new UsageError(`${flag(unused[0]!)} means nothing without --redraw`);
  const named = namedBanks(args, options.banks);
  const [{ openStudy }, { compareStudyBanks }] = await Promise.all([
    import('../study/open-study.ts'),
    import('../study/compare-study.ts'),
  ]);
  const opened = new Map<string, Study>();
  try {
    const banks = named.map(({ path, ...bank }) => {
      const study = opened.get(path) ?? openStudy(path);
      opened.set(path, study);
      return { study, ...bank };
    });
    const progress = new Progress();
    if (redraw) {
      const { redrawBanks } = await import('../evaluate/redraw-study.ts');
      const found = await untilInterrupted(START_AGAIN, (signal) =>
        redrawBanks(banks, {
          ...options,
          signal,
          onProgress: ({ stage, done, total, unit }) => progress.show(stage, done, total, unit),
        }),
      );
      progress.end();
      if (json) printJson(found);
      else printRedrawn(found);
      return;
    }
    const found = await untilInterrupted(START_AGAIN, (signal) =>
      compareStudyBanks(banks, {
        examples,
        units,
        seed,
        signal,
        onProgress: ({ bank, done, total }) => progress.show(bank, done, total, 'units'),
      }),
    );
    progress.end();
    if (json) printJson(found);
    else printComparison(found);
  } finally {
    for (const study of opened.values()) study.close();
  }
}

/** The banks of one study by --banks, or FILE:BANK each; anything else is wrong usage. */
function namedBanks(
  args: readonly string[],
  names: readonly string[] | undefined,
): { path: string; bank: string; name?: string }[] {
  if (names !== undefined) {
    if (args.length > 1)
      throw new UsageError('with --banks name one study; or write FILE:BANK for each bank');
    return names.map((bank) => ({ path: args[0]!, bank }));
  }
  return args.map((text) => {
    const at = text.lastIndexOf(':');
    if (at < 1 || at === text.length - 1) {
      throw new UsageError(`${text} names no bank: write FILE:BANK, or give --banks`);
    }
    return { path: text.slice(0, at), bank: text.slice(at + 1), name: text };
  });
}

/** The comparison as tables. */
function printComparison({
  examples,
  banks,
  differences,
  threshold,
  linkage,
  unequalDepth,
}: Comparison): void {
  print(
    `${number(examples)} examples of every unit; ${linkage} linkage cut at ${threshold}; medians with 95 % intervals`,
  );
  for (const { name, units, dead, tooFew, compared, belowNull } of banks) {
    const k =
      belowNull === null
        ? ''
        : `; fewer clusters than its null in ${cell(100 * belowNull, 1)} % of them (ties count half)`;
    print(
      `  ${colors.bold(visible(name))}: ${number(compared)} of ${number(units)} units (${number(dead)} dead, ${number(tooFew)} with fewer examples)${k}`,
    );
  }
  const rows = [['metric', 'bank', 'units', 'median', '95 %', 'mean', 'quartiles', 'null', '']];
  for (const metric of Object.keys(banks[0]!.metrics) as (keyof (typeof banks)[number]['metrics'])[]) {
    banks.forEach(({ name, metrics }, i) => {
      const m = metrics[metric];
      const first = banks[0]!.name;
      const found = differences.find(
        (d) => d.metric === metric && d.banks[0] === first && d.banks[1] === name,
      );
      rows.push([
        i === 0 ? metric : '',
        visible(name),
        number(m.count),
        cell(m.median),
        m.interval === null ? '–' : `${cell(m.interval[0])} to ${cell(m.interval[1])}`,
        cell(m.mean),
        `${cell(m.q1)} to ${cell(m.q3)}`,
        cell(m.null.median),
        found === undefined ? '' : describeDifference(found),
      ]);
    });
  }
  print();
  for (const line of table(rows, [false, false, true, true, true, true, true, true, false])) print(line);
  if (unequalDepth.length === 0) return;
  print(`\nNo verdict, because depth is unequal: ${visible(unequalDepth.join('; '))}.`);
  print(
    'A unit that is active more often is then looked at nearer to its maximum; --redraw runs the model and draws examples at random.',
  );
}

function describeDifference({
  differs,
  superiority,
  superiorityInterval,
  banks,
}: Comparison['differences'][number]): string {
  const [low, high] = superiorityInterval;
  const chance = `${cell(100 * superiority, 0)} % (${cell(100 * low, 0)} to ${cell(100 * high, 0)})`;
  const text = `${visible(banks[0])} larger in ${chance} of pairs`;
  if (differs === null) return text;
  return differs ? colors.yellow(text) : colors.dim(`no difference: ${text}`);
}
