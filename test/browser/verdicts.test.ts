import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStudy, runStudy, type Study, type UnitSummary, unitCertainty } from '../../src/index.ts';
import { verdicts } from '../../src/polysemy/verdict.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

describe.skipIf(!hasBrowser)('what units are, and how sure that is', () => {
  const pages = explorerPages();
  const { folder } = pages;
  const path = join(folder, 'study.db');
  let server: RunningServer;
  let study: Study;
  let units: UnitSummary[];

  beforeAll(async () => {
    await runStudy({
      model: writeSmallFolio(join(folder, 'model')),
      contexts: 60,
      layers: [1, 2],
      examples: 24,
      context: 64,
      out: path,
    });
    study = openStudy(path);
    units = study.units({ sort: 'verdict' });
    server = await pages.serve(path);
  });
  afterAll(() => study?.close());
  const open = (at: string) => pages.open(server.url + at);
  const search = (page: Page) => new URL(page.url()).searchParams;
  const unitUrl = ({ bank, index }: UnitSummary, query = '') => `/unit/${bank}/${index}${query}`;
  const count = (bank: string, verdict: string) =>
    units.filter((unit) => unit.bank === bank && unit.verdict === verdict).length;

  it('begins with several things, and says so in the head of the column', async () => {
    const page = await open('/');
    const first = units.slice(0, 3).map(({ bank, index }) => `${bank}/${index}`);
    await page.locator('.rows .row.link').nth(2).waitFor();
    expect((await page.locator('.rows .cell.name').allTextContents()).slice(0, 3)).toEqual(first);
    const head = page.locator('.thead .strip-cell');
    expect(await head.getAttribute('aria-sort')).toBe('ascending');
    await head.getByRole('button').click();
    await page.waitForURL(/order=desc/);
    await page.getByRole('columnheader', { name: 'unit', exact: true }).getByRole('button').click();
    await page.waitForURL(/sort=unit/);
    await page.locator('.rows .row').first().getByText('mlp.1/0', { exact: true }).waitFor();
  });

  it('shows the verdicts of each bank, and the units of the part that is chosen', async () => {
    const page = await open('/');
    const chart = page.getByRole('group', { name: 'Units by verdict' });
    await chart.waitFor();
    for (const bank of ['mlp.1', 'mlp.2']) {
      for (const verdict of verdicts.filter((verdict) => count(bank, verdict) > 0)) {
        const name = new RegExp(`^${bank}: ${count(bank, verdict)} units? `);
        await chart.getByRole('button', { name }).filter({ hasText: verdict }).waitFor();
      }
    }
    const several = chart.getByRole('button', { name: /^mlp\.2: .* several things$/ });
    await several.press('Enter');
    await page.waitForURL(/verdict=several/);
    expect([search(page).get('bank'), search(page).get('verdict')]).toEqual(['mlp.2', 'several']);
    const caption = `${count('mlp.2', 'several')} units, several things first`;
    await page.getByText(caption).waitFor();
    expect(await several.getAttribute('aria-pressed')).toBe('true');
    const names = await page.locator('.rows .cell.name').allTextContents();
    expect(names.every((name) => name.startsWith('mlp.2/'))).toBe(true);
    await several.click();
    await page.waitForURL((url) => !url.searchParams.has('verdict'));
  });

  it('marks stray examples in the list and the tree', async () => {
    const one = units
      .filter(({ verdict }) => verdict === 'several')
      .sort((a, b) => b.strayShare! - a.strayShare!)[0]!;
    const strays = Math.round(one.strayShare! * one.examples);
    expect(strays).toBeGreaterThan(0);
    const page = await open(unitUrl(one));
    await page.getByText(`${strays} stray (hollow)`).waitFor();
    const marks = await page.locator('.feature .size').allTextContents();
    const counted = marks.map((text) => Number(/\((\d+) stray\)/.exec(text)?.[1] ?? 0));
    expect(counted.reduce((sum, n) => sum + n, 0)).toBe(strays);
    const feature = counted.findIndex((n) => n > 0);
    await page.goto(`${server.url}${unitUrl(one, `?feature=${feature}`)}`);
    await page.locator('.feature.selected .example .stray').first().waitFor();
    expect(await page.locator('.feature.selected .example .stray').count()).toBe(counted[feature]);
    await page.getByLabel('Auto').uncheck();
    await page.waitForURL(/threshold=/);
    await expect.poll(() => page.locator('.example .stray').count()).toBe(0);
  });

  it('says how sure the features are, each number beside its null', async () => {
    const [one] = units;
    const want = await unitCertainty(study, one!.bank, one!.index);
    const page = await open(unitUrl(one!));
    await page.getByRole('button', { name: 'How sure?' }).click();
    await page.waitForURL(/view=certainty/);
    const view = page.locator('.certainty');
    await view.waitFor();
    const text = (await view.textContent())!;
    expect(text).toContain(`(z ${want.z!.toFixed(1)})`);
    expect(text).toContain(`one cloud: ${want.nullMean!.toFixed(3)} ± ${want.nullDeviation!.toFixed(3)}`);
    const rows = view.getByRole('region', { name: 'How sure each feature is' }).locator('tbody tr');
    expect(await rows.count()).toBe(want.features.length);
    const cells = await rows.first().locator('td').allTextContents();
    expect(cells.slice(0, 2)).toEqual([
      String(want.features[0]!.size),
      want.features[0]!.relativeTightness!.toFixed(2),
    ]);
  });
});
