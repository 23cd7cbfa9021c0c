import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { hostFiles } from '../../bench/static-host.mjs';
import type { AblationAnswer } from '../../src/contract/explain-answers.ts';
import type { ProbeAnswer } from '../../src/contract/probe-answers.ts';
import { writeSite } from '../../src/export/site/write-site.ts';
import { openExplained, openStudy, runStudy } from '../../src/index.ts';
import { createServer } from '../../src/server/api.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

/** A path that has to be escaped, and is not the root. */
const UNDER = '/some where/ü/site/';
const TEXT = 'The treaty with the Indian tribes';

describe.skipIf(!hasBrowser)('a site with its model, on a plain host of files', () => {
  const pages = explorerPages();
  const { folder } = pages;
  let host: Awaited<ReturnType<typeof hostFiles>>;
  let probe: ProbeAnswer;
  let ablation: AblationAnswer;

  beforeAll(async () => {
    const path = join(folder, 'study.db');
    const model = writeSmallFolio(join(folder, 'model'));
    await runStudy({ model, contexts: 24, layers: [1], examples: 8, context: 32, out: path });
    const study = openStudy(path);
    const explained = openExplained(study);
    await writeSite(study, join(folder, 'site'), { withModel: explained });
    await explained.close();
    const server = createServer(study);
    const post = async (at: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      return (await server.fetch(new Request(`http://localhost${at}`, init))).json();
    };
    probe = (await post('/api/probe', { text: TEXT, top: 10 })) as ProbeAnswer;
    ablation = (await post(`/api/units/${strongest().bank}/${strongest().index}/ablation`, {
      contexts: 20,
    })) as AblationAnswer;
    await server.close();
    study.close();
    host = pages.keep(await hostFiles(join(folder, 'site'), UNDER));
  });

  /** The firing that is strongest for its unit. */
  const strongest = () => probe.firings.reduce((a, b) => ((b.relative ?? 0) > (a.relative ?? 0) ? b : a));

  it('loads the model when asked, then probes, masks and measures as the server does', async () => {
    const asked: string[] = [];
    const page = await pages.open(`${host.url}#/probe`, {
      base: host.url,
      before: async (opened) => {
        opened.on('request', (request) => asked.push(request.url()));
      },
    });
    const load = page.getByRole('button', { name: /^Load the model \(\d+\.\d MB\)$/ });
    await load.waitFor();
    expect(asked.filter((url) => /\/data-\w+\/model\//.test(url))).toEqual([]);
    await load.click();
    await page.getByText(/its activations differ from the study’s by .* % \(median\)/).waitFor();
    await page.getByLabel('Text to probe').fill(TEXT);
    await page.locator('.firings li').first().waitFor();
    const at = strongest().position;
    const shown = await page.locator('.firings li').allInnerTexts();
    const expected = probe.firings.filter(({ position }) => position === at);
    expect(shown.length).toBe(expected.length);
    for (const [i, { bank, index, relative, feature }] of expected.entries()) {
      expect(shown[i]).toContain(`${bank}/${index}`);
      expect(shown[i]).toContain(`${Math.round(100 * relative!)} % of its maximum`);
      expect(shown[i]).toContain(feature === null ? 'none of its features' : `feature ${feature}`);
    }

    await page.locator('.firings a').first().click();
    await page.locator('.feature').first().waitFor();
    await page.getByRole('button', { name: 'Importance', exact: true }).click();
    await page.waitForURL(/colour=importance/);
    await page.getByText('Masking tokens').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await page.locator('.effects-table').waitFor({ timeout: 120_000 });
    const whole = page.locator('.effects-table tr', { hasText: 'whole unit' });
    const cells = await whole.locator('td').allTextContents();
    const kl = Number(/0\.\d+/.exec(cells.join(' '))![0]);
    // Two digits are shown.
    expect(Math.abs(kl / ablation.whole.kl! - 1)).toBeLessThan(0.06);
    // Without the explanation of the button that was pressed.
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 390, height: 844 });
    const { scroll, client } = await page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth,
      client: document.documentElement.clientWidth,
    }));
    expect(scroll).toBeLessThanOrEqual(client);
    // The table is as wide as its panel, which would hide the rest.
    const table = (await page.locator('.effects-table').boundingBox())!;
    const panel = (await page.locator('.effects .panel-body').boundingBox())!;
    expect(table.x + table.width).toBeLessThanOrEqual(panel.x + panel.width);
    for (const chip of await page.locator('.effects-table .token-chip').all()) {
      const { x, width } = (await chip.boundingBox())!;
      expect(x + width).toBeLessThanOrEqual(table.x + table.width);
    }
    expect(await axeFaults(page)).toEqual([]);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByLabel('Text to try on this unit').fill(TEXT);
    await page.locator('.unit-probe .probed').waitFor();
  });

  it('says in one line that a file of the model is missing, and can be asked again', async () => {
    const page = await pages.open(`${host.url}#/probe`, { base: host.url, missing: true });
    let isGone = true;
    await page
      .context()
      .route(/model\/weights\/7\.bin/, (route) =>
        isGone ? route.fulfill({ status: 404 }) : route.continue(),
      );
    await page.getByRole('button', { name: /^Load the model/ }).click();
    await page.getByText('This site lacks its file model/weights/7.bin').waitFor();
    isGone = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText(/its activations differ/).waitFor();
  });
});
