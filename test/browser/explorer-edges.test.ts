import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { openStudy, runStudy } from '../../src/index.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages, settled } from '../helpers/explorer-page.ts';
import { FAMILIES } from '../helpers/families.ts';
import { wordPieceTokenizer } from '../helpers/tiny-encoder.ts';
import { type WrittenStudy, writeStudy } from '../helpers/written-study.ts';

/** Text that means harm, or that moves or hides other text. */
const HOSTILE = [
  '<script>document.title="broken"</script>',
  ' &amp;',
  '\u202egnorw\u2066',
  '\u0000',
  '\ud800',
  '\n',
  '\t  ',
  ' fine',
  'x'.repeat(1 << 20),
];
const PLAIN = ['The', ' cat', ' sat', ' on', ' the', ' mat', '.', '\n', 'Then', ' it', ' left', '.'];

describe.skipIf(!hasBrowser)('explorer on unusual studies', () => {
  const pages = explorerPages();

  /** Serves a study to a page that must not throw, log an error, or ask another host. */
  async function visit(
    study: Omit<WrittenStudy, 'path'>,
    work: (page: Page, server: RunningServer) => Promise<void>,
  ) {
    const path = join(pages.folder, 'study.db');
    writeStudy({ ...study, path });
    const server = await pages.serve(path);
    await work(await pages.open('about:blank', { base: server.url }), server);
  }

  const VIEWS = ['', '?view=matrix', '?view=activations', '?layout=umap&feature=0&example=0'];

  it.each([0, 1, 2])('shows every page of one unit with examples: %d', async (examples) => {
    await visit(
      { banks: [{ name: 'sae/a+b%', units: 1 }], examples: () => examples, contexts: [PLAIN] },
      async (page, { url }) => {
        await page.goto(url);
        await page.getByText('1 unit', { exact: true }).first().waitFor();
        await page.locator('.scatter canvas').waitFor();
        await page.getByRole('link', { name: 'sae/a+b%/0', exact: true }).click();
        await page.waitForURL(/\/unit\/sae%2Fa(%2B|\+)b%25\/0$/);
        for (const view of VIEWS) {
          await page.goto(`${url}/unit/sae%2Fa%2Bb%25/0${view}`);
          await page.getByRole('heading', { name: 'sae/a+b%/0' }).waitFor();
          await settled(page);
          expect(await page.locator('.features .example').count()).toBe(examples);
        }
        if (examples === 0) await page.getByText('This unit never responds').waitFor();
        for (const at of ['/compare', '/search?q=word0', '/about']) {
          await page.goto(url + at);
          await settled(page);
          expect(await page.getByRole('alert').filter({ hasText: /\S/ }).count()).toBe(0);
        }
      },
    );
  });

  it('stays quick with 1,000 examples a unit', async () => {
    await visit(
      { banks: [{ name: 'mlp.0', units: 2 }], examples: () => 1000, contexts: [PLAIN, HOSTILE.slice(0, 8)] },
      async (page, { url }) => {
        await page.goto(`${url}/unit/mlp.0/1`);
        await page.locator('.feature').first().waitFor();
        await expect.poll(() => page.locator('.dots > *').count()).toBe(1000);
        await page.goto(`${url}/unit/mlp.0/1?view=matrix&threshold=0.9`);
        await page.locator('.views-panel image').waitFor({ timeout: 60_000 });
        const line = page.getByRole('slider', { name: 'Threshold' });
        await line.press('PageDown');
        await page.waitForURL(/threshold=0\.8/);
        expect(await page.locator('.example').count()).toBeLessThan(500);
      },
    );
  });

  it('shows text of any kind as text', async () => {
    await visit(
      {
        banks: [{ name: 'mlp.0', units: 1 }],
        examples: () => 9,
        contexts: [HOSTILE],
        documents: ['<img src=x onerror=alert(1)>'],
        words: () => ['<b>bold</b>', '\u202eback'],
      },
      async (page, { url }) => {
        await page.goto(`${url}/unit/mlp.0/0?example=0`);
        const passage = page.locator('.example.open .passage');
        await passage.waitFor();
        const text = (await passage.textContent())!;
        expect(text).toContain('<script>document.title="broken"</script>');
        expect(text).toContain('⟨202E⟩');
        expect(text).toContain('␀');
        expect(text).toContain('↵');
        expect(text).toContain('⇥··');
        expect(text).toContain('1048576 characters');
        expect(await page.title()).toContain('mlp.0/0');
        expect(await page.locator('main img, main b b').count()).toBe(0);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1280);
        await page.goto(`${url}/?q=bold`);
        await page.getByText('<b>bold</b>').first().waitFor();
      },
    );
  });

  it('shows a study of an encoder: special tokens are text, and never a peak', async () => {
    const { folder } = pages;
    // As many as the fixture's vocabulary has beside special tokens.
    const words =
      'sea ship captain wind storm sail port rope deck crew king war peace treaty state tax law men a the of and in at is was to'.split(
        ' ',
      );
    const model = join(folder, 'bert');
    cpSync(join(FAMILIES, 'bert'), model, { recursive: true });
    writeFileSync(join(model, 'tokenizer.json'), JSON.stringify(wordPieceTokenizer(words)));
    const data = join(folder, 'text.jsonl');
    const texts = Array.from({ length: 20 }, (_, i) =>
      Array.from({ length: 9 }, (_, at) => words[(i * 3 + at * (i + 2)) % words.length]).join(' '),
    );
    writeFileSync(data, texts.map((text) => JSON.stringify({ text })).join('\n'));
    const path = join(folder, 'encoder.db');
    await runStudy({ model, data, context: 8, examples: 8, sinkMultiple: 0, out: path, threads: 1 });
    const study = openStudy(path);
    const [unit] = study.units({ bank: 'mlp.1', sort: 'examples', descending: true, limit: 1 });
    study.close();
    const { url } = await pages.serve(path);
    const page = await pages.open(`${url}/unit/mlp.1/${unit!.index}?example=0`);
    await page.locator('.example.open').waitFor();
    expect(await page.locator('.example.open .passage').textContent()).toMatch(/^\[CLS\].*\[SEP\]$/);
    const peaks = await page.locator('.passage .peak').allTextContents();
    expect(peaks.length).toBeGreaterThan(1);
    for (const peak of peaks) expect(words).toContain(peak.replaceAll('·', '').trim());
    const effects = page.getByRole('region', { name: 'What it does' });
    await effects.getByRole('button', { name: 'Measure' }).click();
    await effects.locator('.effects-table').waitFor();
    await page.goto(`${url}/probe?text=the ship of peace`);
    await page.locator('.firings a').first().waitFor();
    expect(await page.locator('.probed').textContent()).toMatch(/^\[CLS\].*\[SEP\]$/);
  });

  it('says that a study is unfinished', async () => {
    await visit(
      { banks: [{ name: 'mlp.0', units: 4 }], examples: () => 3, contexts: [PLAIN], without: [2, 3] },
      async (page, { url }) => {
        await page.goto(url);
        await page.getByText('This study is unfinished').waitFor();
        expect(await page.locator('.rows .row.link').count()).toBe(2);
      },
    );
  });
});
