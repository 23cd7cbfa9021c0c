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
  test: { name, include, exclude, testTimeout: limit, hookTimeout: limit },
});

/** Tests of pure functions: no model, no file but fixtures. */
const UNIT = ['base', 'cluster', 'embed', 'features', 'polysemy', 'tensors', 'web'].map(
  (room) => `test/${room}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    reporters: ['default', './test/helpers/reporter.ts'],
    globalSetup: ['./test/helpers/compiled-sources.ts'],
    setupFiles: ['./test/helpers/workers-of-sources.ts'],
    maxWorkers: 2,
    expect: { poll: { timeout: 60_000 } },
    sequence: { sequencer: LongestFirst },
    projects: [
      project('unit', 60_000, UNIT),
      project('node', 240_000, ['test/**/*.test.ts'], [...UNIT, 'test/browser/**', 'test/package/**']),
      project('browser', 240_000, ['test/browser/**/*.test.ts']),
      project('package', 240_000, ['test/package/**/*.test.ts']),
    ],
  },
});
