// Every program of examples/ runs as it stands, in an empty folder, beside a package whose bundled model has few neurons, and
// prints what it is there to show.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallPackage } from './small-package.ts';

const EXAMPLES = new URL('../../examples/', import.meta.url).pathname;

const SHOWN: Record<string, RegExp> = {
  'own-activations.mjs': /^unit 0: 2 features\n {3}boat ship vessel\n {3}judge court law\n$/,
  'serve-a-study.mjs': /^the explorer is at http:\/\/127\.0\.0\.1:\d+\nmlp\.0\/\d+ has the most features\n$/,
  'split-a-neuron.mjs': /^mlp\.1\/\d+: \d+ features, mean distance \d\.\d\d\n( {2}\d+ examples: .+\n)+$/,
  'train-an-sae.mjs':
    /^(.*saes\/embedding-0(\.3)?: variance explained \d\.\d{3}, distance of embeddings \d\.\d{3}\n){2}$/,
  'two-linkages.mjs': /^average: 3 features, silhouette 0\.\d\d: 0 0 0 1 1 1 2 2 2\nsingle: \d features/,
};
const programs = readdirSync(EXAMPLES).filter((name) => name.endsWith('.mjs'));

const small = mkdtempSync(join(tmpdir(), 'polyseme-programs-'));
beforeAll(() => {
  smallPackage(small, 48);
  cpSync(EXAMPLES, join(small, 'examples'), { recursive: true });
});
afterAll(() => rmSync(small, { recursive: true, force: true }));

test('every program is listed', () => {
  expect(programs.sort()).toEqual(Object.keys(SHOWN));
  const page = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  for (const name of programs) expect(page).toContain(`[${name}](${name})`);
});

test.each(programs)('%s', (name) => {
  const cwd = mkdtempSync(join(tmpdir(), 'polyseme-program-'));
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(small, 'examples', name)], {
      cwd,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(SHOWN[name]!);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
});
