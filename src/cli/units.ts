import { type Command, Option } from 'commander';
import { visible } from '../base/visible.ts';
import { column, LISTED, METRICS, type Metric } from '../polysemy/column-lists.ts';
import { openStudy } from '../study/open-study.ts';
import { wholeNumber } from './parse.ts';
import { cell, colors, print, printJson, table } from './terminal.ts';

const COLUMNS = LISTED.filter((name) => column(name).brief);
/** What `--help` says of each metric. */
const HELP = METRICS.map((metric) => `  ${metric.padEnd(22)}${column(metric).meaning}`).join('\n');

export function define(command: Command): void {
  command
    .description('A table of units with their statistics and polysemy.')
    .argument('<STUDY>', 'the study')
    .option('--bank <B>', 'only this bank, e.g. mlp.2')
    .addOption(new Option('--sort <METRIC>', 'order by a metric (default: bank and index)').choices(METRICS))
    .option('--desc', 'largest first; units without a number stay last')
    .option('--limit <N>', 'at most so many units', wholeNumber(1))
    .option('--json', 'as JSON, with every metric')
    .addHelpText(
      'after',
      `\nMetrics:\n${HELP}\n\nExample:\n  polyseme units study.db --sort clusters --desc --limit 10`,
    )
    .action(
      (
        path: string,
        options: { bank?: string; sort?: Metric; desc?: boolean; limit?: number; json?: boolean },
      ) => {
        const study = openStudy(path);
        try {
          const { bank, sort, desc: descending, limit } = options;
          const units = study.units({ bank, sort, descending, limit });
          if (options.json) {
            printJson({ units });
            return;
          }
          const rows = [
            ['unit', ...COLUMNS.map((name) => column(name).short), 'words of the largest feature'],
          ];
          for (const unit of units) {
            const words = study.words(unit.bank, unit.index)[0] ?? [];
            const values = COLUMNS.map((name) =>
              cell(unit[name], column(name).format === 'activation' ? 2 : 3),
            );
            rows.push([
              visible(`${unit.bank}/${unit.index}`),
              ...values,
              colors.cyan(visible(words.join(', '))),
            ]);
          }
          for (const line of table(rows, [
            false,
            ...COLUMNS.map((name) => column(name).type !== 'word'),
            false,
          ]))
            print(line);
        } finally {
          study.close();
        }
      },
    );
}
