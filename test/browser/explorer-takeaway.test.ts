import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { documentAnswer } from '../../src/answers/document-answer.ts';
import { openCorpus, openStudy, runStudy, type SplitUnit, type StudyInfo } from '../../src/index.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages, type Look, settled } from '../helpers/explorer-page.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

describe.skipIf(!hasBrowser)('what a reader takes away from the explorer', () => {
  const pages = explorerPages();
  const { folder } = pages;
  const path = join(folder, 'study.db');
  let server: RunningServer;
  let info: StudyInfo;
  /** Of several features. */
  let unit: SplitUnit;

  beforeAll(async () => {
    // Speeches with line breaks, and something that would do harm were it not text.
    const texts: string[] = [];
    for await (const { text } of (await openCorpus('builtin:sotu')).documents()) {
      texts.push(`<img src=x onerror=alert(1)>\n${text.replaceAll('. ', '.\n')}`);
      if (texts.length === 20) break;
    }
    const data = join(folder, 'texts.jsonl');
    writeFileSync(data, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    info = await runStudy({
      model: writeSmallFolio(join(folder, 'model')),
      data,
      contexts: 60,
      layers: [1],
      examples: 24,
      context: 64,
      features: 'cut',
      out: path,
    });
    const study = openStudy(path);
    const [most] = study.units({ sort: 'clusters', descending: true, limit: 1 });
    unit = study.unit(most!.bank, most!.index);
    study.close();
    server = await pages.serve(path);
  });
  const open = (at: string, look?: Look) =>
    pages.open(server.url + at, { width: 1440, missing: true, ...look });
  const unitPath = (query = '') => `/unit/${unit.bank}/${unit.index}${query}`;
  async function saved(page: Page, button: string): Promise<string> {
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: button, exact: true }).click();
    return readFileSync(await (await download).path(), 'utf8');
  }

  it('copies an example as text, link and Markdown, and a feature', async () => {
    const page = await open(unitPath('?threshold=0.45'), {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    const { id, tokens, position } = unit.features[0]!.examples[0]!;
    const row = page.locator('.example', { has: page.locator(`[data-example="${id}"]`) });
    const copy = async (kind: string) => {
      await row.hover();
      await row.getByRole('button', { name: new RegExp(`^Copy Example ${id},`) }).click();
      await row.getByRole('button', { name: kind, exact: true }).click();
      await row.getByRole('button', { name: /^Copy/ }).getByText('copied').waitFor();
      return clipboard();
    };
    const text = await copy('Text');
    expect(text.replace(/[«»]/g, '')).toBe(tokens.join(''));
    expect(/«(.*)»/s.exec(text)![1]).toBe(tokens[position]!.trim());
    const link = new URL(await copy('Link'));
    expect(link.searchParams.get('example')).toBe(String(id));
    expect(link.searchParams.get('threshold')).toBe('0.45');
    const markdown = await copy('Markdown');
    expect(markdown).toMatch(/^> /);
    expect(markdown).toContain(`(${link.href})`);

    const head = page.locator('.feature header').first();
    await head.getByRole('button', { name: 'Copy feature 0' }).click();
    await head.getByRole('button', { name: 'Text', exact: true }).click();
    await head.getByText('copied').first().waitFor();
    expect((await clipboard()).split('\n')[0]).toContain(`${unit.bank}/${unit.index}, feature 0`);
  });

  it('saves one unit as JSON, with the study it is of', async () => {
    const page = await open(unitPath());
    const json = JSON.parse(await saved(page, 'Save this unit as JSON'));
    expect(json.study.contentHash).toBe(info.contentHash);
    expect([json.bank, json.index, json.features.length]).toEqual([
      unit.bank,
      unit.index,
      unit.features.length,
    ]);
    expect(json.features[0].examples[0].tokens).toEqual(unit.features[0]!.examples[0]!.tokens);
  });

  it('saves figures as shapes, with title, axes, legend and the study', async () => {
    const page = await open('/');
    await page.locator('.scatter canvas').waitFor();
    const figures: [string, string, RegExp[]][] = [
      ['/', 'Save Units as SVG', [/Separation against Relative distance/, />mlp\.1</]],
      ['/', 'Save Distribution by bank as SVG', [/its distribution in each bank/]],
      [
        unitPath(),
        'Save the tree as SVG',
        [/distance at which examples join/, /, tree: \d+ features of 24 examples/],
      ],
      [unitPath(), 'Save the map as SVG', [/first component/]],
      [unitPath('?view=matrix'), 'Save the matrix as SVG', [/distances, near to far/]],
      [unitPath('?view=activations'), 'Save the activations as SVG', [/of activation \(log\)/]],
    ];
    let at = '/';
    for (const [to, button, wanted] of figures) {
      if (to !== at) await page.goto(server.url + to);
      at = to;
      await page.getByRole('button', { name: button, exact: true }).waitFor();
      await settled(page);
      await page.locator('.plot svg').first().waitFor();
      const svg = await saved(page, button);
      expect(svg, button).not.toContain('<image');
      expect(svg).toContain(info.contentHash!.slice(0, 16));
      const text = await page.evaluate((source) => {
        const parsed = new DOMParser().parseFromString(source, 'image/svg+xml');
        const shapes = parsed.querySelectorAll('path, circle, rect, line').length;
        return (
          parsed.querySelector('parsererror')?.textContent ?? `${shapes > 2 ? '' : 'no shapes '}${source}`
        );
      }, svg);
      expect(text).toBe(svg);
      for (const each of wanted) expect(text).toMatch(each);
      if (to.startsWith('/unit')) expect(text, 'legend').toMatch(/>0 [^<]+<\/text>/);
    }
  });

  it('draws every point of the cloud as a shape', async () => {
    const page = await open('/');
    await page.locator('.scatter canvas').waitFor();
    const svg = await saved(page, 'Save Units as SVG');
    const dots = svg.match(/M[\d.-]+ [\d.-]+h0/g)?.length ?? 0;
    const study = openStudy(path);
    const drawn = study
      .units()
      .filter((one) => one.separation !== null && one.relativeDistance !== null).length;
    study.close();
    expect(dots).toBe(drawn);
  });

  it('shows an example as snippet, passage or within its document, with line breaks or without', async () => {
    const study = openStudy(path);
    // One whose text breaks lines nearby.
    const { id, text } = unit.features
      .flatMap(({ examples }) => examples)
      .map((one) => ({ ...one, text: study.documentText(one.context)!.text }))
      .find((one) => documentAnswer(study, one.context, 1000).before.includes('\n'))!;
    study.close();
    const page = await open(unitPath(`?example=${id}`));
    const row = page.locator('.example.open');
    await row.waitFor();
    const passage = (await row.locator('.passage').textContent())!;
    await row.getByRole('button', { name: 'Document', exact: true }).click();
    await page.waitForURL(/around=document/);
    await row.locator('.around').first().waitFor();
    const shown = (await row.locator('.passage').textContent())!;
    expect(shown.length).toBeGreaterThan(Math.min(text.length, 2 * passage.length) * 0.9);
    expect(shown).toContain(passage);
    expect(await row.locator('.peak').count()).toBe(1);
    const breaks = () => row.locator('.passage br').count();
    const some = await breaks();
    await row.getByRole('checkbox', { name: 'Line breaks' }).uncheck();
    await page.waitForURL(/breaks=off/);
    expect(await breaks()).toBe(0);
    expect(some).toBeGreaterThan(0);
    expect(await page.locator('img').count()).toBe(0);
    await page.reload();
    await row.locator('.around').first().waitFor();
    expect(await axeFaults(page, { within: '.example.open' })).toEqual([]);
    await row.getByRole('button', { name: 'Passage', exact: true }).click();
    await row.locator('.around').first().waitFor({ state: 'detached' });
    await row.getByRole('button', { name: 'Snippet', exact: true }).click();
    await row.waitFor({ state: 'detached' });
    expect(new URL(page.url()).searchParams.has('example')).toBe(false);
  });
});
