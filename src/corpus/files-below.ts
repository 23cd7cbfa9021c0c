import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readError } from './input.ts';

/**
 * The files in a folder, at any depth and behind links, by their names relative to it, with `/`; hidden ones are left out.
 * No pattern is matched: a name may hold a line break, and the folder's path a backslash.
 */
export async function filesBelow(folder: string): Promise<string[]> {
  const names: string[] = [];
  await visit(folder, '', []).catch((error) => {
    throw readError(error, { name: folder, path: folder });
  });
  return names;

  /** @param above the folders that this one lies in: a link back to one of them is not followed */
  async function visit(path: string, prefix: string, above: readonly string[]): Promise<void> {
    const real = await realpath(path);
    if (above.includes(real)) return;
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const at = join(path, entry.name);
      // What a link leads to nowhere is no file.
      const kind = entry.isSymbolicLink() ? await stat(at).catch(() => null) : entry;
      if (kind?.isDirectory()) await visit(at, `${prefix}${entry.name}/`, [...above, real]);
      else if (kind?.isFile()) names.push(prefix + entry.name);
    }
  }
}
