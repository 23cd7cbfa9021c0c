// Only regular files are read: a pipe would be waited for, a device read without end.
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestFiles } from '../../src/base/file-digest.ts';
import { readJsonObject } from '../../src/base/json-file.ts';
import { readWhole } from '../../src/base/read-file.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { readOnnx } from '../../src/onnx/read-onnx.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import { openFile } from '../../src/tensors/random-file.ts';
import { readSafetensorsHeader } from '../../src/tensors/safetensors.ts';
import { loadTokenizer } from '../../src/tokenizer/load-tokenizer.ts';
import { expectOneLine, temporaryFolder } from '../helpers/expect.ts';

const READERS: readonly [string, string, (path: string, folder: string) => unknown][] = [
  ['JSON', 'a.json', (path) => readJsonObject(path, 100)],
  ['any file', 'a', (path) => openFile(path)],
  ['a digest', 'a', (path) => digestFiles([path])],
  ['safetensors', 'a.safetensors', (path) => readSafetensorsHeader(path)],
  ['ONNX', 'a.onnx', (path) => readOnnx(path)],
  ['config.json', 'config.json', (_, folder) => openCheckpoint(folder)],
  ['tokenizer.json', 'tokenizer.json', (_, folder) => loadTokenizer(folder)],
  ['an SAE', 'ae.pt', (path) => loadSae(path)],
  ['texts', 'a.jsonl', async (path) => (await openCorpus(path)).documents()[Symbol.asyncIterator]().next()],
];

test.each(READERS)('a pipe or a device in the place of %s is one line', async (_, name, read) => {
  for (const put of [
    (path: string) => spawnSync('mkfifo', [path]),
    (path: string) => symlinkSync('/dev/zero', path),
    (path: string) => mkdirSync(path),
  ]) {
    const folder = temporaryFolder();
    put(join(folder, name));
    await expectOneLine(() => read(join(folder, name), folder), /./);
  }
});

test('a file of more bytes than its limit is one line, with both', async () => {
  const path = join(temporaryFolder(), 'a');
  writeFileSync(path, 'abcd');
  expect((await readWhole(path, 4)).toString()).toBe('abcd');
  await expectOneLine(
    () => readWhole(path, 3, { label: 'the notes' }),
    /^the notes has 4 bytes \(limit 3\)$/,
  );
});
