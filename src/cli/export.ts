import { once } from 'node:events';
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { visibleJson } from '../base/visible.ts';
import { PolysemeError } from '../errors.ts';
import { openStudy } from '../study/open-study.ts';
import type { Study } from '../study/study.ts';

export function define(command: Command): void {
  command
    .description('Hands a study over: a JSON line a unit, as `unit --json` shows it.')
    .argument('<STUDY>', 'the study')
    .addOption(new Option('--format <F>', 'format').choices(['jsonl']).default('jsonl'))
    .option('--out <FILE>', 'file to write (default: standard output)')
    .option('--bank <B>', 'only this bank')
    .addHelpText('after', '\nExample:\n  polyseme export study.db --format jsonl --out study.jsonl')
    .action(async (path: string, { out, bank }: { out?: string; bank?: string }) => {
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
