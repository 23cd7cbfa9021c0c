import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNotes } from '../../src/explain/notes.ts';
import { openStudy, runStudy, type SearchedUnit, searchStudy } from '../../src/index.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { notesPath, readNoteLines } from '../../src/study/notes-file.ts';
import type { Study } from '../../src/study/study.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages, type Look, settled } from '../helpers/explorer-page.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';
import { writeStudy } from '../helpers/written-study.ts';

describe.skipIf(!hasBrowser)('search in the explorer', () => {
  const pages = explorerPages();
  const { folder } = pages;
  const path = join(folder, 'study.db');
  let study: Study;
  let server: RunningServer;

  beforeAll(async () => {
    await runStudy({
      model: writeSmallFolio(join(folder, 'model'), NEURONS),
      contexts: 60,
      layers: [1, 2],
      examples: 24,
      context: 64,
      out: path,
    });
    study = openStudy(path);
    server = await pages.serve(path);
  });
  afterAll(() => study?.close());
  const open = (at: string, { base = server.url, ...look }: Look = {}) =>
    pages.open(base + at, { base, ...look });
  const search = (page: Page) => new URL(page.url()).searchParams;
  const results = (page: Page) => page.locator('.results > li');
  const kept = () => readNotes(readNoteLines(notesPath(path)));
  const nameOf = ({ bank, index }: SearchedUnit) => `${bank}/${index}`;

  it('says how many examples, shows the best passage with the words marked, and opens at the feature', async () => {
    const { units } = await searchStudy(study, 'congress', { limit: 25 });
    // A feature that is not the unit's first, so that it lies below the fold.
    const unit = units.find(({ matches }) => matches[0]!.feature > 1) ?? units[0]!;
    const page = await open('/search?q=Congress');
    const result = results(page).filter({ has: page.getByRole('link', { name: nameOf(unit), exact: true }) });
    await result.getByText(`${unit.found} of ${unit.examples} examples`).waitFor();
    const marks = await result.locator('.passage-line mark').allTextContents();
    expect(marks.length).toBeGreaterThan(0);
    for (const mark of marks) expect(mark.toLowerCase()).toContain('congress');
    const { tokens, position } = unit.passage!;
    expect(await result.locator('.found-peak').textContent()).toBe(tokens[position]!.trimStart());
    expect(await result.locator('.strip .own:not(.dim)').count()).toBeGreaterThan(0);
    await result.getByRole('link', { name: nameOf(unit), exact: true }).click();
    await page.waitForURL(/feature=/);
    expect(search(page).get('feature')).toBe(String(unit.matches[0]!.feature));
    const title = page.locator('.feature.selected h3');
    await title.waitFor();
    const isSeen = async (): Promise<boolean> => {
      const { y } = (await title.boundingBox())!;
      return y >= 0 && y < 900;
    };
    await expect.poll(isSeen, { timeout: 30_000 }).toBe(true);
  });

  it('narrows by facets and goes through pages to the end, all in the address', async () => {
    const all = await searchStudy(study, 'the', { limit: 1000, offset: 0 });
    expect(all.total).toBeGreaterThan(50);
    const page = await open('/search?q=the');
    await page.getByRole('link', { name: 'Last page' }).click();
    const last = Math.ceil(all.total / 25);
    await page.getByText(`page ${last.toLocaleString('en-US')} of`, { exact: false }).waitFor();
    expect(search(page).get('page')).toBe(String(last));
    await expect.poll(() => results(page).count()).toBe(all.total - 25 * (last - 1));
    await page.goBack();
    await expect
      .poll(() => results(page).locator('.result-name').first().textContent())
      .toBe(nameOf(all.units[0]!));
    const own = await searchStudy(study, 'the', { bank: 'mlp.2', minSeparation: 0.45 });
    await page.getByRole('button', { name: /^mlp\.2 / }).click();
    await page.getByRole('button', { name: /^≥ 0\.45 / }).click();
    await expect.poll(() => page.getByRole('status').textContent()).toContain(`${own.total} unit`);
    expect(Object.fromEntries(search(page))).toEqual({ q: 'the', bank: 'mlp.2', 'min.separation': '0.45' });
    expect(await page.getByRole('button', { name: /^mlp\.2 / }).getAttribute('aria-pressed')).toBe('true');
    await page.reload();
    await expect
      .poll(() => results(page).locator('.result-name').first().textContent())
      .toBe(nameOf(own.units[0]!));
  });

  it('finds parts of words when it is asked to', async () => {
    const page = await open('/search?q=congr');
    await page.getByRole('link', { name: 'Look for parts of words too' }).click();
    await page.locator('.results mark').first().waitFor();
    expect(search(page).get('parts')).toBe('true');
    expect((await page.locator('.passage-line mark').first().textContent())!.toLowerCase()).toContain(
      'congr',
    );
    await page.getByRole('checkbox', { name: 'parts of words too' }).click();
    await page.getByText('No passage has that').waitFor();
  });

  it('takes a unit and a bank by name, from the keyboard alone', async () => {
    const page = await open('/about');
    await page.getByRole('heading', { name: 'Metrics' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('"of the"');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/search\?q=/);
    await results(page).first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const second = results(page).nth(1).locator('.result-name');
    expect(await second.evaluate((link) => link === document.activeElement)).toBe(true);
    const name = await second.textContent();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/unit\//);
    await page.getByRole('heading', { name: name! }).waitFor();
    await page.goto(`${server.url}/search`);
    await page.getByRole('searchbox').fill('mlp.2');
    await expect.poll(() => page.getByRole('status').textContent()).toContain('160 units');
    await page.getByRole('searchbox').fill('mlp.2/5');
    await page.getByRole('link', { name: 'mlp.2/5', exact: true }).click();
    await page.getByRole('heading', { name: 'mlp.2/5' }).waitFor();
  });

  it('remembers units and searches, and undoes what is taken away', async () => {
    const page = await open('/unit/mlp.1/3');
    for (const at of ['mlp.2/7', 'mlp.1/3', 'mlp.1/9']) {
      await page.goto(`${server.url}/unit/${at}`);
      await page.getByRole('heading', { name: at }).waitFor();
      // It is remembered when the study is known.
      await settled(page);
    }
    await page.keyboard.press('/');
    const recent = page.getByRole('region', { name: 'Units looked at last' });
    await recent.waitFor();
    expect(await recent.locator('b').allTextContents()).toEqual(['mlp.1/9', 'mlp.1/3', 'mlp.2/7']);
    const title = study.names('mlp.1', 3)[0]?.text;
    if (title !== undefined) expect(await recent.locator('bdi').nth(1).textContent()).toContain(title);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'mlp.1/3' }).waitFor();
    expect(await recent.count()).toBe(0);

    await page.getByRole('button', { name: 'Star mlp.1/3', exact: true }).click();
    await expect.poll(() => kept().notes.length).toBe(1);
    await page.goto(`${server.url}/search?q=the&bank=mlp.1`);
    await page.getByRole('button', { name: 'keep this search' }).click();
    await page.getByRole('button', { name: 'kept' }).waitFor();
    expect(kept().searches.map(({ query }) => query)).toEqual(['q=the&bank=mlp.1']);

    await page.goto(`${server.url}/search`);
    const lists = page.locator('.kept');
    await lists.getByRole('heading', { name: 'Starred, and with notes' }).waitFor();
    await page.getByRole('button', { name: 'Remove the search for the' }).click();
    await expect.poll(() => kept().searches.length).toBe(0);
    await page.getByRole('button', { name: 'Remove the note on mlp.1/3' }).click();
    await expect.poll(() => kept().notes.length).toBe(0);
    await page.getByRole('button', { name: 'Remove mlp.1/9 from recent units' }).click();
    await page.getByText('Removed mlp.1/9').waitFor();
    await page.keyboard.press('Control+z');
    await page.getByRole('button', { name: 'Remove mlp.1/9 from recent units' }).waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => kept().notes.length).toBe(1);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => kept().searches.length).toBe(1);
    await lists.getByRole('link', { name: 'the', exact: true }).click();
    await results(page).first().waitFor();
    expect(Object.fromEntries(search(page))).toEqual({ q: 'the', bank: 'mlp.1' });
  });

  it('filters the table by the same search, the features that were found first', async () => {
    const found = await searchStudy(study, 'congress', { limit: 1000 });
    const page = await open('/?q=congress&sort=unit');
    await page
      .getByText(`${found.total.toLocaleString('en-US')} unit`, { exact: false })
      .first()
      .waitFor();
    const first = [...found.units].sort((a, b) =>
      a.bank < b.bank ? -1 : a.bank > b.bank ? 1 : a.index - b.index,
    )[0]!;
    await page.getByRole('link', { name: nameOf(first), exact: true }).click();
    await page.waitForURL(/\/unit\//);
    expect(search(page).get('feature')).toBe(String(first.matches[0]!.feature));
  });

  it('shows what is searched for and found as text', async () => {
    const hostile = join(folder, 'hostile.db');
    const contexts = [[' <script>alert(1)</script>', ' <b>bold</b>', '\u202E', ' war', ' 東京']];
    writeStudy({ path: hostile, banks: [{ name: 'sae/a+b%', units: 2 }], examples: () => 6, contexts });
    const other = await pages.serve(hostile);
    const page = await open(`/search?q=${encodeURIComponent('"<script>alert"')}`, { base: other.url });
    await page.locator('.passage-line mark').first().waitFor();
    expect(await page.locator('.results').textContent()).toContain('<b>bold</b>');
    expect(await page.locator('.results script').count()).toBe(0);
    await page.goto(`${other.url}/search?q=${encodeURIComponent('東京')}`);
    expect(await page.locator('.passage-line mark').first().textContent()).toBe('東京');
    await page.goto(`${other.url}/search?q=${encodeURIComponent('sae/a+b%/1')}`);
    await page.getByRole('link', { name: 'sae/a+b%/1', exact: true }).click();
    await page.getByRole('heading', { name: 'sae/a+b%/1' }).waitFor();
  });

  it.each([false, true])('passes axe, dark: %s', async (dark) => {
    const page = await open('/unit/mlp.1/3', { dark });
    await page.getByRole('heading', { name: 'mlp.1/3' }).waitFor();
    for (const at of ['/search', '/search?q=congress&bank=mlp.1', '/search?q=nosuchword']) {
      await page.goto(server.url + at);
      await settled(page);
      expect(await axeFaults(page, { dark }), at).toEqual([]);
    }
    await page.goto(`${server.url}/about`);
    await page.getByRole('heading', { name: 'Metrics' }).waitFor();
    await page.keyboard.press('/');
    await page.locator('.recent').waitFor();
    expect(await axeFaults(page, { dark })).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    for (const at of ['/search', '/search?q=congress']) {
      await page.goto(server.url + at);
      await settled(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    }
  });
});
