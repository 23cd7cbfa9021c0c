import { type Command, Option } from 'commander';
import { CACHE_DTYPES, type CacheDtype } from '../activations/cache.ts';
import { cacheActivations } from '../activations/cache-activations.ts';
import { visible } from '../base/visible.ts';
import { runOptions } from '../run/run-options.ts';
import { wholeNumber } from './parse.ts';
import { number, Progress, print, printJson } from './terminal.ts';

interface Options {
  readonly model: string;
  readonly data: string;
  readonly site: string;
  readonly out: string;
  readonly tokens: number;
  readonly dtype: CacheDtype;
  readonly bos: 'auto' | 'yes' | 'no';
  readonly column: string;
  readonly context?: number;
  readonly contexts?: number;
  readonly seed: number;
  readonly threads?: number;
  readonly json?: boolean;
}

export function define(command: Command): void {
  const defaults = runOptions.parse({});
  command
    .description(
      'Runs a model over a corpus once and writes its activations at a site to disk, for many trainings to read\n' +
        '(sae train --activations DIR). Killed and typed again, it continues.',
    )
    .option('--model <M>', 'a folder, a hub id or builtin:folio-5m', defaults.model)
    .option('--data <D>', 'as for run', defaults.data)
    .requiredOption('--site <SITE>', 'where in the model, e.g. blocks.2.hook_resid_post')
    .option('--tokens <N>', 'vectors; all where the data has fewer', wholeNumber(1), 1_000_000)
    .requiredOption('--out <DIR>', 'the folder')
    .addOption(new Option('--dtype <T>', 'f16: half the space, rounded').choices(CACHE_DTYPES).default('f16'))
    .option(
      '--context <N>',
      'tokens of a context, BOS counted (default: 128, or the model’s limit)',
      wholeNumber(2),
    )
    .option('--contexts <N>', 'contexts spread over the documents (default: all, in order)', wholeNumber(1))
    .addOption(
      new Option('--bos <WHEN>', 'begin contexts with BOS; auto: what the tokenizer does')
        .choices(runOptions.shape.bos.unwrap().options)
        .default(defaults.bos),
    )
    .option('--column <NAME>', 'column of the text in JSONL, CSV and Parquet', defaults.column)
    .option('--seed <N>', 'of the choice that --contexts makes', wholeNumber(0), defaults.seed)
    .option('--threads <N>', 'default: all cores', wholeNumber(1))
    .option('--json', 'print the manifest as JSON')
    .action(act);
}

async function act({ json, ...options }: Options): Promise<void> {
  const progress = new Progress();
  const manifest = await cacheActivations(options, {
    onProgress: (done, total) => progress.show('cache', done, total, 'vectors'),
  });
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
