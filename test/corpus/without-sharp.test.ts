// The package that decodes PNG, JPEG and WebP is optional: what is said, and what works, where it is not installed.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { encodePng } from '../../src/corpus/images/png.ts';
import { cli } from '../helpers/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-without-sharp-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A Node in which `sharp` is not found, as where optional packages were left out. */
const hook = `
export async function resolve(name, context, next) {
  if (name === 'sharp') throw Object.assign(new Error("Cannot find package 'sharp'"), { code: 'ERR_MODULE_NOT_FOUND' });
  return next(name, context);
}`;
const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(register)}` };

const run = (...args: string[]) =>
  cli(['run', '--model', 'builtin:digits', '--threads', '1', ...args], { env });

test('PNG files are refused in one line, before anything is computed', async () => {
  const data = join(folder, 'pictures', '7');
  mkdirSync(data, { recursive: true });
  const grey = { width: 28, height: 28, channels: 1 as const, data: new Uint8Array(784).fill(9) };
  writeFileSync(join(data, 'a.png'), encodePng(grey));
  const { code, stdout, stderr } = await run(
    '--data',
    join(folder, 'pictures'),
    '--out',
    join(folder, 'x.db'),
  );
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toBe(
    'error: PNG, JPEG and WebP images are decoded by the package sharp, which is not installed here: npm install sharp (idx files need nothing)\n',
  );
});

test('idx files need nothing', async () => {
  const { code, stderr } = await run('--contexts', '40', '--examples', '4', '--out', join(folder, 'y.db'));
  expect(code, stderr).toBe(0);
});
