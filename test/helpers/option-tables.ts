import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { expect } from 'vitest';

/**
 * That a page has these tables, each between `<!-- options of NAME -->` (or another mark) and `<!-- end -->`, and no
 * others; with `--update` they are written anew.
 */
export async function expectTables(
  page: string,
  names: readonly string[],
  table: (name: string) => string,
  mark = 'options of',
): Promise<void> {
  const text = readFileSync(page, 'utf8');
  const shown = [...text.matchAll(new RegExp(`^<!-- ${mark} (.*) -->$`, 'gm'))].map(([, name]) => name!);
  expect(shown.toSorted()).toEqual(names.toSorted());
  const made = text.replaceAll(
    new RegExp(`^<!-- ${mark} (.*) -->\\n[\\s\\S]*?^<!-- end -->$`, 'gm'),
    (_, name) => `<!-- ${mark} ${name} -->\n\n${table(name)}\n\n<!-- end -->`,
  );
  const biome = [
    'node_modules/@biomejs/biome/bin/biome',
    'format',
    `--stdin-file-path=${relative('.', page)}`,
  ];
  await expect(execFileSync(process.execPath, biome, { input: made, encoding: 'utf8' })).toMatchFileSnapshot(
    page,
  );
}
