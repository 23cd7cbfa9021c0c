import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/server/server.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { compiled } from '../helpers/cli.ts';
import { explorerPages, type Look } from '../helpers/explorer-page.ts';
import { writeStudy } from '../helpers/written-study.ts';
import { evaluation, logLine, writeLog, writeRun } from '../helpers/written-training.ts';

/** Milliseconds in which a page draws what it was asked for, on a busy machine too. */
const SOON = { timeout: 60_000 };

describe.skipIf(!hasBrowser)('explorer of trainings', () => {
  const pages = explorerPages();
  /** Of one test. */
  let folder: string;
  let dir: string;
  let server: RunningServer;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(pages.folder, 'test-'));
    dir = join(folder, 'runs');
    mkdirSync(dir);
    server = await pages.serve(null, { trainings: dir });
  });
  afterEach(() => {
    child?.kill('SIGKILL');
  });

  const open = (
    at: string,
    { base = server.url, fakeClock = false, ...look }: Look & { fakeClock?: boolean } = {},
  ) =>
    pages.open(base + at, {
      base,
      ...look,
      ...(fakeClock ? { before: (page: Page) => page.clock.install() } : {}),
    });

  const search = (page: Page) => new URL(page.url()).searchParams;
  const rows = (page: Page) => page.locator('.trainings-table tbody tr');
  const chart = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
  const slider = (page: Page, name: string) => chart(page, name).getByRole('slider');
  const lastStep = (page: Page, name = 'Loss') => slider(page, name).getAttribute('aria-valuemax');
  const lines = (page: Page, name = 'Loss') => chart(page, name).locator('g[stroke^="var(--f"] path').count();
  const tips = (page: Page) => page.locator('.training-tip');

  /** Two trainings of a sweep that are done, and one under way. */
  function writeThree(): void {
    const sweep = join(dir, 'sweep');
    const of = (bend: number) => (step: number) => ({ loss: bend + 100 / step, gradientNorm: step % 7 });
    writeLog(join(sweep, 'embedding-0'), 1, 100, of(1));
    writeLog(join(sweep, 'embedding-0.3'), 1, 100, of(2));
    writeRun(
      sweep,
      { embeddingWeight: [0, 0.3] },
      { 'embedding-0': evaluation(0.9), 'embedding-0.3': evaluation(0.8) },
    );
    writeRun(join(dir, 'zipped, new'), { embeddingWeight: [1] });
    writeLog(join(dir, 'zipped, new'), 1, 60, of(3));
  }

  it('waits for a training, and follows it until it is done', async () => {
    const out = join(dir, 'sweep');
    const page = await open('/');
    await page.waitForURL(/\/trainings$/);
    await page.getByText('No training here yet').waitFor();
    expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual([
      'Trainings',
      'About',
    ]);
    expect(await page.getByRole('button', { name: 'Random unit' }).count()).toBe(0);
    expect(await page.getByRole('searchbox').count()).toBe(0);
    const options = {
      site: 'blocks.1.hook_resid_post',
      latents: 64,
      k: [4],
      embeddingWeight: [0, 0.3],
      tokens: 3840,
      batch: 128,
      contexts: 20,
      buffer: 2048,
      logEvery: 2,
      evalTokens: 300,
      threads: 1,
      out,
    };
    child = spawn(
      process.execPath,
      [compiled('test/helpers/paced-training.mjs'), JSON.stringify({ options, pauses: [10, 20] })],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr!.on('data', (text) => {
      said += text;
    });
    await expect.poll(() => rows(page).count(), { timeout: 60_000 }).toBe(2);
    const wait = { timeout: 60_000 };
    await expect.poll(() => lastStep(page), wait).toBe('10');
    // Curves may be ahead of the table until it looks again.
    await expect.poll(() => rows(page).first().textContent(), wait).toContain('training33 %');
    await expect.poll(() => page.title(), SOON).toBe('33 % · Trainings · Polyseme');
    const path = chart(page, 'Loss').locator('g[stroke^="var(--f"] path').first();
    const short = (await path.getAttribute('d'))!;
    expect(short.split(/[ML]/).length - 1).toBe(5);
    // It grows under the reader's hands: focus stays, nothing moves.
    const box = rows(page).first().getByRole('checkbox');
    await box.focus();
    const place = await chart(page, 'L_N').boundingBox();
    writeFileSync(`${out}.go-10`, '');
    await expect.poll(() => lastStep(page), wait).toBe('20');
    expect((await path.getAttribute('d'))!.split(/[ML]/).length - 1).toBe(10);
    expect(await box.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await chart(page, 'L_N').boundingBox()).toEqual(place);
    writeFileSync(`${out}.go-20`, '');
    await expect.poll(() => rows(page).locator('[data-state="done"]').count(), wait).toBe(2);
    await expect.poll(() => lastStep(page), SOON).toBe('30');
    await page.getByRole('columnheader', { name: 'CE rec.' }).waitFor();
    const { result } = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'));
    for (const [i, { evaluation: found }] of result.entries()) {
      const cells = await rows(page).nth(i).locator('td').allTextContents();
      expect(cells[6]).toBe(found.reconstruction.explainedVariance.toFixed(3).replace('-', '−'));
    }
    await page.getByRole('status').getByText('sweep/embedding-0: done').waitFor();
    expect(said).toBe('');
  }, 240_000);

  it('hides and shows trainings, and keeps what is chosen in the URL', async () => {
    writeThree();
    const page = await open('/trainings');
    await expect.poll(() => lines(page), SOON).toBe(3);
    expect(await chart(page, 'Where they stand').locator('circle').count()).toBe(3);
    // Charts without numbers are not there.
    expect(await chart(page, 'Auxiliary loss').count()).toBe(0);
    expect(await chart(page, 'Gradient norm').count()).toBe(1);
    await rows(page).filter({ hasText: 'embedding-0.3' }).getByRole('checkbox').uncheck();
    await expect.poll(() => lines(page), SOON).toBe(2);
    expect(search(page).get('runs')).toBe('sweep/embedding-0,zipped%2C new');
    await page.getByRole('button', { name: 'Tokens', exact: true }).click();
    await page.getByRole('button', { name: 'Logarithmic' }).click();
    await page.getByRole('slider', { name: 'Smoothing' }).fill('0.6');
    await page.getByLabel('Across').selectOption('Dead latents');
    await page.waitForURL(/x=deadShare/);
    await page.reload();
    await expect.poll(() => lines(page), SOON).toBe(4);
    expect(Object.fromEntries(search(page))).toEqual({
      runs: 'sweep/embedding-0,zipped%2C new',
      over: 'tokens',
      scale: 'log',
      smooth: '0.6',
      x: 'deadShare',
    });
    expect(await lastStep(page)).toBe('10000');
    for (const name of ['Tokens', 'Logarithmic']) {
      expect(await page.getByRole('button', { name, exact: true }).getAttribute('aria-pressed')).toBe('true');
    }
    expect(await rows(page).getByRole('checkbox', { checked: true }).count()).toBe(2);
    const all = page.getByRole('checkbox', { name: 'Draw all trainings' });
    await all.click();
    await expect.poll(() => rows(page).getByRole('checkbox', { checked: true }).count(), SOON).toBe(3);
    await all.click();
    await page.getByText('Nothing is chosen').waitFor();
  });

  it('tells the values of all trainings at a step, in every chart, by pointer and by keys', async () => {
    writeThree();
    const page = await open('/trainings');
    await expect.poll(() => lines(page), SOON).toBe(3);
    await slider(page, 'Loss').scrollIntoViewIfNeeded();
    const area = (await slider(page, 'Loss').boundingBox())!;
    await page.mouse.move(area.x + area.width / 2, area.y + area.height / 2);
    await tips(page).first().waitFor();
    expect(await tips(page).count()).toBe(await page.locator('.chart .crosshair').count());
    const step = Number(await slider(page, 'Loss').getAttribute('aria-valuenow'));
    expect(Math.abs(step - 47)).toBeLessThan(8);
    const told = (bend: number) =>
      new Intl.NumberFormat('en', { maximumSignificantDigits: 4 }).format(
        Number((bend + 100 / step).toPrecision(4)),
      );
    expect(await chart(page, 'Loss').locator('.training-tip span').allTextContents()).toEqual([
      `step ${step}`,
      `sweep/embedding-0${told(1)}`,
      `sweep/embedding-0.3${told(2)}`,
      `zipped, new${told(3)}`,
    ]);
    expect(await chart(page, 'L0').locator('.training-tip').textContent()).toContain('γ 0.38');
    await page.mouse.move(2, 2);
    expect(await tips(page).count()).toBe(0);
    await slider(page, 'L0').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('PageUp');
    expect(await slider(page, 'L0').getAttribute('aria-valuetext')).toBe(
      'step 12: sweep/embedding-0 8; sweep/embedding-0.3 8; zipped, new 8',
    );
    // Past its end a training has no value.
    await page.keyboard.press('End');
    expect(await chart(page, 'Loss').locator('.training-tip').textContent()).not.toContain('zipped');
    await page.keyboard.press('Escape');
    expect(await tips(page).count()).toBe(0);
  });

  it('saves charts with their legend, and their numbers, smoothed too', async () => {
    writeThree();
    const page = await open('/trainings?smooth=0.5');
    await expect.poll(() => lines(page), SOON).toBe(6);
    const save = async (what: string, kind: string) => {
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: `Save ${what} as ${kind}`, exact: true }).click();
      return readFileSync(await (await saved).path());
    };
    const svg = (await save('Loss', 'SVG')).toString();
    expect(svg.startsWith('<svg')).toBe(true);
    for (const name of ['γ 0', 'γ 0.3', 'γ 1']) expect(svg).toContain(`>${name}</text>`);
    expect((await save('Where they stand', 'PNG')).toString('latin1', 1, 4)).toBe('PNG');
    const csv = (await save('Loss', 'CSV')).toString().trim().split('\r\n');
    expect(csv[0]).toBe('training,step,tokens,loss,smoothed_0.5');
    expect(csv).toHaveLength(1 + 260);
    // Bias-corrected: (0.25·101 + 0.5·51) / 0.75 at the second line.
    expect(csv[2]).toMatch(/^sweep\/embedding-0,2,200,51,67\.666/);
    expect(csv.at(-1)).toMatch(/^"zipped, new",60,6000,4\.667,/);
  });

  it('draws a log anew that was cut back, and says what has stopped or cannot be read', async () => {
    writeRun(dir);
    writeLog(dir, 1, 40);
    const page = await open('/trainings', { fakeClock: true });
    await expect.poll(() => lastStep(page), SOON).toBe('40');
    const steps = Array.from({ length: 25 }, (_, i) => logLine(i + 1, { loss: 5 }));
    writeFileSync(join(dir, 'log.jsonl'), `${steps.join('')}broken\n`);
    await expect.poll(() => lastStep(page), SOON).toBe('25');
    const path = await chart(page, 'Loss').locator('g[stroke^="var(--f"] path').first().getAttribute('d');
    const xs = [...path!.matchAll(/[ML]([\d.]+),/g)].map(([, x]) => Number(x));
    expect(xs).toHaveLength(25);
    expect(xs).toEqual(xs.toSorted((a, b) => a - b));
    await page.getByText('1 line of the logs could not be read and is left out: runs (1).').waitFor();
    // A page out of sight asks for nothing.
    const visible = (state: string) =>
      page.evaluate((to) => {
        Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => to });
        document.dispatchEvent(new Event('visibilitychange'));
      }, state);
    await visible('hidden');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.clock.fastForward('01:00');
    // What the page asks for in that minute is sent before this.
    await page.evaluate(async () => (await fetch('/healthz')).text());
    expect(asked).toEqual(['/healthz']);
    const then = Date.now() / 1000 - 90;
    for (const file of ['log.jsonl', 'run.json', '.']) utimesSync(join(dir, file), then, then);
    await visible('visible');
    await page.getByText('Type the same command again and it goes on').waitFor();
    expect(await rows(page).first().textContent()).toContain('stoppedat step 25 of 100');
  });

  it.each(['light', 'dark'])('passes axe, empty and full (%s)', async (theme) => {
    const check = async (page: Page) => expect(await axeFaults(page, { dark: theme === 'dark' })).toEqual([]);
    const page = await open('/trainings', { dark: theme === 'dark' });
    await page.getByText('No training here yet').waitFor();
    await check(page);
    writeThree();
    writeFileSync(join(dir, 'run.json'), '{}');
    await expect.poll(() => lines(page), SOON).toBe(3);
    await page.getByText('Not shown, since their run.json').waitFor();
    await slider(page, 'Loss').focus();
    await page.keyboard.press('ArrowLeft');
    await rows(page).first().getByRole('checkbox').uncheck();
    await check(page);
  });

  it('fits a narrow screen', async () => {
    writeThree();
    for (const width of [390, 320]) {
      const page = await open('/trainings', { width });
      await expect.poll(() => lines(page), SOON).toBe(3);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      await page.context().close();
    }
  });

  it('stands beside a study, and is not there where no trainings are served', async () => {
    const path = join(folder, 'study.db');
    writeStudy({ path, banks: [{ name: 'mlp.0', units: 2 }], examples: () => 3, contexts: [[' a', ' b']] });
    const links = (page: Page) => page.getByRole('navigation').getByRole('link').allTextContents();
    for (const trainings of [dir, undefined]) {
      const other = await pages.serve(path, { trainings });
      const page = await open('/', { base: other.url });
      await page.getByText('2 units').first().waitFor();
      const names = ['Study', 'Search', 'Probe', 'Compare', ...(trainings ? ['Trainings'] : []), 'About'];
      expect(await links(page)).toEqual(names);
      await page.getByRole('button', { name: 'Random unit' }).waitFor();
      await page.goto(`${other.url}/trainings`);
      await page.getByText(trainings ? 'No training here yet' : 'No trainings are served here').waitFor();
      await page.context().close();
    }
    // Without a study, its pages lead to the trainings, and nothing asks for it.
    const page = await open('/about');
    await page.getByRole('heading', { name: 'Metrics' }).waitFor();
    expect(await page.getByText('This study').count()).toBe(0);
    for (const at of ['/unit/mlp.0/1', '/search?q=a', '/compare']) {
      await page.goto(server.url + at);
      await page.waitForURL(/\/trainings$/);
    }
  });
});
