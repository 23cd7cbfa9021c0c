import { once } from 'node:events';
import type { Command } from 'commander';
import * as z from 'zod';
import { writeWhole } from '../base/files.ts';
import { withLock } from '../base/lock.ts';
import { visibleJson } from '../base/visible.ts';
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
        if (out === undefined) await writeStream(lines(study, bank), process.stdout);
        else await withLock(out, 'writing', () => writeWhole(out, lines(study, bank)));
      } finally {
        study.close();
      }
    });
}

/** Lines written together. */
const LINES = 64;

/** The lines of a study, some at a time. */
function* lines(study: Study, bank: string | undefined): Generator<string> {
  let text = '';
  for (const [i, unit] of study.units({ bank }).entries()) {
    text += `${visibleJson(study.unit(unit.bank, unit.index))}\n`;
    if ((i + 1) % LINES !== 0) continue;
    yield text;
    text = '';
  }
  yield text;
}

async function writeStream(chunks: Iterable<string>, stream: NodeJS.WritableStream): Promise<void> {
  for (const chunk of chunks) if (!stream.write(chunk)) await once(stream, 'drain');
}
