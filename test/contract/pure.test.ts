import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

test('the explorer reaches the types of no store and no runtime, and no module that needs Node', () => {
  const files = execFileSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '--listFilesOnly', '-p', 'web/tsconfig.json'],
    { cwd: ROOT, encoding: 'utf8' },
  )
    .trim()
    .split('\n')
    .map((file) => relative(ROOT, file));
  expect(files).toContain('src/contract/study-answers.ts');
  expect(
    files.filter((file) => /node_modules\/(libsql|@libsql|onnxruntime-|hono|commander)/.test(file)),
  ).toEqual([]);
  const sources = files.filter((file) => file.startsWith('src/'));
  const rooms = new Set(sources.map((file) => file.split('/')[1]));
  for (const room of ['study', 'train', 'run', 'harvest', 'server', 'cli', 'onnx', 'model']) {
    expect(rooms).not.toContain(room);
  }
  const onNode = sources.filter((file) => /from 'node:/.test(readFileSync(join(ROOT, file), 'utf8')));
  expect(onNode).toEqual([]);
});
