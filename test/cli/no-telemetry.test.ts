// ONNX Runtime would tell its maker of each use, and keep files for that.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/expect.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

/** Where a program of this user may leave something, outside what it is told to write. */
function surroundings() {
  const folder = temporaryFolder();
  const [home, temporary] = ['home', 'tmp'].map((name) => join(folder, name)) as [string, string];
  for (const path of [home, temporary]) mkdirSync(path);
  // On a machine of continuous integration it says nothing by itself.
  const env = { HOME: home, TMPDIR: temporary, XDG_CACHE_HOME: '', CI: '', GITHUB_ACTIONS: '' };
  return { folder, env, left: () => [home, temporary].flatMap((path) => readdirSync(path)) };
}

test('what runs a model leaves nothing in the home folder and among temporary files', async () => {
  const { folder, env, left } = surroundings();
  const model = ['--model', writeSmallFolio(join(folder, 'model'), 16)];
  const sizes = ['--tokens', '600', '--eval-tokens', '0', '--batch', '200', '--latents', '32', '--k', '4'];
  for (const args of [
    ['run', ...model, '--contexts', '6', '--layers', '0', '--out', join(folder, 'study.db')],
    ['sae', 'train', ...model, '--site', 'blocks.0.hook_mlp_out', ...sizes, '--out', join(folder, 'sae')],
  ]) {
    expect(await cli(args, { env })).toMatchObject({ code: 0 });
    expect(left()).toEqual([]);
  }
});
