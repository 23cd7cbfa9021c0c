import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cutTree } from '../../src/cluster/cut.ts';
import { openStudy, runStudy, type UnitSummary } from '../../src/index.ts';
import { METRICS } from '../../src/polysemy/column-lists.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { cutTexts, explorerPages, type Look, layoutShift, settled } from '../helpers/explorer-page.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

describe.skipIf(!hasBrowser)('layout of the explorer', () => {
  const pages = explorerPages();
  const { folder } = pages;
  const path = join(folder, 'study.db');
  let server: RunningServer;
  /** Of the most features, of which some are single examples. */
  let most: UnitSummary;
  /** A cut of the most features of more than one example. */
  let many: { readonly at: string; readonly features: number };

  beforeAll(async () => {
    await runStudy({
      model: writeSmallFolio(join(folder, 'model')),
      contexts: 60,
      layers: [1, 2],
      examples: 40,
      context: 64,
      features: 'cut',
      out: path,
    });
    const study = openStudy(path);
    const listed = study.units({ sort: 'clusters', descending: true, limit: 40 });
    most = listed[0]!;
    many = listed
      .flatMap(({ bank, index }) => {
        const { examples, merges } = study.unit(bank, index);
        return [0.3, 0.4, 0.5].map((threshold) => {
          const tree = { count: examples, merges: Float64Array.from(merges.flat()) };
          const sizes = new Map<number, number>();
          for (const label of cutTree(tree, { distance: threshold })) {
            sizes.set(label, (sizes.get(label) ?? 0) + 1);
          }
          const features = [...sizes.values()].filter((size) => size > 1).length;
          return { at: `/unit/${bank}/${index}?threshold=${threshold}`, features };
        });
      })
      .reduce((best, one) => (one.features > best.features ? one : best));
    study.close();
    server = await pages.serve(path);
  });
  const open = (at: string, look?: Look) =>
    pages.open(server.url + at, { width: 1440, missing: true, ...look });
  const unitPath = (query = '') => `/unit/${most.bank}/${most.index}${query}`;
  const top = async (page: Page, selector: string) => (await page.locator(selector).first().boundingBox())!.y;

  it.each([
    [1440, 900, 10],
    [1024, 768, 6],
  ])(
    'shows what units mean above the fold at %i × %i: %i or more, and nothing jumps',
    async (width, height, least) => {
      const page = await open('/', { width, height });
      await page.locator('.rows .row.link').first().waitFor();
      await settled(page);
      const rows = await page
        .locator('.rows .row.link')
        .evaluateAll(
          (elements, fold) => elements.filter((row) => row.getBoundingClientRect().bottom <= fold).length,
          height,
        );
      expect(rows).toBeGreaterThanOrEqual(least);
      await page.locator('.scatter canvas').waitFor();
      await settled(page);
      expect(await layoutShift(page)).toBeLessThan(0.02);
    },
  );

  it('does not jump while a unit loads', async () => {
    const page = await open(unitPath());
    await page.locator('.dots > *').first().waitFor();
    await settled(page);
    expect(await layoutShift(page)).toBeLessThan(0.02);
  });

  it('does not jump while banks are compared', async () => {
    const page = await open('/compare');
    await page.locator('.headline, .matched .state p').first().waitFor();
    await page.locator('.plot svg').waitFor();
    await settled(page);
    expect(await layoutShift(page)).toBeLessThan(0.02);
    // Of each bank its units of several things, as everywhere.
    expect(await page.locator('.bank-units .strip').count()).toBe(10);
    expect(await page.locator('.bank-units .meaning').count()).toBeGreaterThan(10);
  });

  it('says what went wrong where a key brings nothing', async () => {
    const page = await open('/about');
    await page.route('**/api/random*', (route) =>
      route.fulfill({ status: 500, body: '{"detail":"no luck"}' }),
    );
    await page.locator('main').waitFor();
    await page.keyboard.press('r');
    await page.locator('.trouble').waitFor();
    pages.faults.splice(0);
  });

  it('cuts no number, whatever metrics are chosen', async () => {
    for (const width of [1440, 1024, 390]) {
      const page = await open(`/?columns=${METRICS.join(',')}&sort=density&order=asc`, { width });
      await page.locator('.rows .row.link').first().waitFor();
      expect(await cutTexts(page, '.rows .cell.value, .thead .cell.value')).toEqual([]);
      await page.goto(server.url + unitPath());
      await page.locator('.tile-value').first().waitFor();
      expect(await cutTexts(page, '.tiles dd')).toEqual([]);
      await page.context().close();
    }
  });

  it('lays the tree flat under the strip where there is one column, and gives passages the width', async () => {
    const page = await open(unitPath(), { width: 1024, height: 768 });
    await page.locator('.dendrogram svg').waitFor();
    expect(await top(page, '.unit-contents')).toBeLessThan(await top(page, '.tree-panel'));
    expect(await top(page, '.tree-panel')).toBeLessThan(await top(page, '.features'));
    expect(await top(page, '.features')).toBeLessThan(await top(page, '.views-panel'));
    expect((await page.locator('.dendrogram svg').boundingBox())!.height).toBeLessThanOrEqual(150);
    expect((await page.locator('.passage').first().boundingBox())!.width).toBeGreaterThan(640);
  });

  it('shows first on a phone what matters', async () => {
    const page = await open(unitPath(), { width: 390, height: 844 });
    await page.locator('.dendrogram svg').waitFor();
    const tops = [];
    for (const part of ['.unit-contents', '.tiles', '.features', '.tree-panel', '.views-panel']) {
      tops.push(await top(page, part));
    }
    expect(tops).toEqual(tops.toSorted((a, b) => a - b));
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await page.goto(`${server.url}/`);
    const row = page.locator('.rows .row.link').first();
    await row.waitFor();
    const [name, strip, meanings] = await Promise.all(
      ['.name', '.strip-cell', '.meanings'].map(async (part) => (await row.locator(part).boundingBox())!),
    );
    expect(strip!.width).toBeGreaterThan(60);
    expect(Math.abs(strip!.y + strip!.height / 2 - name!.y - name!.height / 2)).toBeLessThan(8);
    expect(meanings!.y).toBeGreaterThanOrEqual(strip!.y + strip!.height - 1);
    expect(meanings!.width).toBeGreaterThan(300);
  });

  it('explains a metric on focus, under the pointer and by touch', async () => {
    const page = await open(unitPath());
    const tile = page.locator('.tiles [data-tip]', { hasText: 'Separation' });
    await tile.focus();
    const tip = page.getByRole('tooltip');
    await tip.waitFor();
    expect(await tip.textContent()).toMatch(/In the study: .* of the bank’s/);
    expect(await tile.getAttribute('aria-describedby')).toBe(await tip.getAttribute('id'));
    await page.keyboard.press('Escape');
    await tip.waitFor({ state: 'detached' });
    await page.locator('.tiles [data-tip]', { hasText: 'Density' }).hover();
    await tip.waitFor();
    // It stays while it is read.
    await tip.hover();
    expect(await tip.isVisible()).toBe(true);
    const phone = await open(unitPath(), { width: 390, height: 844, hasTouch: true, isMobile: true });
    await phone.locator('.tiles [data-tip]').first().tap();
    await phone.getByRole('tooltip').waitFor();
    const box = (await phone.getByRole('tooltip').boundingBox())!;
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(390);
  });

  it('stays at the unit while a control has the focus that uses arrow keys', async () => {
    const page = await open(unitPath());
    await page.locator('.dendrogram svg').waitFor();
    const at = page.url();
    for (const name of ['Distances', 'Map']) {
      await page.getByRole('button', { name, exact: true }).click();
      await page.keyboard.press('ArrowRight');
      expect(new URL(page.url()).pathname).toBe(new URL(at).pathname);
    }
    await page.locator('body').evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press('ArrowRight');
    await page.waitForURL((url) => url.pathname !== new URL(at).pathname);
  });

  it('folds single examples, and unfolds them where one is asked for', async () => {
    const page = await open(unitPath());
    const fold = page.getByRole('button', { name: /\+ \d+ single examples/ });
    await fold.waitFor();
    const single = Number(/\d+/.exec((await fold.textContent())!)![0]);
    expect(single).toBeGreaterThan(1);
    expect(await page.locator('.feature').count()).toBe(most.clusters - single);
    await fold.click();
    expect(await page.locator('.feature').count()).toBe(most.clusters);
    await page.goto(server.url + unitPath(`?feature=${most.clusters - 1}`));
    await page.locator(`#feature-${most.clusters - 1}.selected`).waitFor();
  });

  it('tells more than eight features apart in strip, tree and map', async () => {
    const page = await open(many.at);
    await page.locator('.dots > *').first().waitFor();
    await expect.poll(() => page.locator('.strip.tall button.own').count()).toBe(many.features);
    const looks = await page
      .locator('.strip.tall button.own')
      .evaluateAll((pieces) =>
        pieces.map((piece) => `${piece.style.backgroundColor} ${piece.dataset['mark']}`),
      );
    expect(looks.length).toBeGreaterThan(8);
    expect(new Set(looks).size).toBe(looks.length);
    expect(looks.some((look) => look.includes('rest'))).toBe(false);
    expect(await page.locator('.dendrogram path[stroke-dasharray="4 2"]').count()).toBeGreaterThan(0);
  });

  it('shows a weak activation in the dark as on white', async () => {
    const contrasts: number[] = [];
    for (const dark of [false, true]) {
      const page = await open(unitPath(), { dark });
      await page.locator('.t.hot').first().waitFor();
      contrasts.push(
        await page.evaluate(() => {
          const token = document.querySelector<HTMLElement>('.t.hot')!;
          token.style.setProperty('--a', '0.1');
          const canvas = document.createElement('canvas');
          const context = canvas.getContext('2d', { willReadFrequently: true })!;
          const light = (...layers: string[]) => {
            for (const layer of layers) {
              context.fillStyle = layer;
              context.fillRect(0, 0, 1, 1);
            }
            const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((value) => {
              const c = value / 255;
              return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
          };
          const paper = getComputedStyle(document.documentElement).backgroundColor;
          const [a, b] = [light(paper), light(paper, getComputedStyle(token).backgroundColor)];
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }),
      );
    }
    expect(contrasts[0]).toBeGreaterThan(1.05);
    expect(contrasts[1]).toBeGreaterThanOrEqual(contrasts[0]!);
  });

  it.each(['light', 'dark'])('passes axe on the pages at 390 px (%s)', async (theme) => {
    for (const at of ['/', unitPath('?feature=0&example=0&beside=0,1')]) {
      const page = await open(at, { width: 390, height: 844, dark: theme === 'dark' });
      await settled(page);
      expect(await axeFaults(page, { dark: theme === 'dark', small: true }), at).toEqual([]);
      await page.context().close();
    }
  });
});
