import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileMetaData, parquetSchema } from 'hyparquet';
import { afterAll, expect, test, vi } from 'vitest';
import { hasProcess } from '../../src/base/process.ts';
import { readFooter, readGroup } from '../../src/corpus/readers/decode-parquet.ts';
import type { GroupRequest } from '../../src/corpus/readers/parquet-group.ts';
import { compiled } from '../helpers/cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'polyseme-parquet-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const WHOLE = new URL('../fixtures/corpus/pages-v2.parquet', import.meta.url).pathname;

/** What a file is asked for: all of each row group. */
async function requests(path: string): Promise<GroupRequest[]> {
  const { row_groups: groups, schema } = await readFooter(path, 'x.parquet');
  const columns = parquetSchema({ schema } as FileMetaData).children.map(({ element }) => element.name);
  let end = 0;
  return groups.map(({ num_rows: count }) => {
    const start = end;
    end += Number(count);
    return { path, start, end, columns, bytes: 'of strings' };
  });
}

async function rows(path: string): Promise<number> {
  let count = 0;
  for (const request of await requests(path)) {
    for await (const _ of readGroup(request, 'x.parquet', 1000)) count++;
  }
  return count;
}

/** A file with a page that the library reads without end. */
function endless(): string {
  const path = join(dir, 'x.parquet');
  const bytes = readFileSync(WHOLE);
  // The page's head no longer says how many bytes its levels have.
  bytes[818] = 0x96;
  writeFileSync(path, bytes);
  return path;
}

test('a page that the library would read without end is refused, and the next file is read', async () => {
  const path = endless();
  const before = await rows(WHOLE);
  await expect(rows(path)).rejects.toMatchObject({
    code: 'damaged',
    message: expect.stringMatching(
      /^x\.parquet: not readable as Parquet \(reading it takes longer than 1 s: /,
    ),
  });
  expect(await rows(WHOLE)).toBe(before);
});

test('the process that reads such a page ends when the one that asked is killed', async () => {
  const request = (await requests(endless())).at(-1);
  const script = `
    import childProcess from 'node:child_process';
    import { syncBuiltinESMExports } from 'node:module';
    const { fork } = childProcess;
    childProcess.fork = (...args) => {
      const child = fork(...args);
      const send = child.send.bind(child);
      child.send = (message) => {
        send(message);
        // Then it is within the page, and hears nothing.
        if (message.kind === 'group') setTimeout(() => console.log(child.pid), 1000);
      };
      return child;
    };
    syncBuiltinESMExports();
    const { readGroup } = await import('${compiled('src/corpus/readers/decode-parquet.ts')}');
    for await (const _ of readGroup(${JSON.stringify(request)}, 'x.parquet'));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [first] = (await once(parent.stdout, 'data')) as [Buffer];
  const child = Number(first.toString());
  expect(hasProcess(child)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await vi.waitUntil(() => !hasProcess(child), { timeout: 50_000, interval: 50 });
});
