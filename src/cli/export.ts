import { once } from 'node:events';
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import * as z from 'zod';
import { visibleJson } from '../base/visible.ts';
import { PolysemeError } from '../errors.ts';
import type { Study } from '../study/study.ts';
import { addOptions, bankOption, studyArgument } from './options.ts';

const shape = {
  format: z.enum(['jsonl']).default('jsonl').meta({ description: 'the format', value: 'F' }),
  out: z.string().min(1).optional().meta({
    description: 'the file to write',
    value: 'FILE',
    fallback: 'standard output',
  }),
  bank: bankOption,
};

export function define(command: Command): void {
  command
    .description('Writes a study for other programs: one JSON line per unit, as `unit --json` prints it.')
    .argument('<STUDY>', studyArgument);
  addOptions(command, shape);
  command
    .addHelpText('after', '\nExample:\n  polyseme export study.db --format jsonl --out study.jsonl')
    .action(async (path: string, { out, bank }: { out?: string; bank?: string }) => {
      const { openStudy } = await import('../study/open-study.ts');
      const study = openStudy(path);
      try {
        if (out === undefined) await writeLines(study, bank, process.stdout);
        else await writeFile(study, bank, out);
      } finally {
        study.close();
      }
    });
}

/** Written aside and renamed, so that a file of that name is whole. */
async function writeFile(study: Study, bank: string | undefined, out: string): Promise<void> {
  const temporary = `${out}.new`;
  const stream = createWriteStream(temporary);
  try {
    await once(stream, 'open');
    await writeLines(study, bank, stream);
    stream.end();
    await finished(stream);
    renameSync(temporary, out);
  } catch (error) {
    stream.destroy();
    rmSync(temporary, { force: true });
    if (error instanceof PolysemeError) throw error;
    throw new PolysemeError(`cannot write ${out}: ${(error as Error).message}`);
  }
}

async function writeLines(
  study: Study,
  bank: string | undefined,
  stream: NodeJS.WritableStream,
): Promise<void> {
  for (const unit of study.units({ bank })) {
    const line = `${visibleJson(study.unit(unit.bank, unit.index))}\n`;
    if (!stream.write(line)) await once(stream, 'drain');
  }
}
