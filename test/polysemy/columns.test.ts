import { expect, test } from 'vitest';
import { COLUMNS } from '../../src/polysemy/columns.ts';
import { metricsPage } from '../helpers/metrics-page.ts';

test('docs/metrics.md is the page that the table of columns makes (vitest -u writes it)', async () => {
  await expect(metricsPage(COLUMNS)).toMatchFileSnapshot('../../docs/metrics.md');
});
