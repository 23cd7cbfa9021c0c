import type { Command } from 'commander';
import * as z from 'zod';
import { runOptions } from '../run/run-options.ts';
import { GO_ON } from './interrupt.ts';
import { addOptions, jsonOption } from './options.ts';
import { numberOf } from './parse.ts';
import { printMerged, printPart, withProgress } from './run-shards.ts';

const { threads } = runOptions.shape;
const shape = {
  out: z.string().min(1).meta({ description: 'the file of the merged part, or of the study', value: 'FILE' }),
  units: z.object({ number: z.int(), of: z.int() }).optional().meta({
    description:
      'of examples and rows: split only this share of the units into features, and write it to --out',
    value: 'i/n',
  }),
  threads,
  overwrite: z.boolean().default(false).meta({ description: 'replace a part or a study that is there' }),
  json: jsonOption,
};

interface Options {
  readonly out: string;
  readonly units?: { readonly number: number; readonly of: number };
  readonly threads?: number;
  readonly overwrite: boolean;
  readonly json: boolean;
}

export function define(command: Command): void {
  command
    .description(
      'Merges what the shards of a divided run found (run --plan FILE --shard i/n). Parts of one round become one part; ' +
        'the merged examples with the rows of all shards become the study, and shares of the units beside them are taken ' +
        'as they are. Any order and any grouping give the same.',
    )
    .argument('<PART...>', 'files that shards wrote, or merges of them');
  addOptions(command, shape, { units: numberOf });
  command
    .addHelpText(
      'after',
      `
How it goes together: docs/scaling.md`,
    )
    .action(async (parts: string[], { out, units, threads, overwrite, json }: Options) => {
      const { mergeShards } = await import('../run/shards/merge.ts');
      const share = units && { share: units.number, of: units.of };
      const merged = await withProgress(
        (hooks) => mergeShards({ parts, out, units: share, threads, overwrite, ...hooks }),
        GO_ON,
      );
      if ('part' in merged) return printPart(out, merged.part, json);
      printMerged(out, merged.study, json);
    });
}
