// builtin:sotu as text to train on and text held out.
import { createWriteStream, existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { openCorpus } from '../../dist/index.js';

/** Every fifth document is held out. */
const FOLD = 5;

/** Training text and text held out, by whole documents. */
export async function splitText(folder) {
  const paths = ['train.jsonl', 'held-out.jsonl'].map((name) => join(folder, name));
  if (paths.every((path) => existsSync(path))) return paths;
  const files = paths.map((path) => createWriteStream(`${path}.new`));
  for await (const { ordinal, name, text } of (await openCorpus('builtin:sotu')).documents()) {
    files[ordinal % FOLD === FOLD - 1 ? 1 : 0].write(`${JSON.stringify({ name, text })}\n`);
  }
  await Promise.all(files.map((file) => new Promise((done) => file.end(done))));
  for (const path of paths) renameSync(`${path}.new`, path);
  return paths;
}
