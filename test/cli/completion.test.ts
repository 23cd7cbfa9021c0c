import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completions } from '../../src/cli/complete.ts';
import { createProgram } from '../../src/cli/program.ts';
import { cli, POLYSEME } from '../helpers/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-completion-'));
const study = join(folder, 'study.db');
beforeAll(async () => {
  const made = await cli(['run', '--layers', '0,2', '--contexts', '2', '--examples', '2', '--out', study]);
  expect(made.code, made.stderr).toBe(0);
  writeFileSync(join(folder, 'notes.txt'), '');
  writeFileSync(join(folder, 'polyseme.bash'), (await cli(['completion', 'bash'])).stdout);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const values = async (...words: string[]) =>
  (await completions(words, createProgram)).values.map(([value]) => value);

describe('what can stand at the cursor', () => {
  test('commands, and commands of a command; no hidden one', async () => {
    expect(await values('')).toEqual(expect.arrayContaining(['run', 'units', 'sae', 'completion']));
    expect(await values('')).not.toContain('complete');
    expect(await values('sae', '')).toEqual(['train', 'cache', 'eval', 'convert']);
  });

  test('options, with what they mean', async () => {
    const { values: found } = await completions(['sae', 'train', '--'], createProgram);
    expect(found).toContainEqual(['--lr', 'the step size of Adam']);
    expect(found.map(([value]) => value)).toContain('--no-scale');
  });

  test('values: choices, what is built in, files where a path is wanted and only there', async () => {
    expect(await values('run', '--linkage', '')).toEqual(['average', 'complete', 'single', 'weighted']);
    expect(await completions(['run', '--model', ''], createProgram)).toEqual({
      values: [['builtin:folio-5m', '']],
      files: true,
    });
    expect(await completions(['run', '--context', ''], createProgram)).toEqual({ values: [], files: false });
    expect(await completions(['units', ''], createProgram)).toEqual({ values: [], files: true });
    expect(await completions(['run', '--seed', '1', ''], createProgram)).toEqual({
      values: [],
      files: false,
    });
    expect(await values('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  test('the banks of the study that is named, nothing where it cannot be read', async () => {
    expect(await values('units', study, '--bank', '')).toEqual(['mlp.0', 'mlp.2']);
    expect(await values('unit', study, '')).toEqual(['mlp.0/', 'mlp.2/']);
    expect(await values('compare', study, '--banks', 'mlp.0,')).toEqual(['mlp.0,mlp.0', 'mlp.0,mlp.2']);
    expect(await values('units', join(folder, 'notes.txt'), '--bank', '')).toEqual([]);
    expect(await values('units', join(folder, 'none.db'), '--bank', '')).toEqual([]);
  });
});

const command = [process.execPath, ...POLYSEME].map((part) => `'${part}'`).join(' ');
const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

describe('bash, with its script', () => {
  /** What bash offers at the end of a line. */
  function offered(line: string): string[] {
    const words = line.split(' ');
    const script = `polyseme() { ${command} "$@"; }
source polyseme.bash
COMP_LINE='${line}' COMP_POINT=${line.length} COMP_CWORD=${words.length - 1}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
_polyseme
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((text) => text !== '');
  }

  test('the word that is being typed is completed', () => {
    expect(offered('polyseme ru')).toEqual(['run']);
    expect(offered('polyseme run --link')).toEqual(['--linkage']);
    expect(offered('polyseme run --linkage co')).toEqual(['complete']);
    expect(offered('polyseme units study.db --bank ')).toEqual(['mlp.0', 'mlp.2']);
    expect(offered('polyseme unit study.db mlp.2')).toEqual(['mlp.2/']);
  });

  test('files, and the colon of a built-in name', () => {
    expect(offered('polyseme units st')).toEqual(['study.db']);
    expect(offered('polyseme run --data not')).toEqual(['notes.txt']);
    // Bash replaces what comes after the last colon.
    expect(offered('polyseme run --data builtin:s')).toEqual(['sotu']);
    expect(offered('polyseme run --context ')).toEqual([]);
  });
});

test.each(['bash', 'zsh', 'fish'])('%s: the script is sound', async (shell) => {
  const { code, stdout } = await cli(['completion', shell]);
  expect(code).toBe(0);
  expect(stdout).toContain('polyseme complete -- ');
  if (!has(shell)) return;
  const { status, stderr } = spawnSync(shell, ['-n'], { input: stdout, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('no other shell', async () => {
  expect((await cli(['completion', 'tcsh'])).code).toBe(2);
});
