// Writing whole: what is there, what stays after a failure and after a kill, and what a full disk is called.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { diskFull, isDiskFull, makeWhole, removeLeftovers, writeWhole } from '../../src/base/files.ts';
import { PolysemeError } from '../../src/errors.ts';
import { compiled } from '../helpers/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'polyseme-files-'));
let dir = '';
let count = 0;
beforeEach(() => {
  dir = join(root, String(count++));
  mkdirSync(dir);
});
afterAll(() => rmSync(root, { recursive: true }));

const enospc = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

const temporary = (name: string, pid: number, host = hostname().replaceAll(/[^A-Za-z0-9]/g, '_')) =>
  join(dir, `.${name}.${host}-${pid}-0.incomplete`);

describe('writeWhole', () => {
  it('writes bytes, text and streams, in the place of what is there', async () => {
    const path = join(dir, 'a');
    await writeWhole(path, [new Uint8Array([65, 66]), 'é', new Uint8Array()]);
    expect(readFileSync(path, 'utf8')).toBe('ABé');
    await writeWhole(
      path,
      (async function* () {
        yield 'one ';
        yield Buffer.from('two');
      })(),
    );
    expect(readFileSync(path, 'utf8')).toBe('one two');
    expect(readdirSync(dir)).toEqual(['a']);
  });

  it('leaves the old file, and nothing beside it, where the chunks fail', async () => {
    const path = join(dir, 'a');
    await writeWhole(path, ['old']);
    const failing = (error: Error) =>
      (function* () {
        yield 'new';
        throw error;
      })();
    await expect(writeWhole(path, failing(new Error('broken')))).rejects.toThrow(
      `cannot write ${path}: broken`,
    );
    await expect(writeWhole(path, failing(new PolysemeError('my own', 'damaged')))).rejects.toMatchObject({
      message: 'my own',
      code: 'damaged',
    });
    await expect(writeWhole(path, failing(enospc()))).rejects.toMatchObject({
      message: `the disk of ${path} is full; make room and run the same command again to continue`,
      code: 'no-space',
    });
    expect([readdirSync(dir), readFileSync(path, 'utf8')]).toEqual([['a'], 'old']);
  });

  it('names a folder that is not there', async () => {
    const path = join(dir, 'none', 'a');
    await expect(writeWhole(path, ['x'])).rejects.toThrow(`cannot write ${path}: ENOENT`);
  });

  it('by a process that is killed leaves the old file, and the next write removes the rest', async () => {
    const path = join(dir, 'a');
    await writeWhole(path, ['old']);
    const script = `
      import { writeWhole } from '${compiled('src/base/files.ts')}';
      await writeWhole(${JSON.stringify(path)}, (async function* () {
        yield 'half';
        console.log('half');
        await new Promise((resolve) => setTimeout(resolve, 600_000));
      })());`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    await once(child.stdout, 'data');
    expect(readdirSync(dir)).toHaveLength(2);
    // While it lives, its file is left alone.
    await writeWhole(path, ['newer']);
    expect(readdirSync(dir)).toHaveLength(2);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(readFileSync(path, 'utf8')).toBe('newer');
    await writeWhole(path, ['newest']);
    expect([readdirSync(dir), readFileSync(path, 'utf8')]).toEqual([['a'], 'newest']);
  });
});

describe('makeWhole', () => {
  it('makes folders and links', async () => {
    await makeWhole(join(dir, 'folder'), async (name) => {
      mkdirSync(name);
      await writeWhole(join(name, 'inside'), ['x']);
      expect(readdirSync(dir)).not.toContain('folder');
    });
    await makeWhole(join(dir, 'link'), (name) => symlinkSync('folder/inside', name));
    expect(readFileSync(join(dir, 'link'), 'utf8')).toBe('x');
    expect([readdirSync(dir), readdirSync(join(dir, 'folder'))]).toEqual([['folder', 'link'], ['inside']]);
  });

  it('leaves nothing of a folder that could not be made', async () => {
    const making = makeWhole(join(dir, 'folder'), (name) => {
      mkdirSync(name);
      writeFileSync(join(name, 'inside'), 'x');
      throw enospc();
    });
    await expect(making).rejects.toMatchObject({ code: 'no-space' });
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('removeLeftovers', () => {
  it('removes those of dead processes of this machine alone', async () => {
    const dead = await deadPid();
    const kept = [
      temporary('a', process.pid),
      temporary('a', dead, 'another'),
      join(dir, 'a.incomplete'),
      join(dir, '.a'),
    ];
    for (const path of [...kept, temporary('a', dead), `${temporary('a', dead)}-wal`, temporary('b', dead)])
      writeFileSync(path, '');
    mkdirSync(temporary('folder', dead));
    writeFileSync(join(temporary('folder', dead), 'x'), '');
    const names = () => readdirSync(dir).sort();
    await removeLeftovers(dir, 'a');
    const others = [temporary('b', dead), temporary('folder', dead)];
    expect(names()).toEqual([...kept, ...others].map((path) => path.slice(dir.length + 1)).sort());
    await removeLeftovers(dir);
    expect(names()).toEqual(kept.map((path) => path.slice(dir.length + 1)).sort());
    await removeLeftovers(join(dir, 'none'));
  });
});

it.each([
  ['of the system', enospc(), true],
  ['of a quota', Object.assign(new Error('x'), { code: 'EDQUOT' }), true],
  ['that crossed a thread', new Error('ENOSPC: no space left on device, write'), true],
  ['of SQLite', new Error('database or disk is full'), true],
  ['of ours', diskFull('x'), true],
  ['of something else', new Error('EACCES: permission denied'), false],
  ['that is none', null, false],
])('an error %s is recognised as a full disk or not', (_, error, full) => {
  expect(isDiskFull(error)).toBe(full);
});
