import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readNotes } from '../../src/explain/notes.ts';
import { openStudy, runStudy, type SplitUnit } from '../../src/index.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { notesPath, readNoteLines } from '../../src/study/notes-file.ts';
import { hasBrowser, launchBrowser } from '../helpers/browser.ts';
import { openPage } from '../helpers/explorer-page.ts';

describe.skipIf(!hasBrowser)('names, notes and blind tests in the explorer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-names-'));
  const path = join(folder, 'study.db');
  let server: RunningServer;
  let browser: Browser;
  /** Of several features, each with a name. */
  let unit: SplitUnit;
  const faults: string[] = [];

  beforeAll(async () => {
    await runStudy({ contexts: 120, layers: [1], examples: 32, context: 64, out: path });
    const study = openStudy(path);
    unit = study
      .units({ sort: 'effectiveFeatures', descending: true })
      .map(({ bank, index }) => study.unit(bank, index))
      .find(({ features }) => features.length > 1 && features.every(({ name }) => name !== null))!;
    study.close();
    server = await startServer(path, { port: 0 });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(faults.splice(0)).toEqual([]);
  });

  async function open(dark = false): Promise<Page> {
    const page = await openPage(browser, `${server.url}/unit/${unit.bank}/${unit.index}`, faults, { dark });
    await page.locator('#feature-0').waitFor();
    return page;
  }
  const kept = () => readNotes(readNoteLines(notesPath(path)));

  it('a feature is headed by its name, with the words behind; a search for the name finds it', async () => {
    const page = await open();
    for (const { id, name, words } of unit.features) {
      const title = page.locator(`#feature-${id}-title`);
      expect(await title.locator('.feature-name').textContent()).toBe(name!.text);
      expect(await title.locator('.feature-words').textContent()).toBe(words.join(' · '));
    }
    await page.goto(`${server.url}/search?q=${encodeURIComponent(unit.features[0]!.words[0]!)}`);
    await page.locator('.results .meaning').first().waitFor();
  });

  it('a star and a note stay with the feature, also when the unit is cut anew', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Star feature 1', exact: true }).click();
    await page.getByRole('button', { name: 'Write a note on feature 1' }).click();
    await page.getByRole('textbox', { name: 'Note on feature 1' }).fill('mine <b>');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.locator('#feature-1').getByText('mine <b>').waitFor();
    const [note] = kept().notes;
    expect(note).toMatchObject({ bank: unit.bank, index: unit.index, star: true, note: 'mine <b>' });
    // Cut so that each example is a feature of its own: it is at the central one.
    await page.goto(`${server.url}/unit/${unit.bank}/${unit.index}?threshold=0`);
    await page.getByText('mine <b>').waitFor();
    expect(await page.getByText('mine <b>').count()).toBe(1);
  });

  it('a blind test is played, and the score is shown', async () => {
    const page = await open();
    const panel = page.getByRole('region', { name: 'Blind test' });
    await panel.getByRole('button', { name: 'Begin' }).click();
    expect(await panel.locator('li').count()).toBe(5);
    await panel.locator('li button').first().click();
    await panel.getByText(/of 1 intruder found/).waitFor();
    await panel.getByRole('button', { name: 'Another', exact: true }).click();
    await panel.locator('li button').nth(1).click();
    await panel.getByText(/of 2 intruders found/).waitFor();
    const { answers } = kept();
    expect(answers.map(({ answer }) => answer)).toEqual([0, 1]);
  });

  it.each([false, true])('nothing is out of reach (dark: %s)', async (dark) => {
    const page = await open(dark);
    await page.getByRole('button', { name: 'Begin' }).click();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html).slice(0, 2)])).toEqual([]);
  });
});
