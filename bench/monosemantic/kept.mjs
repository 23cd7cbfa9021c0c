// Results that are kept, so that a run that was killed goes on.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** What is in the file, or else what `make` gives, which is then written there; null is not kept. */
export async function kept(path, key, make) {
  if (existsSync(path)) {
    const found = JSON.parse(readFileSync(path, 'utf8'));
    if (JSON.stringify(found.key) === JSON.stringify(key)) return found.result;
  }
  const result = await make();
  if (result !== null) writeJson(path, { key, result });
  return result;
}

/** Whole or not at all. */
export function writeJson(path, value) {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 1)}\n`);
  renameSync(`${path}.new`, path);
}
