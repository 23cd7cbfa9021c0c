import { linkSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeRoom, storedAt, storedIn } from '../../src/base/folder-size.ts';
import { temporaryFolder } from '../helpers/expect.ts';

/** Folders of 100 bytes each, the first used last. */
function folders(...names: string[]): string {
  const parent = temporaryFolder();
  for (const [i, name] of names.entries()) {
    const folder = join(parent, name);
    mkdirSync(join(folder, 'in'), { recursive: true });
    writeFileSync(join(folder, 'in', 'a'), Buffer.alloc(100));
    linkSync(join(folder, 'in', 'a'), join(folder, 'b'));
    utimesSync(folder, 1000 - i, 1000 - i);
  }
  return parent;
}

test('a file with two names counts once; what is not there is null', async () => {
  const parent = folders('x');
  expect(await storedAt(join(parent, 'x'))).toEqual({ path: join(parent, 'x'), bytes: 100, used: 1_000_000 });
  expect(await storedAt(join(parent, 'x', 'b'))).toMatchObject({ bytes: 100 });
  expect(await storedAt(join(parent, 'y'))).toBe(null);
  expect(await storedIn(join(parent, 'y'))).toEqual([]);
});

test('room is made by what was not used for longest; one is kept', async () => {
  const parent = folders('newest', 'middle', 'oldest');
  await makeRoom(parent, 300, join(parent, 'newest'));
  expect(readdirSync(parent).sort()).toEqual(['middle', 'newest', 'oldest']);
  await makeRoom(parent, 299, join(parent, 'newest'));
  expect(readdirSync(parent).sort()).toEqual(['middle', 'newest']);
  await makeRoom(parent, 0, join(parent, 'middle'));
  expect(readdirSync(parent)).toEqual(['middle']);
});
