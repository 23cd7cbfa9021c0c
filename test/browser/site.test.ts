import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hostFiles } from '../../bench/static-host.mjs';
import { writeSite } from '../../src/export/site/write-site.ts';
import { openStudy, runStudy, type UnitSummary } from '../../src/index.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages, type Look, settled } from '../helpers/explorer-page.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';
import { writeStudy } from '../helpers/written-study.ts';

/** A path that has to be escaped, and is not the root. */
const UNDER = '/some where/ü/site/';

describe.skipIf(!hasBrowser)('a site', () => {
  const pages = explorerPages();
  const { folder } = pages;
  let host: Awaited<ReturnType<typeof hostFiles>>;
  let odd: Awaited<ReturnType<typeof hostFiles>>;
  let oddData: string;
  let most: UnitSummary;

  beforeAll(async () => {
    const path = join(folder, 'study.db');
    await runStudy({
      model: writeSmallFolio(join(folder, 'model'), NEURONS),
      contexts: 60,
      layers: [1, 2],
      examples: 24,
      context: 64,
      features: 'cut',
      out: path,
    });
    const study = openStudy(path);
    [most] = study.units({ sort: 'clusters', descending: true, limit: 1 }) as [UnitSummary];
    await writeSite(study, join(folder, 'site'));
    study.close();
    host = pages.keep(await hostFiles(join(folder, 'site'), UNDER));

    const unusual = join(folder, 'unusual.db');
    writeStudy({
      path: unusual,
      banks: [{ name: 'sae/a+b%', units: 4 }],
      examples: (unit) => [0, 1, 2, 1000][unit]!,
      contexts: [
        ['<script>document.title="broken"</script>', '\u202egnorw', '\u0000', '\ud800', ' fine'],
        ['\n', '</td>', 'é', ' end'],
      ],
      documents: ['<img src=x onerror=alert(1)>', 'plain'],
      words: () => ['<b>bold</b>', '\u202eback'],
    });
    const other = openStudy(unusual);
    oddData = (await writeSite(other, join(folder, 'odd'))).data;
    other.close();
    odd = pages.keep(await hostFiles(join(folder, 'odd'), UNDER));
  });

  const open = (at = '', { base = host.url, ...look }: Look = {}) => pages.open(base + at, { base, ...look });

  const unitAt = ({ bank, index }: { bank: string; index: number }, query = '') =>
    `#/unit/${encodeURIComponent(bank)}/${index}${query}`;
  const featureCount = async (page: Page) =>
    Number.parseInt((await page.locator('#features-title').textContent()) ?? '', 10);

  it('opens under any path, sorts, opens a unit, and comes back', async () => {
    const page = await open();
    await page.getByText('320 units').first().waitFor();
    await page.locator('.scatter canvas').waitFor();
    await page.getByText('Columns', { exact: true }).click();
    await page.getByRole('checkbox', { name: 'Clusters', exact: true }).check();
    await page.getByText('Columns', { exact: true }).click();
    await page.getByRole('columnheader', { name: 'clusters', exact: true }).getByRole('button').click();
    const link = page.getByRole('link', { name: `${most.bank}/${most.index}`, exact: true });
    await link.click();
    await page.locator('.feature').first().waitFor();
    expect(await featureCount(page)).toBe(most.clusters);
    expect(page.url().startsWith(`${host.url}#/unit/`)).toBe(true);
    // What a link leads to is there after a reload, and Back leads to the list.
    await page.reload();
    await page.locator('.feature').first().waitFor();
    expect(await featureCount(page)).toBe(most.clusters);
    await page.goBack();
    await page.locator('.rows .row').first().waitFor();
    await page.getByRole('button', { name: 'Random unit' }).click();
    await page.waitForURL(/#\/unit\//);
  });

  it('cuts a unit anew, and draws every view of it', async () => {
    const page = await open(unitAt(most, '?threshold=0.7&linkage=complete&view=matrix'));
    await page.locator('.views-panel image').waitFor();
    expect(await featureCount(page)).toBeLessThan(most.clusters);
    const line = page.getByRole('slider', { name: 'Threshold' });
    await line.press('PageDown');
    await page.waitForURL(/threshold=0\.6/);
    for (const view of ['Map', 'Activations', 'Metrics']) {
      await page
        .getByRole('button', { name: view, exact: true })
        .or(page.getByLabel(view, { exact: true }))
        .first()
        .click();
      await settled(page);
    }
    await page.goto(`${host.url}${unitAt(most, '?layout=umap')}`);
    await expect.poll(() => page.locator('.dots > *').count()).toBe(most.examples);
    await page.getByText('A copy of the study as files').waitFor();
    for (const left of ['How sure?', 'Blind test', 'Nearest elsewhere', 'Importance']) {
      expect(await page.getByText(left, { exact: true }).count(), left).toBe(0);
    }
  });

  it('compares banks at equal numbers of examples', async () => {
    const page = await open('#/compare');
    await page.locator('.matched').scrollIntoViewIfNeeded();
    await page.locator('.matched-banks').waitFor();
    expect(await page.locator('.headline').textContent()).toMatch(/^Units of mlp\.[12] have more features/);
    expect(await page.getByRole('alert').filter({ hasText: /\S/ }).count()).toBe(0);
  });

  it('finds passages, and opens the unit at the feature', async () => {
    const page = await open('#/search?q=the');
    await page.locator('.results li').first().waitFor();
    await page.locator('.results a').first().click();
    await page.locator('.feature').first().waitFor();
  });

  it('leads past the navigation by keyboard', async () => {
    const page = await open('#/about');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByRole('link', { name: 'Skip to content' }).focus();
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    expect(page.url()).toBe(`${host.url}#/about`);
  });

  it('shows units of 0, 1, 2 and 1,000 examples, and text of any kind as text', async () => {
    const page = await open('', { base: odd.url });
    await page.getByText('4 units').first().waitFor();
    for (const [index, examples] of [0, 1, 2, 1000].entries()) {
      for (const view of ['', '?view=matrix', '?view=activations&threshold=0.3']) {
        await page.goto(`${odd.url}#/unit/sae%2Fa%2Bb%25/${index}${view}`);
        await page.getByRole('heading', { name: `sae/a+b%/${index}` }).waitFor();
        await settled(page);
        expect(await page.getByRole('alert').filter({ hasText: /\S/ }).count()).toBe(0);
      }
      if (examples === 0) await page.getByText('This unit never responds').waitFor();
      if (examples === 1000) {
        await page.goto(`${odd.url}#/unit/sae%2Fa%2Bb%25/${index}?view=matrix`);
        await page.getByText('Not in this copy').waitFor();
        expect(await page.getByText('UMAP', { exact: true }).count()).toBe(0);
      }
    }
    await page.goto(`${odd.url}#/unit/sae%2Fa%2Bb%25/1?example=0`);
    const passage = page.locator('.example.open .passage');
    await passage.waitFor();
    expect(await passage.textContent()).toContain('<script>document.title="broken"</script>');
    expect(await page.title()).not.toBe('broken');
  });

  it('says in one line what a comparison needs where there is one bank', async () => {
    const page = await open('#/compare', { base: odd.url });
    const line = page.getByText('A comparison needs two banks');
    await line.waitFor();
    await page.locator('.compared').waitFor();
    expect((await line.boundingBox())!.height).toBeLessThan(40);
    expect(await page.locator('.matched').count()).toBe(0);
  });

  it('says what is wrong with a site that was not copied whole', async () => {
    const page = await open('#/unit/mlp.1/99999');
    await page.getByText('its units go from 0 to 159').waitFor();
    rmSync(join(folder, 'odd', oddData, 'units', '0', '0', '2.bin'));
    await page.goto('about:blank');
    pages.faults.splice(0);
    const other = await page.context().newPage();
    await other.goto(`${odd.url}#/unit/sae%2Fa%2Bb%25/2`);
    await other.getByText('lacks its file units/0/0/2.bin').waitFor();
  });

  // In light alone: its colours are those of the explorer, whose tests look at both.
  it('passes axe', async () => {
    const page = await open();
    for (const at of ['', unitAt(most), unitAt(most, '?view=matrix'), '#/compare', '#/search', '#/about']) {
      await page.goto('about:blank');
      await page.goto(host.url + at);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await settled(page);
      expect(await axeFaults(page), at).toEqual([]);
    }
  });
});
