// Classes of a model, files and labels of pictures that are hostile, over the pages of a study of images: a server's and a site's.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { hostFiles } from '../../bench/static-host.mjs';
import { writeSite } from '../../src/export/site/write-site.ts';
import { openStudy, runStudy } from '../../src/index.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';
import { HOSTILE_TOKENS, hostileImages } from '../helpers/hostile.ts';
import { expectText } from '../helpers/hostile-page.ts';

describe.skipIf(!hasBrowser)('hostile text in a page of images', () => {
  const pages = explorerPages();
  let server: RunningServer;
  let site: Awaited<ReturnType<typeof hostFiles>>;
  /** The address of a unit of several features, and of an image. */
  let unit: string;
  let image: string;

  beforeAll(async () => {
    const { folder, model, data, study: out } = await hostileImages(pages.folder);
    await runStudy({ model, data, examples: 12, threads: 1, out });
    const study = openStudy(out);
    const [most] = study.units({ sort: 'featureCount', descending: true, limit: 1 });
    unit = `/unit/${most!.bank}/${most!.index}`;
    image = `/classify?context=${study.images()[1]!.context}`;
    // What is shown is the true text, not something that a reader has made harmless.
    expect(study.images().map(({ label }) => label)).toContain(`${HOSTILE_TOKENS[1]} 1`);
    await writeSite(study, join(folder, 'site'));
    study.close();
    server = await pages.serve(out);
    site = pages.keep(await hostFiles(join(folder, 'site'), '/a site/'));
  });

  const PAGES: readonly (readonly [name: string, at: () => string, there: string])[] = [
    ['the study', () => '/', '.rows .row'],
    ['a unit', () => unit, '.image-row img'],
    ['an open image', () => `${unit}?example=0`, '.open-image'],
    ['features side by side', () => `${unit}?beside=0,1`, 'main'],
    ['a matrix', () => `${unit}?view=matrix`, '.views-panel image'],
    ['classes', () => image, '.shares li'],
    ['a search', () => '/search?q=alert', 'main'],
    ['about', () => '/about', '.options dd'],
  ];

  for (const [name, at, there] of PAGES) {
    it(`${name} of a server`, async () => {
      const page = await pages.open(server.url + at(), { missing: true });
      await page.locator(there).first().waitFor();
      await expectText(page);
    });
  }

  it('names of classes are there as text', async () => {
    const page = await pages.open(server.url + image, { missing: true });
    await page.locator('.class-list').getByText('onerror=alert(1)').first().waitFor();
  });

  it('the pages of a site', async () => {
    const page = await pages.open(site.url, { base: site.url });
    for (const [name, at, there] of PAGES) {
      await page.goto(`${site.url}#${at()}`);
      await page
        .locator(name === 'classes' ? 'main [role=status]' : there)
        .first()
        .waitFor();
      await expectText(page);
    }
  });
});
