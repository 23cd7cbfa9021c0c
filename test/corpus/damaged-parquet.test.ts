import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileMetaData, parquetSchema } from 'hyparquet';
import { afterAll, expect, test } from 'vitest';
import { readFooter, readGroup } from '../../src/corpus/readers/decode-parquet.ts';

const dir = mkdtempSync(join(tmpdir(), 'polyseme-parquet-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const WHOLE = new URL('../fixtures/corpus/pages-v2.parquet', import.meta.url).pathname;

async function rows(path: string): Promise<number> {
  const { row_groups: groups, schema } = await readFooter(path, 'x.parquet');
  const columns = parquetSchema({ schema } as FileMetaData).children.map(({ element }) => element.name);
  let [count, end] = [0, 0];
  for (const group of groups) {
    const start = end;
    end += Number(group.num_rows);
    const request = { path, start, end, columns, bytes: 'of strings' } as const;
    for await (const _ of readGroup(request, 'x.parquet', 1000)) count++;
  }
  return count;
}

test('a page that the library would read without end is refused, and the next file is read', async () => {
  const path = join(dir, 'x.parquet');
  const bytes = readFileSync(WHOLE);
  // The page's head no longer says how many bytes its levels have.
  bytes[818] = 0x96;
  writeFileSync(path, bytes);
  const before = await rows(WHOLE);
  await expect(rows(path)).rejects.toMatchObject({
    code: 'damaged',
    message: expect.stringMatching(
      /^x\.parquet: not readable as Parquet \(reading it takes longer than 1 s: /,
    ),
  });
  expect(await rows(WHOLE)).toBe(before);
});
