import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Why a test did not run, by the first word of its name or of a suite around it. */
const REASONS: Record<string, string> = {
  'shared:': 'need the models and data of ../shared, which is not beside this clone',
  'machine:': 'need a machine that rounds as one whose results are kept (see test/run/content-hash.test.ts)',
  'registry:': 'need the npm registry, which cannot be reached',
  'mount:': 'need a user who may mount a file system',
  'browser:': 'need Chromium (set CHROMIUM_PATH, or install it)',
};

/** How many of the slowest tests are named. */
const SLOWEST = 10;

/** Names the slowest tests, and says in one line how many did not run and why. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    process.stdout.write(slowest(tests) + skipped(tests));
  }
}

function slowest(tests: readonly TestCase[]): string {
  const timed = tests
    .map((test) => ({ test, took: test.diagnostic()?.duration ?? 0 }))
    .filter(({ took }) => took >= 1000)
    .sort((a, b) => b.took - a.took)
    .slice(0, SLOWEST);
  if (timed.length === 0) return '';
  const lines = timed.map(
    ({ test, took }) =>
      `${(took / 1000).toFixed(1).padStart(7)} s  ${test.module.relativeModuleId} > ${test.fullName}\n`,
  );
  return `The slowest tests:\n${lines.join('')}`;
}

function skipped(tests: readonly TestCase[]): string {
  const counts = new Map<string, number>();
  for (const test of tests) {
    if (test.result().state !== 'skipped') continue;
    const prefix = Object.keys(REASONS).find((key) =>
      test.fullName.split(' > ').some((part) => part.startsWith(key)),
    );
    const reason =
      prefix === undefined ? 'after a failure in their suite, or skipped by hand' : REASONS[prefix]!;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  if (counts.size === 0) return '';
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`);
  return `Tests that did not run: ${parts.join('; ')}.\n`;
}
