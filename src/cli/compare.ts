import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import type { Comparison } from '../compare/compare-banks.ts';
import { textOptions, whole } from '../model/text-options.ts';
import { START_AGAIN, untilInterrupted } from './interrupt.ts';
import { addOptions, studyArgument } from './options.ts';
import { cell, colors, number, Progress, print, printJson, table } from './terminal.ts';

const shape = {
  banks: z.array(z.string().min(1)).min(2).meta({
    description: 'the banks, with commas between, e.g. mlp.1,sae/small',
    value: 'A,B',
  }),
  examples: whole(2).optional().meta({
    description: 'examples of every unit',
    fallback: 'the most that half of the live units of each bank have',
  }),
  units: whole(2)
    .optional()
    .meta({ description: 'units of each bank, at most, drawn at random', fallback: 'all' }),
  seed: textOptions.seed,
  json: z
    .boolean()
    .default(false)
    .meta({ description: 'print one JSON document, which has the histograms too' }),
};

export function define(command: Command): void {
  command
    .description(
      'The polysemy of two or more banks side by side, with equal numbers of examples. Each unit’s examples are ' +
        'drawn down to one number and split into features anew; "null" is the median that the same units would ' +
        'have if their examples were unrelated ones of the bank.',
    )
    .argument('<STUDY>', studyArgument);
  addOptions(command, shape, { banks: (text) => text.split(',').map((name) => name.trim()) });
  command
    .addHelpText('after', '\nExample:\n  polyseme compare study.db --banks mlp.1,mlp.3 --units 100')
    .action(
      async (
        path: string,
        options: { banks: string[]; examples?: number; units?: number; seed: number; json?: boolean },
      ) => {
        const { banks, examples, units, seed } = options;
        const { openStudy } = await import('../study/open-study.ts');
        const { compareBanks } = await import('../study/compare-study.ts');
        const study = openStudy(path);
        try {
          const progress = new Progress();
          const comparison = await untilInterrupted(START_AGAIN, (signal) =>
            compareBanks(study, {
              banks,
              signal,
              examples,
              units,
              seed,
              onProgress: ({ bank, done, total }) => progress.show(bank, done, total, 'units'),
            }),
          );
          progress.end();
          if (options.json) printJson(comparison);
          else printComparison(comparison);
        } finally {
          study.close();
        }
      },
    );
}

/** The comparison as tables; `sae eval` shows the same. */
export function printComparison({ examples, banks, differences, threshold, linkage }: Comparison): void {
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
  return differs ? colors.yellow(text) : colors.dim(`no difference: ${text}`);
}
