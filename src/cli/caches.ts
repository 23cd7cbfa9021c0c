import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import * as z from 'zod';
import { type Stored, storedAt, storedIn } from '../base/folder-size.ts';
import { visible } from '../base/visible.ts';
import { convertedModels } from '../model/gguf/converted-models.ts';
import { cachePath } from '../study/cache.ts';
import { spareVectors, vectorsFolder } from '../study/vectors.ts';
import { addOptions, jsonOption } from './options.ts';
import { colors, print, printJson, table } from './terminal.ts';

const shape = {
  clear: z
    .boolean()
    .default(false)
    .meta({ description: 'remove them; they are made again when they are needed' }),
  json: jsonOption,
};

interface Cache extends Stored {
  readonly kind: string;
}

export function define(command: Command): void {
  command
    .description(
      'What is kept so that it need not be computed again: models dequantised from GGUF files (of at most 64 GB; those not ' +
        'used for longest make room), vectors of studies whose folder cannot be written (4 GB, as these) and, of the studies that ' +
        'are named, results and vectors beside them. Downloads are in the cache of Hugging Face’s libraries, which has tools of its own.',
    )
    .argument('[STUDY...]', 'studies whose results and vectors are listed too');
  addOptions(command, shape);
  command
    .addHelpText('after', '\nExamples:\n  polyseme caches study.db\n  polyseme caches study.db --clear')
    .action(
      async (studies: string[], { clear = false, json }: { readonly clear?: boolean; json?: boolean }) => {
        const caches = await listed(studies);
        if (clear) for (const { path } of caches) await rm(path, { recursive: true, force: true });
        if (json) {
          printJson(
            caches.map(({ used, ...cache }) => ({
              ...cache,
              used: new Date(used).toISOString(),
              cleared: clear,
            })),
          );
          return;
        }
        const rows = caches.map(({ kind, path, bytes, used }) => [
          kind,
          `${(bytes / 1e6).toFixed(1)} MB`,
          new Date(used).toISOString().slice(0, 10),
          visible(path),
        ]);
        for (const line of table([['what', 'size', 'used', 'where'], ...rows], [false, true, false, false]))
          print(line);
        const total = caches.reduce((sum, { bytes }) => sum + bytes, 0);
        print(
          colors.dim(`${caches.length} in all, ${(total / 1e6).toFixed(1)} MB${clear ? ', removed' : ''}`),
        );
      },
    );
}

async function listed(studies: readonly string[]): Promise<Cache[]> {
  const of = (kind: string, found: readonly (Stored | null)[]): Cache[] =>
    found.flatMap((stored) => (stored === null ? [] : [{ kind, ...stored }]));
  const groups = [
    of('model from GGUF', await storedIn(convertedModels())),
    of('vectors of a read-only study', await storedIn(spareVectors())),
  ];
  for (const study of studies) {
    groups.push(of('results', [await storedAt(cachePath(study))]));
    groups.push(of('vectors', [await storedAt(vectorsFolder(study))]));
  }
  return groups.flat();
}
