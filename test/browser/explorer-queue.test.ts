import type { ChildProcess } from 'node:child_process';
import type { Locator, Page } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/server/server.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { cutTexts, explorerPages, type Look } from '../helpers/explorer-page.ts';
import { plantQueue } from '../helpers/planted-queue.ts';
import { end, freePort, hasRedis, startRedis } from '../helpers/queue-servers.mjs';

if (!hasRedis) console.warn('redis-server is not installed: the tests of the page of a queue are skipped');

/** Milliseconds in which a page draws what it was asked for, on a busy machine too. */
const SOON = { timeout: 60_000 };

describe.skipIf(!hasBrowser || !hasRedis)('explorer of a queue', () => {
  const pages = explorerPages();
  let redis: ChildProcess;
  let port: number;
  let server: RunningServer;
  /** Databases of the server that tests have taken. */
  let taken = 0;

  beforeAll(async () => {
    port = await freePort();
    redis = await startRedis(pages.folder, port);
    pages.keep({ close: () => end(redis) });
  });
  let url: string;
  beforeEach(async () => {
    taken++;
    url = `redis://127.0.0.1:${port}/${taken}`;
    server = await pages.serve(null, { queue: url });
  });

  const open = (look: Look = {}) => pages.open(`${server.url}/queue`, look);
  const row = (page: Page, table: string, name: string) =>
    page.getByRole('region', { name: table, exact: true }).getByRole('row').filter({ hasText: name });
  const cells = (of: Locator) => of.getByRole('cell').allTextContents();

  it('waits for a run; then shows its progress, rates, failures and stragglers', async () => {
    const page = await pages.open(`${server.url}/`);
    await page.waitForURL(/\/queue$/);
    await page.getByText('No run here yet').waitFor();
    await page.getByText('No worker is at the queue').waitFor();
    expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual([
      'Queue',
      'About',
    ]);
    const planted = pages.keep(await plantQueue(url));
    const run = row(page, 'Runs', '2f8a61c0d94be573');
    await run.waitFor(SOON);
    const bar = run.getByRole('progressbar', { name: 'Progress of 2f8a61c0d94be573' });
    // Nine of twelve, and the shares of two at hand: 0.7 and 0.5.
    await expect.poll(() => bar.getAttribute('aria-valuenow'), SOON).toBe('85');
    const [stage, progress, jobs, perHour, tokens, median] = await cells(run);
    expect([stage, jobs, median]).toEqual(['examples 1 of 3', '10.2 of 12', '1 min']);
    expect(await run.getByRole('rowheader').textContent()).toBe('long-corpus.dbof folio-5m2f8a61c0d94be573');
    expect(progress).toMatch(/^running85 %1 failed.* left of the stage$/);
    // 10.2 jobs in 900 s; 88,000 tokens in 600 s and 63,000 in 30 s, and what the clock has gone on since.
    expect(Number(perHour!.replace(',', ''))).toBeGreaterThan(30);
    expect(Number(perHour!.replace(',', ''))).toBeLessThanOrEqual(41);
    expect(Number(tokens!.replace(',', ''))).toBeGreaterThan(146);
    expect(Number(tokens!.replace(',', ''))).toBeLessThanOrEqual(2247);
    expect(await page.title()).toBe('85 % · Queue · Polyseme');

    // Stragglers come first.
    const names = page.getByRole('region', { name: 'Workers', exact: true }).locator('.worker-name');
    expect(await names.allTextContents()).toEqual(['boreas-977', 'atlas-4121', 'atlas-4122']);
    const slow = row(page, 'Workers', 'boreas-977');
    const [job, since, , , did, pace] = await cells(slow);
    expect([job, did]).toEqual(['examples 10', '3']);
    expect(since).toMatch(/^1\d min, \d+\.\d × the median$/);
    expect(pace).toBe('4.0 ×');
    expect(
      await slow.getByRole('progressbar', { name: 'Progress of examples 10' }).getAttribute('aria-valuenow'),
    ).toBe('70');
    expect((await cells(row(page, 'Workers', 'atlas-4122')))[0]).toBe('idle');
    await page.getByText('3 workers, 2 at work').waitFor();
    await page.getByText('1 straggler').waitFor();

    const failure = row(page, 'Failures', 'examples 12');
    expect(await cells(failure)).toEqual([
      'corpus.jsonl: its text is not what was planned (context 1181); put it back, or plan anew',
      'once, given up',
      'atlas-4122',
    ]);

    // It follows what happens: the workers end when their jobs are done, and one shard stays failed.
    await planted.close();
    await page.getByText('No worker is at the queue').waitFor(SOON);
    await expect.poll(async () => (await cells(run))[2], SOON).toBe('11 of 12');
    expect((await cells(run))[1]).toMatch(/^failed91 %/);
  });

  it('says when the queue does not answer, and goes on when it does', async () => {
    const planted = await plantQueue(url);
    const page = await open();
    await row(page, 'Runs', '2f8a61c0d94be573').waitFor(SOON);
    await planted.close();
    await end(redis);
    await page.getByText('The queue does not answer').waitFor(SOON);
    await page.getByText(/What is done lies in the artefacts/).waitFor();
    redis = await startRedis(pages.folder, port);
    await page.getByText('No run here yet').waitFor(SOON);
  });

  it.each(['light', 'dark'])('passes axe, empty and full (%s)', async (theme) => {
    const check = async (page: Page) => expect(await axeFaults(page, { dark: theme === 'dark' })).toEqual([]);
    const page = await open({ dark: theme === 'dark' });
    await page.getByText('No run here yet').waitFor();
    await check(page);
    pages.keep(await plantQueue(url));
    await row(page, 'Failures', 'examples 12').waitFor(SOON);
    await check(page);
    await page.setViewportSize({ width: 390, height: 844 });
    await check(page);
  });

  it('fits a narrow screen, and cuts no number', async () => {
    pages.keep(await plantQueue(url));
    for (const width of [1440, 390, 320]) {
      const page = await open({ width });
      await row(page, 'Failures', 'examples 12').waitFor(SOON);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      // What failed is in sight before anything is moved, but for the narrowest.
      const failed = await row(page, 'Runs', '2f8a61c0d94be573').getByText('1 failed').boundingBox();
      if (width > 320) expect(failed!.x + failed!.width).toBeLessThanOrEqual(width);
      expect(await cutTexts(page, '.queue-table td, .queue-table th')).toEqual([]);
      await page.context().close();
    }
  });

  it('is not there where no queue is served', async () => {
    const other = await pages.serve(null, { trainings: pages.folder });
    const page = await pages.open(`${other.url}/queue`);
    await page.getByText('No queue is served here').waitFor();
    expect(await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).count()).toBe(0);
  });
});
