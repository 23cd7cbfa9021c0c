import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as polyseme from 'polyseme';
import { describe, expect, test } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<
    string,
    {
      dev?: boolean;
      optional?: boolean;
      hasInstallScript?: boolean;
      engines?: { node?: string };
      [key: string]: unknown;
    }
  >;
};

describe('the manifest', () => {
  test('every path that it exports is built, types first', () => {
    const paths = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target as Record<string, string>),
    );
    for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
    expect(Object.keys(manifest.exports['.'])[0]).toBe('types');
    expect(Object.keys(manifest.exports['.']).at(-1)).toBe('default');
    expect(manifest.type).toBe('module');
  });

  test('the command can be executed', () => {
    const bin = join(root, manifest.bin.polyseme);
    expect(statSync(bin).mode & 0o111).toBe(0o111);
    expect(readFileSync(bin, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test('what installs runs on Node 20.19', () => {
    expect(manifest.engines.node).toBe('>=20.19');
    for (const [path, { dev, engines }] of Object.entries(lock.packages)) {
      if (dev || path === '' || engines?.node === undefined) continue;
      expect(allows(engines.node, [20, 19]), `${path} needs Node ${engines.node}`).toBe(true);
    }
  });

  test('no package that it needs has an install script; the one that has is optional', () => {
    const scripts = Object.entries(lock.packages)
      .filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev)
      .map(([path, { optional }]) => [path, optional]);
    expect(scripts).toEqual([['node_modules/onnxruntime-node', true]]);
    expect(Object.keys(manifest.optionalDependencies)).toEqual(['onnxruntime-node', 'sharp']);
    // A clone runs no script of any package, and npm knows every key of its settings.
    const settings = readFileSync(join(root, '.npmrc'), 'utf8').replaceAll(/^#.*\n/gm, '');
    expect(settings).toBe('ignore-scripts=true\n');
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(manifest.scripts[hook]).toBeUndefined();
    }
  });

  test('the lock file is complete: what it says of this package is what the manifest says', () => {
    const root = lock.packages['']!;
    for (const kind of [
      'dependencies',
      'optionalDependencies',
      'peerDependencies',
      'devDependencies',
      'engines',
      'bin',
    ] as const) {
      expect(root[kind], kind).toEqual(manifest[kind]);
    }
  });

  test('every package that the sources import is a dependency', () => {
    const imported = new Set<string>();
    for (const file of sources(join(root, 'src'))) {
      for (const [, name] of readFileSync(file, 'utf8').matchAll(
        /(?:^|\W)(?:from\s*|import\s*\(?\s*)'([@\w][^'\s]*)'/g,
      )) {
        if (!name!.startsWith('node:')) imported.add(/^(@[^/]+\/)?[^/]+/.exec(name!)![0]);
      }
    }
    expect(
      [...imported].filter(
        (name) =>
          !(
            name in
            { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }
          ),
      ),
    ).toEqual([]);
    expect(imported.size).toBeGreaterThan(5);
  });
});

test('what is published: everything that runs, nothing that tests', () => {
  const json = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files, size }] = JSON.parse(json) as [{ files: { path: string }[]; size: number }];
  const paths = files.map(({ path }) => path);
  for (const needed of [
    'package.json',
    'README.md',
    'LICENSE',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'dist/data/sotu.jsonl.gz',
    'dist/data/sotu.LICENSE.txt',
    'models/folio-5m/model.safetensors',
    'models/folio-5m/config.json',
    'models/folio-5m/tokenizer.json',
    'models/folio-5m/README.md',
  ]) {
    expect(paths, needed).toContain(needed);
  }
  const published =
    /^(dist\/|models\/|docs\/|examples\/|bench\/.*\.json$|(package\.json|README\.md|SECURITY\.md|CHANGELOG\.md|LICENSE)$)/;
  expect(paths.filter((path) => !published.test(path))).toEqual([]);
  expect(paths).not.toContain('dist/build.json');
  // What README and docs link to or name as a path is there too.
  for (const page of paths.filter((path) => path.endsWith('.md'))) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(paths, `${page} links to ${link}`).toContain(join(dirname(page), link!));
    }
  }
  expect(paths.filter((path) => /\btests?\b|fixture|\.test\.|node_modules/.test(path))).toEqual([]);
  expect(size).toBeLessThan(20e6);
});

test('the public names of the main job are there', () => {
  for (const name of [
    'loadModel',
    'openCorpus',
    'cutContexts',
    'neuronEmbeddings',
    'cosineDistances',
    'linkage',
    'cutTree',
    'polysemy',
    'runStudy',
    'openStudy',
    'PolysemeError',
  ]) {
    expect(typeof (polyseme as Record<string, unknown>)[name], name).toBe('function');
  }
});

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

/** Whether a range of engines lets a version in: `>=18`, `^20 || >=22`, `^18.12.0 || ^20.9`, `20 || >=22`, `>= 14 < 30`. */
function allows(range: string, [major, minor]: readonly [number, number]): boolean {
  return range.split('||').some((part) =>
    [...part.trim().matchAll(/(>=|<=|<|>|\^|~)?\s*v?(\d+|\*|x)(?:\.(\d+|x|\*))?[\w.-]*/g)].every(
      ([, operator = '', first, second]) => {
        if (first === '*' || first === 'x') return true;
        const [m, n] = [Number(first), Number(second) || 0];
        const atLeast = major > m || (major === m && minor >= n);
        if (operator === '>=' || operator === '>') return atLeast;
        if (operator === '<') return major < m || (major === m && minor < n);
        if (operator === '<=') return major < m || (major === m && minor <= n);
        return major === m && atLeast;
      },
    ),
  );
}
