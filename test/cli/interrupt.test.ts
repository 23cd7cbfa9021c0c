// Ctrl-C stops a long command with one line that says how to resume, and the same command then ends as if nothing had been.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cli, POLYSEME } from '../helpers/cli.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-interrupt-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command, and presses Ctrl-C when it first tells its progress. */
async function interrupted(args: readonly string[]) {
  const child = spawn(process.execPath, [...POLYSEME, ...args]);
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    if (err === '') child.kill('SIGINT');
    err += text;
  });
  const [code, signal] = await once(child, 'exit');
  return { status: signal === 'SIGINT' ? 130 : code, err };
}

it('stops a run', async () => {
  const model = writeSmallFolio(join(folder, 'model'), NEURONS);
  const args = (out: string) =>
    [
      'run',
      '--model',
      model,
      '--layers',
      '0',
      '--context',
      '32',
      '--contexts',
      '60',
      '--examples',
      '4',
      '--json',
    ].concat('--out', join(folder, out));
  const whole = JSON.parse((await cli(args('whole.db'))).stdout);
  const { status, err } = await interrupted(args('stopped.db'));
  expect(status).toBe(130);
  expect(err.trim().split('\n').at(-1)).toBe('stopped: run the same command again to resume');
  expect(err).not.toContain('error');
  const resumed = JSON.parse((await cli(args('stopped.db'))).stdout);
  expect(resumed.contentHash).toBe(whole.contentHash);
});
