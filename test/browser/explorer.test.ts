import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cutTree } from '../../src/cluster/cut.ts';
import { openStudy, runStudy, type SplitUnit, type UnitSummary } from '../../src/index.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { compareBanks } from '../../src/study/compare-study.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages, type Look, settled } from '../helpers/explorer-page.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';

describe.skipIf(!hasBrowser)('explorer', () => {
  const pages = explorerPages();
  const { folder } = pages;
  const path = join(folder, 'study.db');
  const model = join(folder, 'model');
  let server: RunningServer;
  let most: SplitUnit;
  /** Units in the order of the study. */
  let some: UnitSummary[];

  beforeAll(async () => {
    writeSmallFolio(model, NEURONS);
    // Features by the paper's cut, which the tests move.
    await runStudy({
      model,
      contexts: 60,
      layers: [1, 2],
      examples: 24,
      context: 64,
      features: 'cut',
      out: path,
    });
    const study = openStudy(path);
    const [row] = study.units({ sort: 'clusters', descending: true, limit: 1 });
    most = study.unit(row!.bank, row!.index);
    some = study.units({ limit: 50 });
    study.close();
    server = await pages.serve(path);
  });
  const open = (at: string, { base = server.url, ...look }: Look = {}) =>
    pages.open(base + at, { base, missing: true, ...look });

  const unitUrl = (unit: UnitSummary, query = '') =>
    `/unit/${encodeURIComponent(unit.bank)}/${unit.index}${query}`;
  const search = (page: Page) => new URL(page.url()).searchParams;
  const text = async (page: Page, selector: string) =>
    (await page.locator(selector).first().textContent()) ?? '';
  const featureCount = async (page: Page) => Number.parseInt(await text(page, '#features-title'), 10);
  const tile = (page: Page, metric: string) => text(page, `[data-metric="${metric}"]`);
  const titles = (page: Page) => page.locator('.feature h3').allTextContents();
  /** Features at a threshold, by the library. */
  const featuresAt = (threshold: number) =>
    new Set(
      cutTree(
        { count: most.examples, merges: Float64Array.from(most.merges.flat()) },
        { distance: threshold },
      ),
    ).size;

  it('opens the study, sorts its units, and opens the most polysemantic', async () => {
    const page = await open('/');
    await page.getByText('320 units').first().waitFor();
    await page.locator('.scatter canvas').waitFor();
    await page.getByText('Columns', { exact: true }).click();
    await page.getByRole('checkbox', { name: 'Clusters', exact: true }).check();
    await page.getByText('Columns', { exact: true }).click();
    expect(search(page).get('columns')).toContain('clusters');
    await page.getByRole('columnheader', { name: 'clusters', exact: true }).getByRole('button').click();
    await page.locator('.rows .row').first().getByText(`${most.bank}/${most.index}`).waitFor();
    expect(search(page).get('sort')).toBe('clusters');
    await page.getByRole('link', { name: `${most.bank}/${most.index}`, exact: true }).click();
    await page.locator('.feature').first().waitFor();
    expect(await featureCount(page)).toBe(most.clusters);
    expect(await tile(page, 'clusters')).toBe(String(most.clusters));
    expect(await page.title()).toContain(`${most.bank}/${most.index}`);
    await page.goBack();
    await page.locator('.rows .row').first().getByText(`${most.bank}/${most.index}`).waitFor();
  });

  it('filters by a metric and by words, and keeps both in the URL', async () => {
    const page = await open('/?min.clusters=3&bank=mlp.2&sort=clusters&order=asc');
    await page.locator('.rows .row.link').first().waitFor();
    const values = await page.locator('.rows .row .cell.sorted').allTextContents();
    expect(values.length).toBeGreaterThan(5);
    expect(values.every((value) => Number(value) >= 3)).toBe(true);
    expect(
      (await page.locator('.rows .cell.name').allTextContents()).every((n) => n.startsWith('mlp.2/')),
    ).toBe(true);
    await page.getByLabel('Words in the features').fill('zzzzqq');
    await page.getByText('No unit is like that').waitFor();
    await page.waitForURL(/q=zzzzqq/);
    await page.getByRole('button', { name: 'Drop all filters' }).click();
    await page.getByText('320 units').nth(1).waitFor();
    expect(search(page).has('q') || search(page).has('min.clusters')).toBe(false);
  });

  it('cuts the tree anew where the threshold is dragged, and a link brings it back', async () => {
    const page = await open(unitUrl(most));
    const line = page.getByRole('slider', { name: 'Threshold' });
    await line.waitFor();
    await settled(page);
    const shown = async () => ({
      distance: (await page.locator('.feature').count()) > 0 ? await tile(page, 'clusters') : null,
      titles: await titles(page),
    });
    const before = await shown();
    const box = (await line.boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x, y - 25, { steps: 4 });
    const live = Number(await line.getAttribute('aria-valuenow'));
    expect(live).toBeGreaterThan(0.5);
    expect(search(page).has('threshold')).toBe(false);
    // What is beside the tree follows when there is time.
    await expect.poll(() => tile(page, 'clusters')).toBe(String(featuresAt(live)));
    await page.mouse.up();
    await page.waitForURL(/threshold=/);
    const threshold = Number(search(page).get('threshold'));
    expect(featuresAt(threshold)).toBeLessThan(most.clusters);
    await expect.poll(() => featureCount(page)).toBe(featuresAt(threshold));
    await expect.poll(() => tile(page, 'clusters')).not.toBe(before.distance);
    // The words of the new features come from the server.
    await expect.poll(() => titles(page)).not.toEqual(before.titles);
    const after = await shown();
    await page.reload();
    await expect.poll(shown).toEqual(after);
    await page.getByRole('button', { name: 'Reset' }).click();
    await expect.poll(() => featureCount(page)).toBe(most.clusters);
    expect(search(page).has('threshold')).toBe(false);
  });

  it('moves the threshold by keyboard, and follows it in the next frame', async () => {
    const page = await open(unitUrl(most));
    const line = page.getByRole('slider', { name: 'Threshold' });
    await line.focus();
    await settled(page);
    const shown: number[] = [];
    for (let step = 1; step <= 7; step++) {
      const value = await page.evaluate(async () => {
        const slider = document.querySelector('[role=slider]')!;
        slider.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        return Number(slider.getAttribute('aria-valuenow'));
      });
      shown.push(value);
    }
    expect(shown.map((value) => value.toFixed(2))).toEqual([
      '0.51',
      '0.52',
      '0.53',
      '0.54',
      '0.55',
      '0.56',
      '0.57',
    ]);
    await page.waitForURL(/threshold=0\.57/);
    await expect.poll(() => featureCount(page)).toBe(featuresAt(0.57));
    await line.press('Home');
    await page.waitForURL(/threshold=0$/);
    await expect.poll(() => tile(page, 'clusters')).toBe(String(featuresAt(0)));
  });

  it('shows the best split of a study of auto, and the clusters where it is unticked', async () => {
    const out = join(folder, 'auto.db');
    await runStudy({ model, contexts: 60, layers: [1], examples: 32, context: 64, out });
    const study = openStudy(out);
    const [row] = study.units({ sort: 'effectiveFeatures', descending: true, limit: 1 });
    study.close();
    expect(row!.verdict).toBe('several');
    const auto = await pages.serve(out);
    const page = await open(unitUrl(row!), { base: auto.url });
    await page.locator('.feature').first().waitFor();
    expect(await featureCount(page)).toBe(row!.featureCount);
    expect(await tile(page, 'featureCount')).toBe(String(row!.featureCount));
    const tick = page.getByLabel('Auto');
    expect(await tick.isChecked()).toBe(true);
    await tick.click();
    await page.waitForURL(/threshold=0\.5/);
    await expect.poll(() => featureCount(page)).toBe(row!.clusters);
    await tick.click();
    await expect.poll(() => featureCount(page)).toBe(row!.featureCount);
    expect(search(page).has('threshold')).toBe(false);
  });

  it('shows the best split of a study of a cut, where it is ticked', async () => {
    const unit = some.find(({ featureCount, clusters }) => featureCount! > 1 && featureCount !== clusters)!;
    const page = await open(unitUrl(unit));
    await page.locator('.feature').first().waitFor();
    expect(await featureCount(page)).toBe(unit.clusters);
    const tick = page.getByLabel('Auto');
    expect(await tick.isChecked()).toBe(false);
    await tick.click();
    await page.waitForURL(/features=auto/);
    await expect.poll(() => featureCount(page)).toBe(unit.featureCount);
    // The paper's numbers stay those of the cut.
    expect(await tile(page, 'clusters')).toBe(String(unit.clusters));
    await page.reload();
    await expect.poll(() => featureCount(page)).toBe(unit.featureCount);
    expect(await tick.isChecked()).toBe(true);
    await page.getByRole('slider', { name: 'Threshold' }).press('PageUp');
    await page.waitForURL(/threshold=0\.6/);
    expect(search(page).has('features')).toBe(false);
  });

  it('changes the linkage', async () => {
    // A unit that the two linkages split differently: few do with so few examples.
    const split = async (unit: UnitSummary, linkage: string) => {
      const answer = await fetch(
        `${server.url}/api/units/${unit.bank}/${unit.index}/clustering?linkage=${linkage}`,
      );
      const { features } = (await answer.json()) as {
        features: { id: number; size: number; name: { text: string } | null; words: string[] }[];
      };
      // Single examples are folded, where there are more than those.
      const shown = features.filter(({ size }) => size > 1);
      const isFolded = shown.length > 0 && features.length - shown.length > 1;
      return (isFolded ? shown : features).map(
        ({ id, name, words }) => `Feature ${id}: ${name === null ? '' : `${name.text} `}${words.join(' · ')}`,
      );
    };
    let found: { unit: UnitSummary; average: string[]; single: string[] } | undefined;
    for (const unit of some) {
      const [average, single] = [await split(unit, 'average'), await split(unit, 'single')];
      if (average.length === single.length) continue;
      found = { unit, average, single };
      break;
    }
    const { unit, average, single } = found!;
    const page = await open(unitUrl(unit));
    await expect.poll(() => titles(page)).toEqual(average);
    await page.getByLabel('Linkage').selectOption('single');
    await page.waitForURL(/linkage=single/);
    await expect.poll(() => titles(page)).toEqual(single);
    await page.reload();
    await expect.poll(() => titles(page)).toEqual(single);
  });

  it('tells a token’s activation on hover and by keyboard, and opens the whole context', async () => {
    const page = await open(unitUrl(most));
    const [example] = most.features[0]!.examples;
    const row = page.locator(`[data-example="${example!.id}"]`);
    await row.locator('.peak').hover();
    const tip = page.locator('.token-tip');
    await tip.waitFor();
    expect(await tip.locator('b').textContent()).toBe(example!.activation.toFixed(2));
    await page.mouse.move(0, 0);
    await row.press('Enter');
    await page.waitForURL(/example=/);
    expect(await row.locator('[data-i]').count()).toBe(
      example!.tokens.filter((token) => token !== '').length,
    );
    await row.press('ArrowLeft');
    expect(page.url()).toContain(`/${most.index}?`);
    await page.getByText(example!.document).first().waitFor();
  });

  it('walks to the next unit, a random one, and back', async () => {
    const page = await open('/unit/mlp.1/7');
    await page.locator('#features-title').waitFor();
    await page.keyboard.press('ArrowRight');
    await page.waitForURL(/mlp\.1\/8$/);
    await page.keyboard.press('ArrowLeft');
    await page.waitForURL(/mlp\.1\/7$/);
    await page.getByRole('heading', { name: 'mlp.1/7' }).waitFor();
    await page.getByRole('button', { name: 'I’m feeling lucky' }).click();
    await page.waitForURL((url) => !url.pathname.endsWith('mlp.1/7'));
    const random = page.url();
    await page.keyboard.press('r');
    await page.waitForURL((url) => url.href !== random);
    await page.getByRole('button', { name: 'Back' }).click();
    await page.waitForURL(random);
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  it('shows a unit as a strip of its features, which lead to them and lie side by side', async () => {
    const page = await open(unitUrl(most, '?threshold=0.5'));
    const strip = page.getByRole('navigation', { name: 'Features' });
    await strip.getByRole('button').first().waitFor();
    const sizes = await page.locator('.feature .size').allTextContents();
    const several = sizes.filter((text) => !/\b1 example /.test(text)).length;
    expect(await strip.getByRole('button', { name: /^feature/ }).count()).toBe(several);
    // All others stand alone.
    expect(await strip.getByRole('button', { name: /^alone:/ }).count()).toBe(1);
    await strip.getByRole('button', { name: /^feature 1:/ }).click();
    await page.waitForURL(/feature=1/);
    expect(await page.locator('#feature-1').evaluate((at) => at.getBoundingClientRect().top)).toBeLessThan(
      450,
    );
    for (const id of [0, 1]) {
      await strip
        .getByRole('button', { name: new RegExp(`^feature ${id}:`) })
        .click({ modifiers: ['Shift'] });
    }
    await page.waitForURL(/beside=0,1/);
    const beside = page.getByRole('region', { name: 'Side by side' });
    expect(await beside.locator('.beside-column').count()).toBe(2);
    await beside.getByText(/^Mean distance between their examples: features 0 and 1 0\.\d{3}$/).waitFor();
    await beside.getByRole('button', { name: 'Take feature 1 away' }).click();
    await beside.waitFor({ state: 'detached' });
  });

  it('undoes cuts by Ctrl-Z and Back, and cuts where two features meet', async () => {
    const page = await open(unitUrl(most, '?beside=0,1'));
    const beside = page.getByRole('region', { name: 'Side by side' });
    await beside.waitFor();
    const before = await featureCount(page);
    await page.locator('.dots > *').first().waitFor();
    const dots = await page.locator('.dots').elementHandle();
    const looks = () =>
      dots!.evaluate((group) => Array.from(group.children, (dot) => dot.getAttribute('fill')).join());
    const look = await looks();
    await beside.getByRole('button', { name: /^Merge them \(cut at/ }).click();
    await page.waitForURL(/threshold=/);
    await beside.waitFor({ state: 'detached' });
    const merged = Number(search(page).get('threshold'));
    expect(await featureCount(page)).toBe(featuresAt(merged));
    expect(featuresAt(merged)).toBeLessThan(before);
    // The map is coloured anew, and not drawn anew.
    await expect.poll(looks).not.toBe(look);
    expect(await dots!.evaluate((group) => group.isConnected)).toBe(true);
    await page.keyboard.press('Control+z');
    await page.waitForURL((url) => !url.searchParams.has('threshold'));
    expect(await featureCount(page)).toBe(before);
    await page.keyboard.press('Control+y');
    await page.waitForURL(/threshold=/);
    await page.goBack();
    await page.waitForURL((url) => !url.searchParams.has('threshold'));
    await beside
      .getByRole('button', { name: /^Split it here/ })
      .first()
      .click();
    await page.waitForURL(/threshold=/);
    expect(await featureCount(page)).toBe(featuresAt(Number(search(page).get('threshold'))));
  });

  it('draws every view of a unit, UMAP in a worker among them, and saves figures', async () => {
    const page = await open(unitUrl(most));
    await expect.poll(() => page.locator('.dots > *').count()).toBe(most.examples);
    await page.getByRole('button', { name: 'UMAP' }).click();
    await page.waitForURL(/layout=umap/);
    await expect.poll(() => page.locator('.dots > *').count(), { timeout: 60_000 }).toBe(most.examples);
    await page.getByRole('button', { name: 'Distances' }).click();
    await page.locator('.views-panel image').waitFor();
    await page.getByRole('button', { name: 'Activations' }).click();
    await page.getByText('of activation (log)').waitFor();
    await page.getByRole('button', { name: 'Metrics' }).click();
    await page.locator('.metrics').getByText('Silhouette', { exact: true }).waitFor();
    for (const kind of ['SVG', 'PNG']) {
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: `Save the tree as ${kind}` }).click();
      const head = readFileSync(await (await saved).path());
      expect(head.toString('latin1', kind === 'SVG' ? 0 : 1, 4)).toBe(kind === 'SVG' ? '<svg' : 'PNG');
    }
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the examples as CSV' }).click();
    const csv = readFileSync(await (await saved).path(), 'utf8');
    expect(csv.startsWith('feature,name,words,example,activation')).toBe(true);
  });

  let compared: ReturnType<typeof compareBanks> | undefined;
  /** What the page must show of the two banks. */
  async function comparison() {
    const study = openStudy(path);
    compared ??= compareBanks(study, { banks: ['mlp.1', 'mlp.2'], units: 300, seed: 0 });
    await compared;
    study.close();
    return compared;
  }

  it.each([
    [1280, 'light'],
    [360, 'dark'],
  ])('compares banks at equal numbers of examples (%i px, %s)', async (width, theme) => {
    const page = await open('/compare?banks=mlp.1,mlp.2', { width, dark: theme === 'dark' });
    const { banks, differences } = await comparison();
    await page.locator('#medians').waitFor();
    await page.locator('.matched').scrollIntoViewIfNeeded();
    await page.locator('.matched-banks').waitFor({ timeout: 60_000 });
    // The study's examples are its units' strongest.
    expect(await page.locator('.headline').textContent()).toMatch(
      /^Units of mlp\.[12] have more features than those of mlp\.[12] in \d+ % \[\d+, \d+\] .* does not say which are more polysemantic/,
    );
    const cards = await page.locator('.matched-banks li').allTextContents();
    banks.forEach(({ name, compared, tooFew, dead, belowNull }, i) => {
      for (const said of [name, `${compared} of 160`, `${tooFew} with too few`, `${dead} dead`]) {
        expect(cards[i]).toContain(said);
      }
      expect(cards[i]).toContain((100 * belowNull!).toPrecision(3).slice(0, 4));
    });
    // One table: at equal numbers, where they differ, over all units.
    expect(await page.locator('table').count()).toBe(1);
    const silhouettes = await page.locator('tr[data-metric="silhouette"] td').allTextContents();
    expect(silhouettes).toHaveLength(2 + 1 + 2);
    banks.forEach(({ metrics: { silhouette } }, i) => {
      const [low, high] = silhouette.interval!;
      const [median, none, from, to] = [silhouette.median!, silhouette.null.median!, low, high].map((v) =>
        v.toFixed(3).replace('-', '−'),
      );
      expect(silhouettes[i]).toBe(`${median}null ${none}${from} to ${to}`);
    });
    const cells = page.locator('.compared td:nth-child(4)');
    const told = (await cells.allTextContents()).filter((text) => text.includes('%'));
    expect(told).toHaveLength(differences.length);
    // The study's examples are its units' strongest: no verdict.
    expect(differences.every(({ differs }) => differs === null)).toBe(true);
    expect(await cells.getByText(/higher|lower|no clear/).count()).toBe(0);
    await page.getByText('No verdict, because depth is unequal: the examples of mlp.1 are').waitFor();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the comparison at equal numbers as CSV' }).click();
    const lines = readFileSync(await (await saved).path(), 'utf8')
      .trim()
      .split('\r\n');
    expect(lines).toHaveLength(1 + 3 * differences.length);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(await axeFaults(page, { within: 'main' })).toEqual([]);
    await page.goto(`${server.url}/compare?banks=mlp.1`);
    await page.getByText('Choose two or more banks').waitFor();
  });

  it('keeps the theme that was chosen, and fits a narrow screen', async () => {
    const page = await open('/', { width: 360, height: 740 });
    const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await paper();
    const button = page.getByRole('button', { name: /^Theme/ });
    await button.click();
    await button.click();
    const dark = await paper();
    expect(dark).not.toBe(light);
    for (const at of ['/', unitUrl(most), '/search?q=the', '/compare', '/about']) {
      await page.goto(server.url + at);
      await settled(page);
      expect(await paper()).toBe(dark);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), at).toBeLessThanOrEqual(360);
    }
  });

  it('passes axe on every page, in the light and in the dark', async () => {
    const page = await open('/');
    const views = [
      '?example=0&feature=0',
      '?view=matrix',
      '?view=activations',
      '?view=metrics',
      '?view=certainty',
    ];
    // A unit of three features: the rules look at every element, and more features are more of the same.
    const units = views.map((view) => unitUrl(some.find(({ clusters }) => clusters === 3)!, view));
    const others = [
      '/search',
      '/search?q=mlp.2/5',
      '/search?sort=clusters&min.clusters=20',
      '/compare',
      '/about',
      '/unit/mlp.1/99999',
      '/nowhere',
    ];
    for (const at of ['/', ...units, ...others]) {
      await page.goto(server.url + at);
      await settled(page);
      // A view changes one part of the page of a unit, the rest of which is large.
      const within = /view=/.test(at) ? '.views-panel' : undefined;
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const dark = colorScheme === 'dark';
        expect(await axeFaults(page, { dark, within }), `${at}, ${colorScheme}`).toEqual([]);
      }
    }
  }, 120_000);
});
