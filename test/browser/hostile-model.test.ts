// A model whose tokens are hostile, in the page of a site: what it reads is text, and what it says is text.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hostFiles } from '../../bench/static-host.mjs';
import { writeSite } from '../../src/export/site/write-site.ts';
import { openExplained, openStudy, runStudy } from '../../src/index.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';
import { HOSTILE_TOKENS, hostileWorld } from '../helpers/hostile.ts';
import { expectText } from '../helpers/hostile-page.ts';

/** All that a text field takes: NUL and halves of pairs are none of it. */
const TYPED = `The war ${HOSTILE_TOKENS[1]} of ${HOSTILE_TOKENS[2]} the ${HOSTILE_TOKENS[12]} peace \u202e ${HOSTILE_TOKENS[0]}`;

describe.skipIf(!hasBrowser)('hostile tokens in a page that has the model', () => {
  const pages = explorerPages();
  let host: Awaited<ReturnType<typeof hostFiles>>;
  let unit: string;

  beforeAll(async () => {
    const { folder, model, data, study: out } = await hostileWorld(pages.folder);
    await runStudy({ model, data, layers: [0], context: 64, examples: 12, threads: 1, out });
    const study = openStudy(out);
    const [most] = study.units({ sort: 'featureCount', descending: true, limit: 1 });
    unit = `/unit/${most!.bank}/${most!.index}`;
    const explained = openExplained(study, { threads: 1 });
    await writeSite(study, join(folder, 'site'), { withModel: explained });
    await explained.close();
    study.close();
    host = pages.keep(await hostFiles(join(folder, 'site'), '/a site/'));
  });

  async function loaded(at: string): Promise<Page> {
    const page = await pages.open(`${host.url}#${at}`, { base: host.url });
    await page
      .getByRole('button', { name: /^Load the model/ })
      .first()
      .click();
    return page;
  }

  it('a probe', async () => {
    const page = await loaded('/probe');
    await page.getByText(/its activations differ from the study’s by .* % \(median\)/).waitFor();
    await page.getByLabel('Text to probe').fill(TYPED);
    await page.locator('.firings li').first().waitFor();
    expect(await page.locator('.probed').textContent()).toContain('onerror=alert(1)');
    await expectText(page);
  });

  it('importance, effects and a text tried on a unit', async () => {
    const page = await loaded(unit);
    await page.locator('.feature').first().waitFor();
    await page.getByRole('button', { name: 'Importance', exact: true }).click();
    await page.getByText('Masking tokens').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await page.locator('.effects-table').waitFor({ timeout: 120_000 });
    await page.getByLabel('Text to try on this unit').fill(TYPED);
    await page.locator('.unit-probe .probed').waitFor();
    await expectText(page);
  });
});
