import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { flag } from '../../src/cli/flags.ts';
import { openStudy, type RunOptions, runStudy } from '../../src/index.ts';
import { runOptions } from '../../src/run/run-options.ts';
import { manyCommands, POLYSEME } from '../helpers/cli.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-paper-'));
const { cli, close } = manyCommands(POLYSEME[0]!);
afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});
const model = writeSmallFolio(join(folder, 'model'));
const SMALL: RunOptions = { model, layers: [1], contexts: 12, context: 32, examples: 10 };
const PAPER: RunOptions = {
  center: 'none',
  features: 'cut',
  keepDuplicates: true,
  sinkMultiple: 0,
  select: 'fraction',
  fraction: 0.75,
  linkage: 'average',
  threshold: 0.5,
};

test('paper is its settings, and what was made by one is shown by the other', async () => {
  const out = join(folder, 'paper.db');
  const { contentHash, options } = await runStudy({ ...SMALL, paper: true, out });
  expect(options).toMatchObject({ ...PAPER, bounds: { separation: 0.45, scatter: 0.81, features: 12 } });
  expect((await runStudy({ ...SMALL, ...PAPER, out })).contentHash).toBe(contentHash);
  const info = await cli(['info', out]);
  expect(info.stdout).toMatch(
    /^settings {2}the paper’s settings: select fraction, .*sinkMultiple 0; several from separation 0.45, scatter from relativeDistance 0.81, at most 12 features$/m,
  );
});

test('the help says which they are', () => {
  const said = Object.entries(PAPER).map(([name, value]) =>
    value === true ? flag(name) : `${flag(name)} ${value}`,
  );
  const words = runOptions.shape.paper.meta()!.description!;
  for (const one of said) expect(words).toContain(one);
});

test('other settings are said, and are not the paper’s', async () => {
  const out = join(folder, 'other.db');
  await runStudy({ ...SMALL, out });
  const { stdout } = await cli(['info', out]);
  expect(stdout).toMatch(/^settings {2}select top, .*center mean, features auto, .*sinkMultiple 10;/m);
});

test.each([
  ['--center', 'mean', 'none'],
  ['--features', 'auto', 'cut'],
  ['--select', 'top', 'fraction'],
  ['--fraction', '0.5', '0.75'],
  ['--linkage', 'single', 'average'],
  ['--threshold', '0.4', '0.5'],
  ['--sink-multiple', '10', '0'],
])('with another %s it is wrong usage, which names both', async (name, value, paper) => {
  const out = join(folder, 'never.db');
  const { code, stdout, stderr } = await cli(['run', '--paper', name, value, '--out', out]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(new RegExp(`^error: --paper means ${name} ${paper}, but ${name} is "?${value}`));
});

test('in the library too', () =>
  expectOneLine(
    () => runStudy({ paper: true, keepDuplicates: false, out: join(folder, 'never.db') }),
    /option paper means option keepDuplicates true, but option keepDuplicates is false/,
  ));

test('a study of an older version has the settings of its time', async () => {
  const old = new URL('../fixtures/study/version-0.1.db', import.meta.url).pathname;
  const study = openStudy(old);
  expect(study.info().sinks).toBeNull();
  expect(study.info().options['bounds']).toBeUndefined();
  study.close();
  const { stdout } = await cli(['info', old]);
  expect(stdout).toMatch(/^settings {2}.*center none, features cut, .*keepDuplicates true, sinkMultiple 0$/m);
});
