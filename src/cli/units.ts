import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import { PolysemeError } from '../errors.ts';
import { featureTitle } from '../features/feature-title.ts';
import { whole } from '../model/text-options.ts';
import { column, LISTED, METRICS } from '../polysemy/column-lists.ts';
import { SORTS, type UnitSort } from '../polysemy/order.ts';
import type { Study } from '../study/study.ts';
import { addOptions, bankOption, studyArgument } from './options.ts';
import { cell, colors, noteUnfinished, print, printJson, table } from './terminal.ts';

const BRIEF = LISTED.filter((name) => column(name).brief);
/** Where in the model a unit is: shown where one of the table says so. */
const PLACES = LISTED.filter((name) => column(name).group === 'place');
/** What `--help` says of each metric. */
const HELP = METRICS.map((metric) => `  ${metric.padEnd(22)}${column(metric).meaning}`).join('\n');

const ORDERS = ['unit', ...SORTS] as const;

const shape = {
  bank: bankOption,
  expert: whole(0).optional().meta({
    description: 'only units of this expert of a mixture, from 0',
    value: 'N',
    fallback: 'all',
  }),
  sort: z.enum(ORDERS).default('verdict').meta({
    description:
      'what to sort by: verdict (several things first, the most effective features first), unit (bank and index), or a metric',
    value: 'ORDER',
  }),
  desc: z.boolean().default(false).meta({
    description: 'the other way round: the largest first; units without a number stay last',
  }),
  limit: whole(1).optional().meta({ description: 'show so many units at most', fallback: 'all' }),
  json: z.boolean().default(false).meta({ description: 'print one JSON document, with every metric' }),
};

export function define(command: Command): void {
  command
    .description('A table of units with their statistics and polysemy.')
    .argument('<STUDY>', studyArgument);
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      `\nMetrics:\n${HELP}\n\nExample:\n  polyseme units study.db --sort clusters --desc --limit 10`,
    )
    .action(
      async (
        path: string,
        options: {
          bank?: string;
          expert?: number;
          sort: 'unit' | UnitSort;
          desc?: boolean;
          limit?: number;
          json?: boolean;
        },
      ) => {
        const { openStudy } = await import('../study/open-study.ts');
        const study = openStudy(path);
        try {
          noteUnfinished(path, study.info());
          const { bank, expert, sort, desc: descending, limit } = options;
          const order = sort === 'unit' ? undefined : sort;
          const units = study.units({ bank, expert, sort: order, descending, limit });
          if (expert !== undefined && units.length === 0) throw noExpert(study, bank, expert);
          if (options.json) {
            printJson({ units });
            return;
          }
          const columns = [...BRIEF, ...PLACES.filter((name) => units.some((unit) => unit[name] !== null))];
          const rows = [['unit', ...columns.map((name) => column(name).short), 'the largest feature']];
          for (const unit of units) {
            const words = study.words(unit.bank, unit.index)[0] ?? [];
            const name = study.names(unit.bank, unit.index)[0] ?? null;
            const values = columns.map((name) =>
              cell(unit[name], column(name).format === 'activation' ? 2 : 3),
            );
            rows.push([
              visible(`${unit.bank}/${unit.index}`),
              ...values,
              colors.cyan(visible(featureTitle({ name, words }))),
            ]);
          }
          for (const line of table(rows, [
            false,
            ...columns.map((name) => column(name).type !== 'word'),
            false,
          ]))
            print(line);
        } finally {
          study.close();
        }
      },
    );
}

function noExpert(study: Study, bank: string | undefined, expert: number): PolysemeError {
  const experts = study.units({ bank }).flatMap((unit) => unit.expert ?? []);
  const where = bank === undefined ? 'the study' : visible(bank);
  return new PolysemeError(
    experts.length === 0
      ? `option expert is ${expert}, but ${where} has no mixture of experts: leave it out`
      : `option expert is ${expert}: the experts of ${where} are 0 to ${Math.max(...new Set(experts))}`,
    'not-found',
  );
}
