// What is installed with the package: its licences.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { installed, isCompatible } from '../../scripts/licences.mjs';

test('everything that is installed goes with MIT', () => {
  const packages = installed(JSON.parse(readFileSync('package-lock.json', 'utf8')));
  expect(packages.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['libsql', 'onnxruntime-node', 'zod']),
  );
  expect(packages.filter((one) => !isCompatible(one))).toEqual([]);
});

test.each([
  ['a', 'MIT', true],
  ['a', '(MIT OR GPL-3.0-only)', true],
  ['a', '(Apache-2.0 AND BSD-3-Clause)', true],
  ['a', 'Apache-2.0 AND GPL-2.0-only', false],
  ['a', 'LGPL-3.0-or-later', false],
  ['@img/sharp-libvips-linux-x64', 'LGPL-3.0-or-later', true],
  ['a', 'none given', false],
])('%s under %s: %s', (name, licence, expected) => {
  expect(isCompatible({ name, licence })).toBe(expected);
});
