import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import { shownModel } from '../contract/image-grid.ts';
import type { BOUNDS } from '../features/auto.ts';
import { column, METRICS } from '../polysemy/column-lists.ts';
import { isPaper, PAPER, settledOptions } from '../run/settings.ts';
import { infoWithDead } from './dead.ts';
import { leftOut } from './left-out.ts';
import { addOptions, jsonOption, studyArgument } from './options.ts';
import { cell, colors, number, print, printJson, table } from './terminal.ts';

/** Options that the line `settings` has. */
const SETTINGS = [...Object.keys(PAPER), 'bounds'];

/** Metrics of polysemy that the summary has. */
const SUMMARISED = METRICS.filter((metric) => column(metric).brief && column(metric).group !== 'statistics');

const verifyOption = z.boolean().default(false).meta({
  description: 'read all of it first, and check that each unit and everything together is what the run wrote',
});

export function define(command: Command): void {
  command
    .description('What a study holds: model, data, options, counts, and a summary of the metrics.')
    .argument('<STUDY>', studyArgument);
  addOptions(command, { verify: verifyOption, json: jsonOption });
  command
    .addHelpText('after', '\nExample:\n  polyseme info study.db')
    .action(async (path: string, { json, verify }: { json?: boolean; verify?: boolean }) => {
      const { openStudy } = await import('../study/open-study.ts');
      const verified = verify ? (await import('../study/verify.ts')).verifyStudy(path) : null;
      const study = openStudy(path);
      try {
        const info = study.info();
        if (json) {
          printJson(infoWithDead(study));
          return;
        }
        const line = (name: string, value: string): void =>
          print(`${colors.dim(name.padEnd(10))}${visible(value)}`);
        line(
          'study',
          `${path}, ${info.status}${info.status === 'complete' ? '' : ': run its command again to continue'}`,
        );
        line('model', describe(shownModel(info.model)));
        line('data', describe(info.data));
        line('options', describe(without(info.options, SETTINGS)));
        line('settings', settings(info.options));
        if (info.contexts !== null) {
          line(
            'read',
            `${number(info.contexts)} contexts, ${number(info.tokens!)} text tokens, ${number(info.documents!)} documents`,
          );
        }
        for (const text of leftOut(info)) line('left out', text);
        line('examples', number(info.examples));
        line('content', info.contentHash ?? 'not complete');
        if (verified !== null) {
          const rest = verified.contentHash === null ? '' : ', and everything together';
          line('verified', `${number(verified.units)} units${rest}: as the run wrote them`);
        }
        (await import('./headline.ts')).printVerdicts(study);
        print();
        const rows = [['bank', 'units', 'dead', 'd', 'metric', 'least', 'median', 'most']];
        for (const bank of info.banks) {
          const units = study.units({ bank: bank.name });
          const dead = units.filter(({ examples }) => examples === 0).length;
          SUMMARISED.forEach((metric, i) => {
            const values = units
              .map((unit) => unit[metric])
              .filter((v) => v !== null)
              .sort((a, b) => a - b);
            const at = (share: number): string =>
              cell(values[Math.round(share * (values.length - 1))] ?? null);
            const head =
              i === 0
                ? [visible(bank.name), number(bank.units), number(dead), number(bank.width)]
                : ['', '', '', ''];
            rows.push([...head, metric, at(0), at(0.5), at(1)]);
          });
        }
        for (const text of table(rows, [false, true, true, true, false, true, true, true])) print(text);
      } finally {
        study.close();
      }
    });
}

/** What decides the examples, the features and the verdicts, as against the paper's. */
function settings(options: Readonly<Record<string, unknown>>): string {
  const settled = settledOptions(options);
  const values = SETTINGS.filter((name) => name !== 'bounds').map(
    (name) => `${name} ${settled[name] ?? 'off'}`,
  );
  const bounds = (options['bounds'] ?? null) as typeof BOUNDS | null;
  const verdict =
    bounds === null
      ? ''
      : `; several from separation ${bounds.separation}, scatter from relativeDistance ${bounds.scatter}, at most ${bounds.features} features`;
  return `${isPaper(options) ? 'the paper’s settings: ' : ''}${values.join(', ')}${verdict}`;
}

function without(values: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}

function describe(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== null)
    .map(([key, value]) =>
      key === 'source' ? String(value) : `${key} ${Array.isArray(value) ? value.join(',') : value}`,
    )
    .join(', ');
}
