import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteFile } from 'hyparquet-writer';
import Database from 'libsql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compiled, expectFailure, manyCommands } from '../helpers/cli.ts';
import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { randomTensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';
import { cli as cliAlone, MAIN, shell } from './cli-of-dist.ts';

const FOLIO = new URL('../../models/folio-5m', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'polyseme-cli-errors-'));
/** An empty folder that each run writes into: nothing half-written may stay there. */
let folder: string;
const model = join(root, 'model');
const text = join(root, 'text.txt');
beforeAll(() => {
  const config = { model_type: 'gpt2', n_embd: 8, n_head: 2, n_layer: 2, n_positions: 32, vocab_size: 37 };
  writeCheckpoint(model, { config, tensors: randomTensors(gpt2Shapes(config)) });
  writeFileSync(text, 'the quick brown fox jumps over the lazy dog and away it goes '.repeat(9));
});
/** Most commands end with an error at once: they run in one process. */
const { cli, close } = manyCommands(MAIN);
afterAll(async () => {
  await close();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  folder = mkdtempSync(join(root, 'out-'));
});

const run = (...args: string[]) => cli(['run', '--out', join(folder, 'study.db'), ...args]);
const small = (...args: string[]) => run('--model', model, '--data', text, ...args);

describe('run', () => {
  test('the small model and text are sound as they are', async () => {
    const out = join(folder, 'study.db');
    const { code, stderr } = await cliAlone([
      'run',
      '--out',
      out,
      '--model',
      model,
      '--data',
      text,
      '--json',
    ]);
    expect(stderr).not.toMatch(/error/);
    expect(code).toBe(0);
    expect(readdirSync(folder)).toEqual(['study.db']);
  });

  const models: [string, (dir: string) => void, RegExp][] = [
    ['no weights', (dir) => rmSync(join(dir, 'model.safetensors')), /model\.safetensors/],
    [
      'weights cut short',
      (dir) => {
        const bytes = readFileSync(join(dir, 'model.safetensors'));
        writeFileSync(join(dir, 'model.safetensors'), bytes.subarray(0, bytes.length >> 1));
      },
      /truncated/,
    ],
    [
      'a header that lies',
      (dir) => {
        const bytes = readFileSync(join(dir, 'model.safetensors'));
        bytes.writeBigUInt64LE(10n ** 15n);
        writeFileSync(join(dir, 'model.safetensors'), bytes);
      },
      /header of 1000000000000000 bytes/,
    ],
    [
      'an unknown architecture',
      (dir) => writeFileSync(join(dir, 'config.json'), '{"model_type": "mamba"}'),
      /"mamba".*known: bert, .*gpt2, .*llama/,
    ],
    [
      'NaN weights',
      (dir) => {
        const bytes = readFileSync(join(dir, 'model.safetensors'));
        const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
        const [start] = header['h.1.mlp.c_fc.weight'].data_offsets;
        bytes.writeFloatLE(Number.NaN, 8 + Number(bytes.readBigUInt64LE()) + start);
        writeFileSync(join(dir, 'model.safetensors'), bytes);
      },
      /"h\.1\.mlp\.c_fc\.weight" is not finite/,
    ],
    [
      'the tokenizer of another model',
      (dir) => copyFileSync(join(FOLIO, 'tokenizer.json'), join(dir, 'tokenizer.json')),
      /tokenizer has 8192 tokens, the model's vocabulary 37/,
    ],
  ];
  test.each(models)('a model with %s', async (_, spoil, pattern) => {
    const dir = mkdtempSync(join(root, 'bad-'));
    for (const name of readdirSync(model)) copyFileSync(join(model, name), join(dir, name));
    spoil(dir);
    expectFailure(await run('--model', dir, '--data', text), pattern);
    expect(readdirSync(folder)).toEqual([]);
  });
  test('a model that is not there', async () => {
    expectFailure(await run('--model', join(root, 'none')), /none" does not exist/);
    const alone = ['run', '--out', join(folder, 'study.db'), '--model', join(root, 'none')];
    expectFailure(await cliAlone(alone), /none" does not exist/);
    expectFailure(await run('--model', 'builtin:none'), /builtin:folio-5m/);
    expect(readdirSync(folder)).toEqual([]);
  });

  const corpora: [string, (path: string) => void, RegExp, string?][] = [
    ['nothing.txt', (path) => writeFileSync(path, ''), /the corpus is empty/],
    ['one-token.txt', (path) => writeFileSync(path, 'a'), /the corpus is empty \(no text of 2 tokens/],
    ['bytes.txt', (path) => writeFileSync(path, Buffer.from([0x61, 0x20, 0xff, 0xfe, 0x62])), /UTF-8/],
    ['bytes.jsonl', (path) => writeFileSync(path, Buffer.from('{"text":"\xff"}\n', 'latin1')), /UTF-8/],
    ['bad.jsonl', (path) => writeFileSync(path, '{"text": "a b c"}\n{"text": \n'), /bad\.jsonl.*2/],
    ['other.csv', (path) => writeFileSync(path, 'title,body\nx,y\n'), /"?text"?.*title.*body/],
    [
      'columns.parquet',
      (path) =>
        parquetWriteFile({
          filename: path,
          columnData: [
            { name: 'title', data: ['x'] },
            { name: 'body', data: ['y'] },
          ],
        }),
      /"?text"?.*title.*body/,
    ],
    ['no.parquet', (path) => writeFileSync(path, 'PAR1 nonsense PAR1'), /no\.parquet/],
    ['image.png', (path) => writeFileSync(path, 'x'), /image\.png/],
    ['cut.txt.gz', (path) => writeFileSync(path, Buffer.from('1f8b0800', 'hex')), /cut\.txt\.gz/],
  ];
  test.each(corpora)('a corpus %s', async (name, write, pattern) => {
    const path = join(mkdtempSync(join(root, 'data-')), name);
    write(path);
    expectFailure(await run('--model', model, '--data', path), pattern);
    expect(readdirSync(folder)).toEqual([]);
  });
  test('a corpus that is not there', async () => {
    expectFailure(await small('--data', join(root, 'none.txt')), /none\.txt/);
    expectFailure(await small('--data', join(root, '*.none')), /\*\.none/);
    expectFailure(await small('--data', 'builtin:none'), /builtin:sotu/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a layer, a context that the model does not have; BOS of a tokenizer without one', async () => {
    expectFailure(await small('--layers', '0,2'), /layer 2 is out of range.*0 to 1/);
    expectFailure(await small('--context', '33'), /--context is 33.*32/);
    expectFailure(await small('--bos', 'yes'), /BOS.*--bos no/);
    expectFailure(await small('--context', '2', '--bos', 'no', '--layers', '7'), /layer 7/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('an output that cannot be written', async () => {
    mkdirSync(join(folder, 'taken'));
    writeFileSync(join(folder, 'file'), 'mine');
    expectFailure(await small('--out', join(folder, 'taken')), /taken is not a file/);
    expectFailure(await small('--out', join(folder, 'none', 'x.db')), /there is no folder/);
    expectFailure(await small('--out', join(folder, 'file', 'x.db')), /there is no folder .*file/);
    expectFailure(await small('--out', join(folder, 'file')), /file is not a study/);
    expectFailure(await small('--out', join(folder, 'file'), '--overwrite'), /file is not a study/);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('mine');
    expect(readdirSync(folder).sort()).toEqual(['file', 'taken']);
  });
});

test('a file in the place of a folder that is to be written', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'mine');
  const small = ['--model', model, '--data', text, '--site', 'blocks.0.hook_resid_post', '--tokens', '100'];
  for (const out of [file, join(file, 'below')]) {
    const message = /--out .*file(\/below)?: .*\/file is there, and is no folder$/;
    expectFailure(await cli(['sae', 'train', ...small, '--latents', '4', '--out', out]), message);
    expectFailure(await cli(['sae', 'cache', ...small, '--out', out]), message);
  }
  expect(readFileSync(file, 'utf8')).toBe('mine');
  expect(readdirSync(folder)).toEqual(['file']);
});

describe('what is no study', () => {
  const files: [string, (path: string) => void, RegExp][] = [
    ['a text file', (path) => writeFileSync(path, 'Dear Sir, '.repeat(500)), /is not a study/],
    ['an empty file', (path) => writeFileSync(path, ''), /is not a study/],
    ['a short file', (path) => writeFileSync(path, 'SQLite format 3'), /is not a study/],
    [
      'another SQLite database',
      (path) => {
        const db = new Database(path);
        db.exec('CREATE TABLE meta(key TEXT, value TEXT); CREATE TABLE units(x)');
        db.close();
      },
      /is not a study/,
    ],
    ['a folder', (path) => mkdirSync(path), /is not a file/],
    ['nothing', () => {}, /no such study.*polyseme run/],
  ];
  test.each(files)('%s', async (_, make, pattern) => {
    const path = join(folder, 'x.db');
    make(path);
    const before = readdirSync(folder);
    expectFailure(await cli(['info', path]), pattern);
    expectFailure(await cli(['units', path, '--json']), pattern);
    expectFailure(await cli(['unit', path, 'mlp.0/0']), pattern);
    expectFailure(await cli(['export', path]), pattern);
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe('a study', () => {
  test('from a newer version', async () => {
    await small();
    const path = join(folder, 'study.db');
    const db = new Database(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expectFailure(await cli(['info', path]), /newer Polyseme.*99.*update/);
    expectFailure(await small(), /newer Polyseme/);
    expectFailure(await small('--overwrite'), /newer Polyseme/);
  });

  test('without the unit or bank that is asked for', async () => {
    await small();
    const path = join(folder, 'study.db');
    expectFailure(await cli(['unit', path, 'mlp.0/32']), /no unit mlp\.0\/32: units go from 0 to 31/);
    expectFailure(await cli(['search', path, 'mlp.0/32']), /no unit mlp\.0\/32: units go from 0 to 31/);
    expectFailure(await cli(['unit', path, 'mlp.5/0']), /no bank mlp\.5 \(it has mlp\.0, mlp\.1\)/);
    expectFailure(await cli(['units', path, '--bank', 'sae/x']), /no bank sae\/x/);
  });

  test('damaged inside', async () => {
    await small();
    const path = join(folder, 'study.db');
    const db = new Database(path);
    db.exec("UPDATE details SET detail = x'0011' WHERE bank = 0 AND idx = 1");
    db.exec('DELETE FROM contexts');
    db.close();
    expectFailure(await cli(['unit', path, 'mlp.0/1']), /mlp\.0\/1 is damaged/);
    expectFailure(await cli(['unit', path, 'mlp.0/2']), /damaged: it has no context/);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length >> 1));
    expectFailure(await cli(['units', path]), /study\.db is damaged: .*malformed/);
  });

  test('that is unfinished says so, and how to go on', async () => {
    const data = join(root, 'half.jsonl');
    writeFileSync(data, `{"text":"${'some words '.repeat(400)}"}\n{"text": 7\n`);
    // The harvest fails at the second line, after some batches were saved.
    const { execPath } = process;
    const child = compiled('test/helpers/run-study.mjs');
    const out = join(folder, 'study.db');
    const options = { model, data, out, context: 32, bos: 'no' };
    const ask = JSON.stringify({ options, saveEvery: 0, killAt: 2 });
    expect(() => execFileSync(execPath, [child, ask], { stdio: 'ignore' })).toThrow();
    const info = await cli(['info', out]);
    expect(info.code).toBe(0);
    expect(info.stdout).toMatch(/unfinished: run its command again to continue/);
    expect(JSON.parse((await cli(['info', out, '--json'])).stdout)).toMatchObject({
      status: 'unfinished',
      contentHash: null,
      contexts: null,
    });
    expectFailure(await cli(['unit', out, 'mlp.0/1']), /not in the study yet.*type its command again/);
    expect((await cli(['units', out])).code).toBe(0);
  });
});

describe('a full disk', () => {
  const disk = join(root, 'disk');
  const mount = (size: string) => {
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk], { stdio: 'ignore' });
  };
  let permitted = process.platform === 'linux';
  try {
    if (permitted) {
      mount('1m');
      execFileSync('umount', [disk]);
    }
  } catch {
    permitted = false;
  }
  const mounted = permitted ? test : test.skip;
  if (!permitted) console.log('disk full: not run, this user may not mount a file system');

  mounted('is said in one line; with more room the same command ends the study', async () => {
    const data = join(root, 'long.txt');
    writeFileSync(data, 'the quick brown fox jumps over the lazy dog and away it goes '.repeat(40));
    const args = ['run', '--model', model, '--data', data, '--examples', '60', '--context', '32'];
    const whole = JSON.parse((await cliAlone([...args, '--out', join(folder, 'a.db'), '--json'])).stdout);
    for (const size of ['16k', '64k', '256k']) {
      mount(size);
      try {
        const out = join(disk, 'study.db');
        expectFailure(await cliAlone([...args, '--out', out]), /full/);
        expect(readdirSync(disk).filter((name) => name.startsWith('.'))).toEqual([]);
        execFileSync('mount', ['-o', 'remount,size=20m', disk]);
        const ended = await cliAlone([...args, '--out', out, '--json']);
        expect(ended.stderr).not.toMatch(/error/);
        expect(JSON.parse(ended.stdout)).toMatchObject({
          status: 'complete',
          contentHash: whole.contentHash,
        });
        expect(readdirSync(disk)).toEqual(['study.db']);
      } catch (error) {
        throw new Error(`with ${size}: ${readdirSync(disk)}`, { cause: error });
      } finally {
        execFileSync('umount', [disk]);
      }
    }
  });

  mounted('is said by export too, and nothing stays', async () => {
    await small();
    mount('16k');
    try {
      const ended = await cliAlone(['export', join(folder, 'study.db'), '--out', join(disk, 'x.jsonl')]);
      expectFailure(ended, /^error: the disk of .*x\.jsonl is full; make room/);
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('standard output that cannot be written is one line, and no success', async () => {
    await small();
    const study = `'${join(folder, 'study.db')}'`;
    for (const command of [`export ${study}`, `units ${study}`, `info ${study} --json`, '--help']) {
      const { code, stderr } = await shell(`polyseme ${command} > /dev/full`);
      expect({ code, stderr }, command).toEqual({
        code: 1,
        stderr: 'error: cannot write to standard output: its disk is full\n',
      });
    }
    expect((await shell(`polyseme info ${study} 2> /dev/full`)).code).toBe(0);
    expect((await shell('polyseme info no.db 2> /dev/full')).code).toBe(1);
  });
});
