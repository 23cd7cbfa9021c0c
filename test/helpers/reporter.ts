import type { Reporter, TestModule } from 'vitest/node';

/** Why a test did not run, by the first word of its name or of a suite around it. */
const REASONS: Record<string, string> = {
  'shared:': 'need the models and data of ../shared, which is not beside this clone',
  'machine:': 'need a machine that rounds as one whose results are kept (see test/run/content-hash.test.ts)',
  'browser:': 'need Chromium (set CHROMIUM_PATH, or install it)',
};

/** Says in one line how many tests did not run, and why. */
export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const prefix = Object.keys(REASONS).find((key) =>
          test.fullName.split(' > ').some((part) => part.startsWith(key)),
        );
        const reason =
          prefix === undefined ? 'after a failure in their suite, or skipped by hand' : REASONS[prefix]!;
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
    }
    if (counts.size === 0) return;
    const parts = [...counts].map(([reason, count]) => `${count} ${reason}`);
    process.stdout.write(`Tests that did not run: ${parts.join('; ')}.\n`);
  }
}
