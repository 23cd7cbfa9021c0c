import type { Command } from 'commander';
import * as z from 'zod';
import { cacheOptions } from '../activations/cache-options.ts';
import { visible } from '../base/visible.ts';
import { RESUME, untilInterrupted } from './interrupt.ts';
import { addOptions } from './options.ts';
import { number, Progress, print, printJson } from './terminal.ts';

const json = z.boolean().default(false).meta({ description: 'print the manifest, as one JSON document' });

type Options = z.output<typeof cacheOptions> & { readonly json?: boolean };

export function define(command: Command): void {
  command.description(
    'Runs a model over text once and writes its activations at a site to disk, for many trainings to read ' +
      '(sae train --activations DIR). Run the same command again to resume an interrupted one.',
  );
  addOptions(command, { ...cacheOptions.shape, json });
  command
    .addHelpText(
      'after',
      '\nExample:\n  polyseme sae cache --site blocks.2.hook_resid_post --tokens 6000 --out activations',
    )
    .action(act);
}

async function act({ json, ...options }: Options): Promise<void> {
  const { cacheActivations } = await import('../activations/cache-activations.ts');
  const progress = new Progress();
  const manifest = await untilInterrupted(RESUME, (signal) =>
    cacheActivations({
      ...options,
      signal,
      onProgress: ({ stage, done, total, unit, at }) => progress.show(stage, done, total, unit, at),
    }),
  );
  progress.end();
  if (json) printJson(manifest);
  else {
    const { count, width, dtype, origin } = manifest;
    print(
      visible(
        `${options.out}: ${number(count)} vectors of ${width} (${dtype}), ${origin.site} of ${origin.model}`,
      ),
    );
    if (count < options.tokens) print(visible(`note: ${origin.data} has no more than these`));
  }
}
