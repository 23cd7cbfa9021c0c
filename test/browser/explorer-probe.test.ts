import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/server/server.ts';
import { PLANTED, plantedStudy } from '../explain/planted.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';

const { unit, twin } = PLANTED;
/** Both planted features; the study has no such text. */
const TEXT = 'fgcoehzomd';

describe.skipIf(!hasBrowser)('explorer with the model behind the study', () => {
  const pages = explorerPages();
  let server: RunningServer;

  beforeAll(async () => {
    const { study } = await plantedStudy();
    server = await pages.serve(study);
  });

  const visit = (path: string, work: (page: Page) => Promise<void>, theme: 'light' | 'dark' = 'light') =>
    pages.visit(server.url + path, work, { dark: theme === 'dark' });

  it.each(['light', 'dark'] as const)('probes what is typed, live (%s)', async (theme) => {
    await visit(
      '/',
      async (page) => {
        await page.getByRole('link', { name: 'Probe', exact: true }).click();
        const box = page.getByRole('textbox', { name: 'Text to probe' });
        await box.pressSequentially(TEXT);
        await page.getByText('10 tokens', { exact: true }).waitFor();
        await page.waitForURL(new RegExp(`/probe\\?text=${TEXT}$`));
        await page.locator('.probed button').nth(3).click();
        const panel = page.getByRole('region', { name: 'Units at the token' });
        const link = panel.getByRole('link', { name: `${unit.bank}/${unit.index}`, exact: true });
        await link.waitFor();
        expect(
          await panel.getByRole('link', { name: `${twin.bank}/${twin.index}`, exact: true }).count(),
        ).toBe(1);
        await link.click();
        await page.waitForURL(/\/unit\/mlp\.0\/2\?feature=[01]$/);
        await page.getByRole('heading', { name: 'mlp.0/2', exact: true }).waitFor();
      },
      theme,
    );
  });

  it('keeps the text in the address, and a bank', async () => {
    await visit(`/probe?text=${TEXT}&bank=mlp.1`, async (page) => {
      await page.getByText('10 tokens', { exact: true }).waitFor();
      const names = await page.locator('.firings a').allTextContents();
      expect(names.length).toBeGreaterThan(0);
      expect(names.every((name) => name.startsWith('mlp.1/'))).toBe(true);
    });
  });

  it.each(['light', 'dark'] as const)(
    'tries a text on a unit, and links to what is like it (%s)',
    async (theme) => {
      await visit(
        '/unit/mlp.0/2',
        async (page) => {
          const nearest = page.getByRole('region', { name: 'Nearest elsewhere' });
          const link = nearest.getByRole('link', { name: `${twin.bank}/${twin.index}`, exact: true });
          await link.first().waitFor();
          const box = page.getByRole('region', { name: 'Try a text' });
          await box.getByRole('textbox').fill(TEXT);
          await box.locator('.probed button.hot').first().waitFor();
          expect(await box.locator('.probed button.hot').allTextContents()).toEqual(['o', 'o']);
          const said: (string | null)[] = [];
          for (const position of [3, 7]) {
            await box.locator(`[data-position="${position}"]`).click();
            said.push(await box.locator('.firing-feature .num').first().textContent());
          }
          expect(said.toSorted()).toEqual(['feature 0', 'feature 1']);
          await box.locator('[data-position="0"]').click();
          await box.getByText('the unit does not fire here').waitFor();
          await box.scrollIntoViewIfNeeded();
          await nearest.getByLabel('by').selectOption('contexts');
          await link.first().click();
          await page.waitForURL(/\/unit\/mlp\.1\/5\?feature=[01]$/);
        },
        theme,
      );
    },
  );
});
