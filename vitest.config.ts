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

/** Projects whose files share a process, which loads what they import once: they leave it as they found it. */
const TOGETHER = ['package', 'browser', 'rooms', 'unit'];

/** Tests of pure functions: no model, no file but fixtures. */
const UNIT = ['base', 'cluster', 'embed', 'features', 'polysemy', 'tensors', 'web'].map(
  (room) => `test/${room}/**/*.test.ts`,
);

/** Tests that need a process of their own: they replace a module or a global for all of it, or fill its memory. */
const ALONE = ['cli/terminal', 'study/new-column', 'train/safety'].map((name) => `test/${name}.test.ts`);

export default defineConfig({
  test: {
    reporters: ['default', './test/helpers/reporter.ts'],
    globalSetup: ['./test/helpers/compiled-sources.ts'],
    setupFiles: ['./test/helpers/workers-of-sources.ts', './test/helpers/equal-bytes.ts'],
    maxWorkers: 2,
    expect: { poll: { timeout: 60_000 } },
    sequence: { sequencer: LongestFirst },
    // In this order: at the end, when a worker may have nothing left to do, come the shortest files.
    projects: [
      project('package', 240_000, ['test/package/**/*.test.ts']),
      project('browser', 240_000, ['test/browser/**/*.test.ts']),
      project('alone', 240_000, ALONE),
      project(
        'rooms',
        240_000,
        ['test/**/*.test.ts'],
        [...UNIT, ...ALONE, 'test/browser/**', 'test/package/**'],
      ),
      project('unit', 60_000, UNIT),
    ],
  },
});
