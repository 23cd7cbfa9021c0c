import { execFile } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { scratchFolder } from '../fixtures/corpus/support.ts';

const MEGABYTE = 1e6;
const folder = scratchFolder();

/** Reads a corpus into contexts in a process with a small heap; prints counts and the largest resident size. */
const READER = `
  const { openCorpus } = await import('./dist/corpus/open-corpus.js');
  const { cutContexts } = await import('./dist/corpus/contexts.js');
  const encode = (text) => new Int32Array(text.length >> 2);
  const contexts = cutContexts(await openCorpus(process.argv[1]), { encode }, JSON.parse(process.argv[2]));
  for await (const _ of contexts);
  console.log(JSON.stringify({ ...contexts.summary, resident: process.resourceUsage().maxRSS * 1024 }));
`;

async function read(path: string, options: object) {
  const flags = [
    '--max-old-space-size=64',
    '--input-type=module',
    '-e',
    READER,
    path,
    JSON.stringify(options),
  ];
  return JSON.parse((await promisify(execFile)(process.execPath, flags)).stdout);
}

it('a corpus of 200 MB is read in the memory of a few documents', async () => {
  const row = `${JSON.stringify({ text: 'All work and no play makes Jack a dull boy. '.repeat(45) })}\n`;
  const block = Buffer.from(row.repeat(500));
  const path = join(folder, 'large.jsonl');
  const file = openSync(path, 'w');
  let rows = 0;
  for (let size = 0; size < 200 * MEGABYTE; size += block.length, rows += 500) writeSync(file, block);
  closeSync(file);

  // 1980 characters and 495 tokens a row; 200 MB of tokens, more than are kept.
  const [all, some] = await Promise.all([
    read(path, { length: 128, bos: false }),
    read(path, { length: 128, bos: false, count: rows + 1000 }),
  ]);
  expect(all).toMatchObject({ documents: rows, contexts: rows * 4, tokens: rows * 495 });
  expect(all.resident).toBeLessThan(160 * MEGABYTE);
  expect(some).toMatchObject({ documents: rows, contexts: rows + 1000 });
  expect(some.resident).toBeLessThan(300 * MEGABYTE);
});
