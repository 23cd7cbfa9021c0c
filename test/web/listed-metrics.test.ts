import { expect, test } from 'vitest';
import type { Metric } from '../../src/polysemy/column-lists.ts';
import { METRICS } from '../../src/polysemy/column-lists.ts';
import { listedMetrics } from '../../web/src/ui/metric-info.ts';

test('experts are listed where a bank has them', () => {
  const bank = (experts: number) => ({
    summary: Object.fromEntries(
      METRICS.map((metric) => [metric, { count: metric === 'expert' ? experts : 9 }]),
    ) as Record<Metric, { count: number }>,
  });
  const names = (banks?: Parameters<typeof listedMetrics>[0]) =>
    listedMetrics(banks).map(({ metric }) => metric);
  expect(names()).not.toContain('expert');
  expect(names([bank(0)])).toEqual(names());
  expect(names([bank(0), bank(9)])).toEqual([...names(), 'expert']);
});
