// Two processes on one output: the second is refused and harms nothing; what a killed one left is taken over.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, compiled, expectFailure, POLYSEME } from '../helpers/cli.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

const root = mkdtempSync(join(tmpdir(), 'polyseme-busy-'));
const at = (name: string) => join(root, name);
const text = at('text.txt');
const model = writeSmallFolio(at('model'), 32);
const run = [
  'run',
  '--model',
  model,
  '--data',
  text,
  '--layers',
  '0',
  '--context',
  '32',
  '--examples',
  '4',
  '--json',
];
const cache = [
  'sae',
  'cache',
  '--model',
  model,
  '--data',
  text,
  '--site',
  'blocks.0.hook_resid_post',
  '--tokens',
  '200',
  '--json',
];

beforeAll(async () => {
  writeFileSync(
    text,
    'the captain of the ship saw the storm and turned to the port before night. '.repeat(60),
  );
  const { code, stderr } = await cli([...run, '--out', at('whole.db')]);
  expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

describe.each([
  ['run', run, 'study.db', 'study.db.lock', false],
  ['export', ['export', at('whole.db')], 'lines.jsonl', 'lines.jsonl.lock', false],
  ['sae cache', cache, 'cache', 'polyseme.lock', true],
] as const)('%s', (name, args, output, lock, isFolder) => {
  it('is refused while another process writes there, naming it, and works when that was killed', async () => {
    const folder = mkdtempSync(join(root, 'out-'));
    const out = join(folder, output);
    if (isFolder) mkdirSync(out);
    const holder = spawn(process.execPath, [compiled('test/helpers/hold-lock.mjs'), out]);
    await once(holder.stdout, 'data');
    const place = isFolder ? out : folder;
    try {
      const refused = await cli([...args, '--out', out]);
      expectFailure(
        refused,
        new RegExp(`process ${holder.pid} is writing .*${output}: wait for it or end it, .* \\(--out\\)`),
      );
      expect(readdirSync(place)).toEqual([lock]);
    } finally {
      await kill(holder);
    }
    expect(existsSync(join(place, lock)), name).toBe(true);
    const { code, stderr } = await cli([...args, '--out', out]);
    expect(code, stderr).toBe(0);
    expect(readdirSync(place)).not.toContain(lock);
  });
});

it('two runs: the first goes on undisturbed, stopped or not, and ends with the same study', async () => {
  const folder = mkdtempSync(join(root, 'two-'));
  const out = join(folder, 'study.db');
  const first = spawn(process.execPath, [...POLYSEME, ...run, '--out', out]);
  let said = '';
  first.stdout.on('data', (chunk) => {
    said += chunk;
  });
  try {
    while (!existsSync(`${out}.lock`)) await new Promise((resolve) => setTimeout(resolve, 5));
    first.kill('SIGSTOP');
    expectFailure(await cli([...run, '--out', out]), new RegExp(`process ${first.pid} is writing`));
    expectFailure(
      await cli([...run, '--out', out, '--overwrite', '--seed', '5']),
      new RegExp(`process ${first.pid} is writing`),
    );
    first.kill('SIGCONT');
    const [code] = await once(first, 'exit');
    expect(code).toBe(0);
  } finally {
    await kill(first);
  }
  const whole = JSON.parse((await cli(['info', at('whole.db'), '--json'])).stdout);
  expect(JSON.parse(said).contentHash).toBe(whole.contentHash);
  expect(readdirSync(folder)).toEqual(['study.db']);
});

it('export writes the same lines to a file and to standard output', async () => {
  const { stdout } = await cli(['export', at('whole.db')]);
  const { code } = await cli(['export', at('whole.db'), '--out', at('all.jsonl')]);
  expect(code).toBe(0);
  expect(readFileSync(at('all.jsonl'), 'utf8')).toBe(stdout);
  expect(stdout.trimEnd().split('\n').length).toBe(1 + 32); // the study, then a line a unit
});
