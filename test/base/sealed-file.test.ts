import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSealed, writeSealed } from '../../src/base/sealed-file.ts';
import { temporaryFolder } from '../helpers/expect.ts';

const ARRAYS = {
  bytes: Uint8Array.of(1, 2, 3),
  none: new Float32Array(0),
  doubles: Float64Array.of(Math.PI, -0, Number.NaN),
  words: Uint16Array.of(65535, 1),
};

test('arrays come back one by one, and the digest does not depend on their order', async () => {
  const folder = temporaryFolder();
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  const digest = await writeSealed(one, { a: 1 }, Object.entries(ARRAYS));
  expect(await writeSealed(two, { a: 1 }, Object.entries(ARRAYS).reverse())).toBe(digest);
  expect(await writeSealed(two, { a: 2 }, Object.entries(ARRAYS))).not.toBe(digest);
  const file = await openSealed(one, 'a file');
  expect(file).toMatchObject({ digest, head: { a: 1 }, names: Object.keys(ARRAYS) });
  for (const [name, array] of Object.entries(ARRAYS)) expect(await file.read(name)).toEqual(array);
  await expect(file.read('toString')).rejects.toThrow(/has no toString/);
});

test('no changed byte goes unseen', async () => {
  const path = join(temporaryFolder(), 'file');
  await writeSealed(path, { a: 1 }, Object.entries(ARRAYS));
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at++) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 4;
    writeFileSync(path, altered);
    const outcome = await readAll(path).then(
      (digest) => digest,
      (error) => error.code as string,
    );
    // What pads arrays to eight bytes, and the first word, is no content.
    if (outcome !== 'damaged') expect(await readAll(path)).toEqual(Object.values(ARRAYS));
    else expect(outcome).toBe('damaged');
  }
  writeFileSync(path, bytes);
  for (const length of [bytes.length - 1, 60, 8, 0]) {
    truncateSync(path, length);
    await expect(openSealed(path, 'a plan')).rejects.toThrow(/is not a plan, or it was cut short/);
  }
});

test('what making an array throws is thrown as it is, and no file is left', async () => {
  const folder = temporaryFolder();
  const failing = async function* () {
    yield ['bytes', ARRAYS.bytes] as const;
    throw new TypeError('a fault of its own');
  };
  await expect(writeSealed(join(folder, 'file'), {}, failing())).rejects.toThrow(
    new TypeError('a fault of its own'),
  );
  expect(readdirSync(folder)).toEqual([]);
});

test('a file that is not there', async () => {
  await expect(openSealed('/no/such', 'a plan')).rejects.toMatchObject({ code: 'not-found' });
});

async function readAll(path: string) {
  const file = await openSealed(path, 'a file');
  const arrays = [];
  for (const name of file.names) arrays.push(await file.read(name));
  return arrays;
}
