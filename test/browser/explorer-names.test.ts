import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { readNotes } from '../../src/explain/notes.ts';
import { openStudy, runStudy, type SplitUnit, type UnitSummary } from '../../src/index.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { notesPath, readNoteLines } from '../../src/study/notes-file.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

describe.skipIf(!hasBrowser)('names, notes and blind tests in the explorer', () => {
  const pages = explorerPages();
  const { folder } = pages;
  const path = join(folder, 'study.db');
  let server: RunningServer;
  /** Of several features, each with a name. */
  let unit: SplitUnit;
  /** One with stray examples. */
  let withStrays: UnitSummary;

  beforeAll(async () => {
    await runStudy({
      model: writeSmallFolio(join(folder, 'model'), 512),
      contexts: 120,
      layers: [1],
      examples: 32,
      context: 64,
      out: path,
    });
    const study = openStudy(path);
    unit = study
      .units({ sort: 'effectiveFeatures', descending: true })
      .map(({ bank, index }) => study.unit(bank, index))
      .find(({ features }) => features.length > 2 && features.every(({ name }) => name !== null))!;
    withStrays = study.units({ sort: 'strayShare', descending: true, limit: 1 })[0]!;
    study.close();
    server = await pages.serve(path);
  });

  async function open(dark = false): Promise<Page> {
    const page = await pages.open(`${server.url}/unit/${unit.bank}/${unit.index}`, { dark });
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

  it('what is starred opens at its feature, in view', async () => {
    const page = await open();
    const last = unit.features.at(-1)!.id;
    await page.getByRole('button', { name: `Star feature ${last}`, exact: true }).click();
    await expect.poll(() => kept().notes.length).toBeGreaterThan(0);
    const starred = page.getByRole('list').filter({ hasText: 'a feature' });
    await page.goto(`${server.url}/search`);
    const { notes } = kept();
    // The last one is listed first.
    expect(notes.at(-1)).toMatchObject({ bank: unit.bank, index: unit.index, star: true });
    await starred.getByRole('link').first().click();
    await page.waitForURL(new RegExp(`\\?feature=${last}$`));
    const title = page.locator('.feature.selected h3');
    await expect
      .poll(async () => {
        const box = await title.boundingBox();
        return box !== null && box.y >= 0 && box.y < 900;
      })
      .toBe(true);
  });

  it('stray examples open from the strip, with the features that they are nearest to', async () => {
    const page = await open();
    const { bank, index } = withStrays;
    const { stray } = (await (await fetch(`${server.url}/api/units/${bank}/${index}`)).json()) as {
      stray: number[];
    };
    await page.goto(`${server.url}/unit/${bank}/${index}`);
    await page.locator('.unit-contents .strip button.alone').click();
    await page.waitForURL(/alone=shown/);
    const alone = page.getByRole('region', { name: 'Examples that stand alone' });
    expect(
      await alone
        .locator('.passage')
        .evaluateAll((rows) =>
          rows.map((row) => Number((row as HTMLElement).dataset['example'])).sort((a, b) => a - b),
        ),
    ).toEqual([...stray].sort((a, b) => a - b));
    const row = alone.locator(`.example:has([data-example="${stray[0]}"])`);
    await row.hover();
    await row.getByRole('button', { name: /^Whole context of/ }).click();
    await alone.locator('.example.open').waitFor();
    // Opened once, though it is an example of its nearest feature too.
    expect(await page.locator('.example.open').count()).toBe(1);
    await alone.getByRole('button', { name: /stray example/ }).click();
    expect(await alone.locator('.passage').count()).toBe(0);
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
    expect(await axeFaults(page, { dark })).toEqual([]);
  });
});
