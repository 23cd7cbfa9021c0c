import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ListenOptions } from '../../src/server/server.ts';
import { PLANTED, plantedStudy, type StudyFiles } from '../explain/planted.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';

const { unit, twin, continuations } = PLANTED;

const nameOf = ({ bank, index }: { bank: string; index: number }): string => `${bank}/${index}`;

describe.skipIf(!hasBrowser)('why a unit fires and what it does, in the explorer', () => {
  const pages = explorerPages();
  let files: StudyFiles;

  beforeAll(async () => {
    files = await plantedStudy();
  });
  afterAll(() => rmSync(dirname(files.study), { recursive: true, force: true }));

  /** Opens a unit, as `mlp.0/2` with a query or without; the page must not throw. */
  async function visit(options: ListenOptions, name: string, work: (page: Page) => Promise<void>) {
    const server = await pages.serve(files.study, { log: () => {}, ...options });
    // Without a model there is nothing where the page asks for importance.
    const look = { missing: options.model !== undefined };
    await pages.visit(`${server.url}/unit/${name}`, work, look);
  }

  it('colours tokens by importance: the planted letter and the peak, and nothing else', async () => {
    await visit({}, nameOf(unit), async (page) => {
      const switches = page.getByRole('group', { name: 'Tokens coloured by' });
      await switches.getByRole('button', { name: 'Importance' }).click();
      await expect.poll(() => page.url()).toContain('colour=importance');
      const passage = page.locator('.passage[data-example="0"]');
      // Alone the peak is coloured before; with importance the letter before it is, as deeply.
      await expect.poll(() => passage.locator('.t.hot').count()).toBe(2);
      const depths = await passage
        .locator('.t.hot')
        .evaluateAll((tokens) => tokens.map((token) => (token as HTMLElement).style.getPropertyValue('--a')));
      expect(depths).toEqual(['1.00', '1.00']);
      await switches.getByRole('button', { name: 'Activation' }).click();
      await expect.poll(() => passage.locator('.t.hot').count()).toBe(1);
    });
  });

  it('shows what the unit raises, and what each feature makes expected', async () => {
    await visit({}, nameOf(unit), async (page) => {
      const panel = page.getByRole('region', { name: 'What it does' });
      await panel.getByRole('button', { name: 'Measure' }).click();
      await panel.locator('.effects-table').waitFor();
      const raised = await panel.locator('.token-effects dd').first().locator('code').allTextContents();
      expect(raised.slice(0, 2).sort()).toEqual([...continuations]);
      const rows = panel.locator('.effects-table tbody tr');
      // Two features, the whole unit, and the units of equal density.
      expect(await rows.count()).toBe(4);
      expect(await rows.nth(3).textContent()).toContain('20 other units');
      const lowered = await Promise.all(
        [0, 1].map((row) => rows.nth(row).locator('code').first().textContent()),
      );
      expect(lowered.sort()).toEqual([...continuations]);
      const text = await panel.textContent();
      expect(text).toContain('All features together: 100 %');
      // It writes both letters wherever it fires: the letter before forbids one of them.
      expect(text).toContain('beyond what their contexts make any unit do, is not shown');
    });
  });

  it('measures features that stand side by side, and shows what was measured of them', async () => {
    await visit({}, `${nameOf(unit)}?beside=0,1`, async (page) => {
      const beside = page.getByRole('region', { name: 'Side by side' });
      await beside.getByRole('button', { name: 'Measure effects' }).click();
      const columns = beside.locator('.beside-column');
      await columns.getByText('without it: KL').first().waitFor();
      const lowered = await Promise.all(
        [0, 1].map((column) => columns.nth(column).locator('code').first().textContent()),
      );
      expect(lowered.sort()).toEqual([...continuations]);
      // The panel has the same measurement.
      await page.getByRole('region', { name: 'What it does' }).locator('.effects-table').waitFor();
      await page.goto(page.url().replace('?', '?threshold=0.3&'));
      await beside.getByText('these are of another cut').waitFor();
      expect(await beside.getByRole('button', { name: 'Measure effects' }).count()).toBe(0);
    });
  });

  it('says what is missing without a model, and the rest works', async () => {
    // Of the twin: what was measured of the unit before is kept, and needs no model.
    const name = `${nameOf(twin)}?colour=importance`;
    await visit({ model: join(files.model, 'none') }, name, async (page) => {
      await page
        .getByText(/does not exist: give a folder/)
        .first()
        .waitFor();
      const panel = page.getByRole('region', { name: 'What it does' });
      await panel.getByRole('button', { name: 'Measure' }).click();
      await panel.getByRole('alert').waitFor();
      expect(await panel.getByRole('alert').textContent()).toContain('does not exist');
      expect(await page.locator('.feature').count()).toBe(2);
    });
  });
});
