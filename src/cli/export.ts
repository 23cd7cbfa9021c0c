import { once } from 'node:events';
import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import { UsageError } from '../errors.ts';
import type { Study } from '../study/study.ts';
import { modelShape } from './explained.ts';
import { START_AGAIN, untilInterrupted } from './interrupt.ts';
import { addOptions, bankOption, studyArgument } from './options.ts';
import { unitName } from './parse.ts';
import { noteUnfinished, number, Progress, print, printNote } from './terminal.ts';

const shape = {
  format: z.enum(['jsonl', 'parquet', 'site', 'html', 'neuronpedia']).default('jsonl').meta({
    description:
      'jsonl: a line for the study, then one per unit; parquet: a folder of tables; site: the explorer as a folder for any host of files; html: one unit as a page; neuronpedia: an upload',
    value: 'F',
  }),
  out: z.string().min(1).optional().meta({
    description: 'the file to write; of parquet and site the folder',
    value: 'FILE',
    fallback: 'standard output',
  }),
  bank: bankOption,
  unit: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'the unit of html, e.g. mlp.2/137', value: 'BANK/INDEX' }),
  overwrite: z.boolean().default(false).meta({
    description: 'replace a file or a site that an export made; a folder of tables must be removed',
  }),
  withModel: z.boolean().default(false).meta({
    description:
      'a site that runs the model in the page: adds its weights in half precision, and onnxruntime-web',
  }),
  model: modelShape.model,
  to: z.string().min(1).optional().meta({
    description: 'the Neuronpedia, e.g. http://localhost:3000; a key is taken from NEURONPEDIA_API_KEY',
    value: 'URL',
  }),
  modelId: z.string().min(1).optional().meta({
    description: 'what the model is called there',
    value: 'ID',
    fallback: 'its name here',
  }),
  carry: z.enum(['sections', 'features']).default('sections').meta({
    description: 'a unit there: its features as sections of one feature, or each as a feature of its own',
    value: 'HOW',
  }),
  names: z.boolean().default(true).meta({
    description:
      'upload no names: for a Neuronpedia without an OpenAI key, which it asks for embeddings of names',
  }),
};
type Options = Omit<z.output<z.ZodObject<typeof shape>>, 'unit'> & {
  readonly unit?: { readonly bank: string; readonly index: number };
};

export function define(command: Command): void {
  command.description('Hands a study over to other programs.').argument('<STUDY>', studyArgument);
  addOptions(command, shape, { unit: unitName });
  command
    .addHelpText(
      'after',
      `
Examples:
  polyseme export study.db --format jsonl --out study.jsonl
  polyseme export study.db --format parquet --out study-tables
  polyseme export study.db --format site --out site
  polyseme export study.db --format site --with-model --out site-with-model
  polyseme export study.db --format html --unit mlp.2/137 --out unit.html
  polyseme export study.db --format neuronpedia --to http://localhost:3000 --no-names`,
    )
    .action(async (path: string, options: Options) => {
      const { openStudy } = await import('../study/open-study.ts');
      const study = openStudy(path);
      try {
        noteUnfinished(path, study.info());
        await FORMATS[options.format](study, options);
      } finally {
        study.close();
      }
    });
}

