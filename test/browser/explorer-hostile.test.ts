// One hostile model, corpus and folder, over every page of the explorer, of a site, and over what can be taken away.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hostFiles } from '../../bench/static-host.mjs';
import { writeSite } from '../../src/export/site/write-site.ts';
import { unitHtml } from '../../src/export/unit-html.ts';
import { openStudy, runStudy } from '../../src/index.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';
import { HOSTILE_NAME, HOSTILE_TOKENS, type HostileWorld, hostileWorld } from '../helpers/hostile.ts';
import { expectText } from '../helpers/hostile-page.ts';
import { plantQueue } from '../helpers/planted-queue.ts';
import { end, freePort, hasRedis, startRedis } from '../helpers/queue-servers.mjs';
import { evaluation, writeLog, writeRun } from '../helpers/written-training.ts';

describe.skipIf(!hasBrowser)('hostile text in a page', () => {
  const pages = explorerPages();
  let world: HostileWorld;
  let server: RunningServer;
  let site: Awaited<ReturnType<typeof hostFiles>>;
  /** The address of a unit of the SAE with the hostile name, and what it is called. */
  let unit: string;
  let single: string;
  let queue: string;

  beforeAll(async () => {
    world = await hostileWorld(pages.folder);
    const { model, data, named, study: out } = world;
    await runStudy({ model, data, sae: [named], layers: [0], context: 64, examples: 12, threads: 1, out });
    const study = openStudy(out);
    const [most] = study.units({ bank: world.bank, sort: 'featureCount', descending: true, limit: 1 });
    unit = `/unit/${encodeURIComponent(world.bank)}/${most!.index}`;
    single = join(world.folder, 'unit.html');
    writeFileSync(single, unitHtml(study, world.bank, most!.index));
    await writeSite(study, join(world.folder, 'site'));
    study.close();
    const trainings = join(world.folder, 'trainings');
    for (const [number, name] of HOSTILE_TOKENS.slice(0, 3).entries()) {
      const dir = join(trainings, `${number}${HOSTILE_NAME}`);
      writeRun(dir, { model: name, data: HOSTILE_NAME, site: name }, { [name]: evaluation(0.9) }, name);
      writeLog(dir, 1, 20);
    }
    server = await pages.serve(out, { trainings });
    const port = await freePort();
    queue = `redis://127.0.0.1:${port}`;
    if (hasRedis) {
      const redis = await startRedis(pages.folder, port);
      pages.keep({ close: () => end(redis) });
    }
    site = pages.keep(await hostFiles(join(world.folder, 'site'), '/a site/'));
  });

  const PAGES: readonly (readonly [name: string, at: () => string, there: string])[] = [
    ['the study', () => '/', '.rows .row'],
    ['a unit', () => unit, '.feature'],
    ['an open example', () => `${unit}?example=0`, '.example.open .passage'],
    ['a matrix', () => `${unit}?view=matrix`, '.views-panel image'],
    ['activations', () => `${unit}?view=activations`, '.views-panel'],
    ['metrics', () => `${unit}?view=metrics`, '.views-panel'],
    ['a search', () => '/search?q=war', '.results li'],
    [
      'a search of what is hostile',
      () => `/search?q=${encodeURIComponent(`"${HOSTILE_TOKENS[1]}"`)}`,
      'main',
    ],
    ['a comparison', () => `/compare?banks=${encodeURIComponent(`mlp.0,${world.bank}`)}`, 'main h1'],
    [
      'a probe',
      () => `/probe?text=${encodeURIComponent(`war ${HOSTILE_TOKENS[1]} \u202e peace`)}`,
      '.probed',
    ],
    ['trainings', () => '/trainings', 'main table'],
    ['about', () => '/about', '.options dd'],
    ['no page', () => `/${encodeURIComponent(HOSTILE_TOKENS[1]!)}`, 'main'],
  ];

  for (const [name, at, there] of PAGES) {
    it(`${name} of a server`, async () => {
      const page = await pages.open(server.url + at(), { missing: true });
      await page.locator(there).first().waitFor();
      await expectText(page);
    });
  }

  it('the pages of a site', async () => {
    const page = await pages.open(site.url, { base: site.url });
    for (const [, at, there] of PAGES.filter(([name]) => !/probe|trainings/.test(name))) {
      await page.goto(`${site.url}#${at()}`);
      await page.locator(there).first().waitFor();
      await expectText(page);
    }
  });

  it.skipIf(!hasRedis)('a queue of a server', async () => {
    // A worker's name ends at a line break.
    const workers = [0, 1, 2].map((i) => `${HOSTILE_NAME.replace('\n', ' ')}${i}`);
    const words = { model: HOSTILE_NAME, out: `${HOSTILE_TOKENS[1]}${HOSTILE_NAME}`, workers };
    pages.keep(await plantQueue(queue, { ...words, reason: HOSTILE_TOKENS.slice(0, 12).join(' ') }));
    const page = await pages.open(`${(await pages.serve(null, { queue })).url}/queue`);
    for (const name of ['Runs', 'Workers', 'Failures']) {
      await page.getByRole('region', { name, exact: true }).getByText('onerror').first().waitFor();
    }
    await expectText(page);
  });

  it('a unit as one file', async () => {
    const page = await pages.open(pathToFileURL(single).href, { base: pathToFileURL(single).href });
    expect(await page.locator('body').textContent()).toContain('onerror=alert(1)');
    await expectText(page);
  });

  describe('that is taken away', () => {
    async function saved(page: Page, button: string | RegExp): Promise<string> {
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: button }).first().click();
      return readFileSync(await (await download).path(), 'utf8');
    }
    /** Every cell of a table, read by another's rules: RFC 4180. */
    function cellsOf(csv: string): string[] {
      return [...csv.matchAll(/(?:^|,|\r\n)(?:"((?:[^"]|"")*)"|([^,\r\n"]*))/g)].map(([, quoted, plain]) =>
        quoted === undefined ? plain! : quoted.replaceAll('""', '"'),
      );
    }

    it('cells of tables are no formulas', async () => {
      for (const [at, button] of [
        [unit, 'Save the examples as CSV'],
        [`${unit}?view=metrics`, 'Save the metrics as CSV'],
        ['/', 'Save the table as CSV'],
        [`/compare?banks=${encodeURIComponent(`mlp.0,${world.bank}`)}`, 'Save the comparison as CSV'],
      ] as const) {
        const page = await pages.open(server.url + at, { missing: true });
        const cells = cellsOf(await saved(page, button));
        expect(cells.length, button).toBeGreaterThan(10);
        expect(
          cells.filter((cell) => /^[=+@\t\r]|^-(?![\d.])/.test(cell)),
          button,
        ).toEqual([]);
      }
    });

    it('figures are XML, without anything that runs', async () => {
      const page = await pages.open(server.url + unit, { missing: true });
      await page.locator('.feature').first().waitFor();
      const buttons = await page.getByRole('button', { name: /^Save .* as SVG$/ }).all();
      expect(buttons.length).toBeGreaterThan(0);
      for (const button of buttons) {
        const download = page.waitForEvent('download');
        await button.click();
        const svg = readFileSync(await (await download).path(), 'utf8');
        const found = await page.evaluate((text) => {
          const xml = new DOMParser().parseFromString(text, 'image/svg+xml');
          const active = [...xml.querySelectorAll('*')].filter(
            (one) =>
              /^(script|foreignObject|a|iframe)$/i.test(one.localName) ||
              [...one.attributes].some(({ name }) => /^on|href$/i.test(name)),
          );
          return { error: xml.querySelector('parsererror')?.textContent ?? null, active: active.length };
        }, svg);
        expect(found).toEqual({ error: null, active: 0 });
      }
    });

    it('Markdown has no element, link or image of a token’s', async () => {
      const permissions = ['clipboard-read', 'clipboard-write'];
      const page = await pages.open(server.url + unit, { missing: true, permissions });
      await page.locator('.feature .example').first().waitFor();
      const menus = page.getByRole('button', { name: /^Copy / });
      for (const number of [0, 1, 2]) {
        await menus.nth(number).click();
        await page.getByRole('button', { name: 'Markdown', exact: true }).click();
        const markdown = await page.evaluate(() => navigator.clipboard.readText());
        // Each link is to this page; what else would be a mark has a stroke before it.
        const rest = markdown.replace(/(?<!\\)\]\(http:\/\/127\.0\.0\.1[^)]*\)/g, '');
        expect(markdown).toContain('](http://127.0.0.1');
        expect(rest.match(/(?<!\\)<|(?<!\\)`|(?<!\\)\]\(|!(?=\[)/g)).toBeNull();
      }
    });

    it('JSON is the true text', async () => {
      const page = await pages.open(server.url + unit, { missing: true });
      const { features } = JSON.parse(await saved(page, 'Save this unit as JSON'));
      expect(JSON.stringify(features)).toContain(JSON.stringify(HOSTILE_TOKENS[1]).slice(1, -1));
    });
  });
});
