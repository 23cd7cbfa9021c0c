import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkFolder, checkWritable } from '../../src/base/writable.ts';

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'polyseme-writable-'));
  mkdirSync(at('sub'));
  writeFileSync(at('file'), 'mine');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file can be made in a folder that is there, and takes the place of a file only', () => {
  expect(() => checkWritable(at('new'))).not.toThrow();
  expect(() => checkWritable(at('file'))).not.toThrow();
  expect(() => checkWritable(at('sub'))).toThrow(`option out ${at('sub')} is not a file`);
  expect(() => checkWritable('/dev/null', 'plan')).toThrow('option plan /dev/null is not a file');
  expect(() => checkWritable(at('none/new'), 'plan')).toThrow(
    `option plan ${at('none/new')}: there is no folder ${at('none')}`,
  );
  expect(() => checkWritable(at('file/new'))).toThrow(`there is no folder ${at('file')}`);
});

test('a folder can be made with those above it, and takes the place of no file', () => {
  for (const name of ['sub', 'new', 'new/and/below', 'sub/new']) {
    expect(() => checkFolder(at(name)), name).not.toThrow();
  }
  expect(() => checkFolder(at('file'))).toThrow(
    `option out ${at('file')}: ${at('file')} is there, and is no folder`,
  );
  expect(() => checkFolder(at('file/and/below'), 'no place')).toThrow(
    `no place: ${at('file')} is there, and is no folder`,
  );
});
