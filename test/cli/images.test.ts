// The commands on a study of images.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { classEffect } from '../../src/explain/class-effect.ts';
import { patchImportance } from '../../src/explain/patch-importance.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import { manyCommands, POLYSEME } from '../helpers/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-cli-images-'));
const path = join(folder, 'digits.db');

beforeAll(() => runStudy({ model: 'builtin:digits', contexts: 200, examples: 12, out: path, threads: 1 }));
const { cli, close } = manyCommands(POLYSEME[0]!);
afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the library says with the model. */
async function asked<T>(ask: (explained: ReturnType<typeof openExplained>) => Promise<T>): Promise<T> {
  const study = openStudy(path);
  const explained = openExplained(study, { threads: 1 });
  try {
    return await ask(explained);
  } finally {
    await explained.close();
    study.close();
  }
}

describe('on a study of images', () => {
  test('info says how the model reads them', async () => {
    const { stdout } = await cli(['info', path]);
    expect(stdout).toMatch(/^model {5}builtin:digits, .*, image of 28 × 28 pixels, grey, 10 classes$/m);
    expect(stdout).not.toContain('[object');
  });

  test('unit says what the image of each example shows', async () => {
    const { stdout } = await cli(['unit', path, 'mlp.0/3']);
    expect(stdout).toMatch(/^ +\d\.\d+ {2}shows \d {2}\S+:\d+$/m);
  });

  test('importance gives the share that each block counts', async () => {
    const want = await asked((explained) =>
      patchImportance(explained, { bank: 'mlp.0', index: 3, examples: [0, 1] }),
    );
    const { stdout, stderr, code } = await cli(['importance', path, 'mlp.0/3', '--examples', '2']);
    expect(code, stderr).toBe(0);
    const lines = stdout.split('\n').filter((line) => /^ {12}( {2}(·| \S|\S\S)){7}$/.test(line));
    expect(lines).toHaveLength(14);
    const shown = lines.flatMap((line) => line.trim().split(/\s+/));
    const shares = want.examples.flatMap(({ importance }) => [...importance!]);
    expect(shown).toEqual(shares.map((share) => (share < 0.095 ? '·' : String(Math.round(100 * share)))));
    const json = JSON.parse((await cli(['importance', path, 'mlp.0/3', '--json'])).stdout);
    expect(json.examples).toHaveLength(12);
    expect(json.examples[0].importance).toHaveLength(49);
  });

  test('ablate gives the effect on each class, the most raised first', async () => {
    const want = await asked((explained) => classEffect(explained, { bank: 'mlp.0', index: 3, contexts: 5 }));
    expect(want.images).toBe(5);
    const args = ['ablate', path, 'mlp.0/3', '--contexts', '5'];
    expect(JSON.parse((await cli([...args, '--json'])).stdout)).toEqual(want);
    const { stdout } = await cli(args);
    expect(stdout).toContain('Measured on 5 images');
    const classes = [...stdout.matchAll(/^(\d) +-?\d+\.\d{3}$/gm)].map(([, name]) => name);
    const order = [...want.classes.keys()].sort((a, b) => want.effects[b]! - want.effects[a]!);
    expect(classes).toEqual(order.map((id) => want.classes[id]));
  });

  test.concurrent.each([
    [
      ['importance', 'mlp.0/3', '--mask', 'x'],
      /^error: --mask x replaces tokens, and \S+ is of images, .* leave --mask out\n$/,
    ],
    [['ablate', 'mlp.0/3', '--scale', '5'], /^error: \S+ is of images, .* leave --scale 5 out\n$/],
    [['ablate', 'mlp.0/3', '--to', 'mean'], /^error: \S+ is of images, .* leave --to mean out\n$/],
    [['probe', 'a text'], /^error: builtin:digits reads images .* this needs text\n$/],
    [
      ['name', 'mlp.0/3', '--namer', 'http://localhost:1/v1', '--namer-model', 'm'],
      /^error: \S+ is of images, .* named by what their images show\n$/,
    ],
    [
      ['intruders', '--namer', 'http://localhost:1/v1', '--namer-model', 'm'],
      /^error: \S+ is of images, .* passages of text/,
    ],
  ])('%j is refused in one line', async ([command, ...rest], line) => {
    const { code, stdout, stderr } = await cli([command!, path, ...rest]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(line);
  });
});
