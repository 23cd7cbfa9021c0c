// `node scripts/layout.mjs`: no folder of src/ or web/src/ knows another that knows it back, by value or by type.
// Folders are compared with their neighbours: those of one parent, each with all that lies in it.
import { readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { globSync } from 'tinyglobby';

const ROOTS = ['src', 'web/src'];

/** Every import of a file, `import type`, re-exports and `import()` included, as paths from the root. */
function importsOf(file) {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) =>
    normalize(join(dirname(file), path)),
  );
}

/** Folder → folder → the imports that join them, for the folders of one parent. */
function neighbours(parent, files) {
  const arrows = new Map();
  const room = (file) => {
    const path = relative(parent, file);
    return path.startsWith('..') || !path.includes(sep) ? null : path.split(sep)[0];
  };
  for (const file of files) {
    for (const target of importsOf(file)) {
      const [from, to] = [room(file), room(target)];
      if (from === null || to === null || from === to) continue;
      if (!arrows.has(from)) arrows.set(from, new Map());
      const known = arrows.get(from);
      known.set(to, [...(known.get(to) ?? []), `${file} → ${target}`]);
    }
  }
  return arrows;
}

/** A shortest circle of folders, or null. */
function circle(arrows) {
  for (const start of [...arrows.keys()].sort()) {
    const queue = [[start]];
    const seen = new Set();
    for (const path of queue) {
      for (const next of arrows.get(path.at(-1))?.keys() ?? []) {
        if (next === start) return [...path, start];
        if (!seen.has(next)) {
          seen.add(next);
          queue.push([...path, next]);
        }
      }
    }
  }
  return null;
}

let faults = 0;
for (const root of ROOTS) {
  const files = globSync(`${root}/**/*.{ts,tsx}`).sort();
  const parents = new Set([root, ...files.map((file) => dirname(file))]);
  for (const parent of [...parents].sort()) {
    const arrows = neighbours(parent, files);
    const found = circle(arrows);
    if (found === null) continue;
    faults += 1;
    console.error(`${parent}: ${found.join(' → ')}`);
    for (let i = 0; i + 1 < found.length; i++) {
      for (const line of arrows.get(found[i]).get(found[i + 1])) console.error(`  ${line}`);
    }
  }
}
if (faults > 0) {
  console.error('Folders that know each other; move what both need into a folder below them.');
  process.exit(1);
}