const FORMATS: Readonly<Record<Options['format'], (study: Study, options: Options) => Promise<void>>> = {
  async jsonl(study, options) {
    const { jsonLines } = await import('../export/jsonl.ts');
    await write(study, jsonLines(study, options.bank), options);
  },
  async html(study, options) {
    const { unitHtml } = await import('../export/unit-html.ts');
    const { bank, index } = needed(options.unit, 'html', 'unit', 'mlp.0/0');
    await write(study, [unitHtml(study, bank, index)], options);
  },
  async parquet(study, { out, bank }) {
    const { writeParquet } = await import('../export/parquet.ts');
    const { withLock } = await import('../base/lock.ts');
    const dir = needed(out, 'parquet', 'out', 'tables');
    const progress = new Progress();
    await untilInterrupted(START_AGAIN, (signal) =>
      withLock(dir, 'writing', () =>
        writeParquet(study, dir, {
          bank,
          signal,
          onProgress: ({ stage, done, total, unit }) => progress.show(stage, done, total, unit),
        }),
      ),
    );
    progress.end();
    print(visible(`${dir}: ${number(study.units({ bank }).length)} units`));
  },
  async site(study, { out, overwrite, withModel, model }) {
    const { writeSite } = await import('../export/site/write-site.ts');
    const { openExplained } = await import('../server/explain/open-explained.ts');
    const { withLock } = await import('../base/lock.ts');
    const dir = needed(out, 'site', 'out', 'study-site');
    if (model !== undefined && !withModel) {
      throw new UsageError('option model says which model option with-model adds: give both, or neither');
    }
    const progress = new Progress();
    const explained = withModel ? openExplained(study, { model, onNote: printNote }) : undefined;
    const written = await untilInterrupted(START_AGAIN, (signal) =>
      withLock(dir, 'writing', () =>
        writeSite(study, dir, {
          overwrite,
          withModel: explained,
          signal,
          onProgress: ({ stage, done, total, unit }) => progress.show(stage, done, total, unit),
        }),
      ),
    ).finally(() => explained?.close());
    progress.end();
    const { files, bytes, model: added } = written;
    print(
      visible(`${dir}: ${number(files)} files, ${(bytes / 1e6).toFixed(1)} MB; any host of files serves it`),
    );
    if (added === undefined) return;
    const { differences, source, bytes: loaded } = added;
    const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;
    print(
      visible(
        `with ${source} (a page loads ${(loaded / 1e6).toFixed(1)} MB): its activations differ from the study’s by ${percent(differences.median)} (median of ${differences.examples} examples), ${percent(differences.largest)} at most`,
      ),
    );
    printNote('whoever opens the site gets the model’s weights: its licence must let you hand them on');
  },
  async neuronpedia(study, { to, modelId, bank, carry, names }) {
    const { neuronpedia } = await import('../export/neuronpedia/client.ts');
    const { openJournal } = await import('../export/neuronpedia/journal.ts');
    const { uploadStudy } = await import('../export/neuronpedia/upload.ts');
    const { withLock } = await import('../base/lock.ts');
    const address = needed(to, 'neuronpedia', 'to', 'http://localhost:3000');
    const journal = `${study.path}.neuronpedia`;
    const progress = new Progress();
    const { model, sources, features, skipped } = await untilInterrupted(
      'run the same command again: what was accepted is not sent again',
      (signal) =>
        withLock(journal, 'uploading by', async () =>
          uploadStudy(
            study,
            neuronpedia(address, process.env['NEURONPEDIA_API_KEY'] || undefined, { signal }),
            await openJournal(journal),
            {
              to: address,
              modelId,
              bank,
              carriage: carry,
              names,
              signal,
              onProgress: ({ stage, done, total, unit }) => progress.show(stage, done, total, unit),
            },
          ),
        ),
    );
    progress.end();
    const before = skipped > 0 ? ` (${number(skipped)} were there)` : '';
    print(visible(`${model}: ${number(features)} features${before} in ${sources.join(', ')}`));
  },
};

function needed<T>(value: T | undefined, format: string, option: string, example: string): T {
  if (value !== undefined) return value;
  throw new UsageError(`format ${format} needs option ${option}, e.g. ${example}`);
}

/** Writes a file whole or not at all, or standard output. */
async function write(
  study: Study,
  chunks: Iterable<string>,
  { out, overwrite, format, bank, unit }: Options,
): Promise<void> {
  if (out === undefined) {
    for (const chunk of chunks) if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
    return;
  }
  const { writeExport } = await import('../export/out-file.ts');
  const bytes = await writeExport(study, out, chunks, { overwrite });
  const what =
    format === 'html' && unit !== undefined
      ? `${unit.bank}/${unit.index}`
      : `${number(study.units({ bank }).length)} units`;
  print(visible(`${out}: ${what}, ${number(bytes)} bytes`));
}
