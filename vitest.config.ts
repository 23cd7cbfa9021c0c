import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/helpers/longest-first.ts';

/** The benchmarks import what is built; their tests run on the sources, as all tests outside test/package do. */
const SOURCES = [
  { find: /^(\.\.\/)+dist\/(.*)\.js$/, replacement: fileURLToPath(new URL('./src/$2.ts', import.meta.url)) },
];

/** Limits are against tests that hang: a busy machine takes several times as long as a quiet one. */
const project = (name: string, limit: number, include: string[], exclude: string[] = []) => ({
  extends: true as const,
  resolve: { alias: name === 'package' ? [] : SOURCES },
  test: { name, include, exclude, isolate: !TOGETHER.includes(name), testTimeout: limit, hookTimeout: limit },
});

/** Projects whose files share a process, which loads what they import once. */
const TOGETHER = ['browser', 'rooms', 'unit'];

/** Tests of pure functions: no model, no file but fixtures. */
const UNIT = ['base', 'cluster', 'embed', 'features', 'polysemy', 'tensors', 'web'].map(
  (room) => `test/${room}/**/*.test.ts`,
);

/** Tests that leave their process as they found it. That of a new column replaces a module for all of its process. */
const ROOMS = [
  'test/{activations,answers,bank,bench,compare,contract,corpus,docs,evaluate,explain}/**/*.test.ts',
  'test/{export,harvest,hub,model,onnx,sae,search,server,tokenizer}/**/*.test.ts',
  'test/study/!(new-column).test.ts',
];

export default defineConfig({
  test: {
    reporters: ['default', './test/helpers/reporter.ts'],
    globalSetup: ['./test/helpers/compiled-sources.ts'],
    setupFiles: ['./test/helpers/workers-of-sources.ts'],
    maxWorkers: 2,
    expect: { poll: { timeout: 60_000 } },
    sequence: { sequencer: LongestFirst },
    // Those whose files share a process are last: each ends where one of another project is next.
    projects: [
      project('package', 240_000, ['test/package/**/*.test.ts']),
      project('browser', 240_000, ['test/browser/**/*.test.ts']),
      project(
        'node',
        240_000,
        ['test/**/*.test.ts'],
        [...UNIT, ...ROOMS, 'test/browser/**', 'test/package/**'],
      ),
      project('rooms', 240_000, ROOMS),
      project('unit', 60_000, UNIT),
    ],
  },
});
