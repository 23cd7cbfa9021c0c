// The explorer on studies of images: the built-in digits with their model, and a vision transformer.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePng } from '../../src/corpus/images/png.ts';
import { openStudy, runStudy, type Study } from '../../src/index.ts';
import type { RunningServer } from '../../src/server/server.ts';
import { axeFaults } from '../helpers/axe.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { explorerPages } from '../helpers/explorer-page.ts';
import { FAMILIES } from '../helpers/families.ts';

const THEMES = ['light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

describe.skipIf(!hasBrowser)('explorer of images', () => {
  const pages = explorerPages();
  const { folder } = pages;
  let server: RunningServer;
  let study: Study;
  /** A unit of several features. */
  let index: number;

  beforeAll(async () => {
    const path = join(folder, 'digits.db');
    await runStudy({ model: 'builtin:digits', contexts: 800, examples: 40, out: path, threads: 1 });
    study = openStudy(path);
    index = study.units({ sort: 'effectiveFeatures', descending: true, limit: 1 })[0]!.index;
    server = await pages.serve(path);
  });
  afterAll(() => study?.close());

  const visit = (
    path: string,
    work: (page: Page) => Promise<void>,
    { theme = 'light', base = server.url, ...look }: { theme?: Theme; width?: number; base?: string } = {},
  ) => pages.visit(base + path, work, { ...look, base, dark: theme === 'dark' });

  async function isAccessible(page: Page, theme?: Theme): Promise<void> {
    expect(await axeFaults(page, { dark: theme === 'dark' })).toEqual([]);
  }

  const isWider = (page: Page) =>
    page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

  it.each(THEMES)('draws a unit: weights, classes, activations, and its embedding (%s)', async (theme) => {
    await visit(
      `/unit/mlp.0/${index}`,
      async (page) => {
        const figures = page.getByRole('region', { name: 'The unit in pictures' });
        const bars = figures.getByRole('img', { name: /^Output weights by class: 0 [+−]\d/ });
        await bars.waitFor();
        await figures.getByRole('img', { name: /^Cumulative distribution .* half are up to/ }).waitFor();
        await figures
          .getByRole('img', { name: /^Neuron embedding of feature 0’s .* from −.* to / })
          .waitFor();
        // The picture of the weights, pixel by pixel: blue or orange as the weight is, and deepest at the largest.
        const picture = figures.getByRole('img', { name: /^Input weights as a picture, from −/ });
        await picture.waitFor();
        const { weights } = study.inputs('mlp.0', index);
        const most = Math.max(...weights.map(Math.abs));
        const pixels = await picture.evaluate((canvas: HTMLCanvasElement) =>
          Array.from(canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data),
        );
        expect(pixels).toHaveLength(4 * 784);
        weights.forEach((weight, i) => {
          const [red, , blue] = pixels.slice(4 * i);
          if (Math.abs(weight) > most / 4 && Math.abs(weight) < (3 * most) / 4) {
            expect(Math.sign(red! - blue!), `pixel ${i}`).toBe(Math.sign(weight));
          }
        });
        await isAccessible(page, theme);
      },
      { theme },
    );
  });

  it('lays a feature’s images in rows, the largest first, and opens one', async () => {
    await visit(`/unit/mlp.0/${index}`, async (page) => {
      const feature = page.locator('#feature-0');
      await feature.locator('.image-row img').first().waitFor();
      const names = await feature
        .locator('.image-row button')
        .evaluateAll((buttons) => buttons.map((button) => button.getAttribute('aria-label')!));
      const own = study.unit('mlp.0', index).features[0]!.examples;
      const wanted = own.slice(0, names.length);
      names.forEach((name, i) => {
        const { id, label, activation } = wanted[i]!;
        expect(name).toMatch(new RegExp(`^Example ${id}, shows ${label}, activation \\d`));
        // Answers give four significant digits, of which three are shown.
        expect(Number(/activation ([\d.]+)/.exec(name)![1])).toBeCloseTo(activation, 1);
      });
      const loaded = await feature
        .locator('.image-row img')
        .first()
        .evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight]);
      expect(loaded).toEqual([28, 28]);
      const first = feature.locator('.image-row button').first();
      await first.focus();
      await page.keyboard.press('Enter');
      await page.waitForURL(/example=\d+/);
      const open = feature.locator('.open-image');
      await open.getByRole('img', { name: /^Neuron embedding of example/ }).waitFor();
      await open
        .getByRole('img', { name: /^Importance of 7 × 7 patches: most at row \d, column \d/ })
        .waitFor();
      await isAccessible(page);
      await open.getByRole('button', { name: 'Close' }).click();
      await expect.poll(() => page.locator('.open-image').count()).toBe(0);
      await page.getByRole('button', { name: 'Measure' }).click();
      const bars = page.getByRole('img', { name: /^Effect on each class: 0 / });
      await bars.waitFor();
      // Of one feature: other images, and other numbers.
      const ofAll = await bars.getAttribute('aria-label');
      await page.getByLabel('Images measured').selectOption('1');
      await expect.poll(() => bars.getAttribute('aria-label')).not.toBe(ofAll);
      const { effects } = await page.evaluate(
        async (path) =>
          (
            await fetch(path, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: '{"feature":1}',
            })
          ).json(),
        `/api/units/mlp.0/${index}/class-effect`,
      );
      const said = (await bars.getAttribute('aria-label'))!;
      const shown = Number(/0 ([+−][\d.]+)/.exec(said)![1]!.replace('−', '-'));
      expect(Math.abs(shown - effects[0])).toBeLessThan(0.006);
      await isAccessible(page);
    });
  });

  it('lays features side by side, and cuts anew, as of text', async () => {
    await visit(`/unit/mlp.0/${index}?beside=0,1`, async (page) => {
      const beside = page.getByRole('region', { name: 'Side by side' });
      await beside.locator('.image-of img').nth(3).waitFor();
      await page.getByRole('slider', { name: 'Threshold' }).focus();
      await page.keyboard.press('End');
      await page.waitForURL(/threshold=/);
      await expect.poll(() => page.locator('.feature').count()).toBe(1);
      // Its words are what the images show.
      const title = (await page.locator('.feature h3').first().textContent())!;
      expect(title).toMatch(/^Feature 0: \d( · \d)*$/);
    });
  });

  it.each(THEMES)('shows in lists what the features look like (%s)', async (theme) => {
    await visit(
      '/',
      async (page) => {
        await page.getByText('800 images').waitFor();
        const thumb = page.locator('.rows .thumb').first();
        await thumb.waitFor();
        expect(await page.getByRole('link', { name: 'Probe' }).count()).toBe(0);
        await page.getByRole('link', { name: 'Classify' }).waitFor();
        await isAccessible(page, theme);
        await page.goto(`${server.url}/search?q=7`);
        await page.locator('.results .thumb, .found .thumb, main .thumb').first().waitFor();
      },
      { theme },
    );
  });

  it.each(THEMES)('classifies an image that is picked (%s)', async (theme) => {
    await visit(
      '/',
      async (page) => {
        await page.getByRole('link', { name: 'Classify' }).click();
        await page.getByRole('combobox', { name: 'Shows' }).selectOption('7');
        await page.waitForURL(/label=7/);
        const status = page.locator('.class-list [role=status]');
        await status.getByText('predicted').waitFor();
        await page
          .getByRole('button', { name: /^Image \d+, shows 7$/ })
          .nth(2)
          .click();
        await page.waitForURL(/context=\d+/);
        const shares = page.locator('.shares li');
        await shares.first().waitFor();
        // A larger least share leaves fewer units.
        const before = await shares.count();
        await page.getByRole('slider', { name: /^Least share/ }).fill('80');
        await page.waitForURL(/above=80/);
        await expect.poll(() => shares.count()).toBeLessThan(before);
        await page.locator('.shares canvas').first().waitFor();
        // Another class's logit.
        await page.locator('.class-list button').nth(3).click();
        await page.waitForURL(/class=3/);
        await page.getByRole('heading', { name: 'What makes the logit of 3' }).waitFor();
        await isAccessible(page, theme);
      },
      { theme },
    );
  });

  it('gives the numbers of the model for an image', async () => {
    const { context } = study.images()[0]!;
    const answer = await fetch(`${server.url}/api/classify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ context }),
    });
    const { logits, units } = await answer.json();
    const predicted = logits.indexOf(Math.max(...logits));
    await visit(`/classify?context=${context}`, async (page) => {
      const share = page.locator('.shares li').first();
      await share.waitFor();
      const best = [...units].sort(
        (a: { shares: number[] }, b: { shares: number[] }) =>
          Math.abs(b.shares[predicted]!) - Math.abs(a.shares[predicted]!),
      )[0];
      expect(await share.locator('.share-name a').textContent()).toBe(`mlp.0/${best.index}`);
      const value = Math.abs(best.shares[predicted]).toFixed(3);
      expect(await share.locator('.share-bar').textContent()).toMatch(new RegExp(`[+−]${value}$`));
      const shown = await page.locator('.class-list [aria-pressed=true]').textContent();
      expect(shown).toContain(Math.abs(logits[predicted]).toFixed(3));
      await share.locator('.share-name a').click();
      await page.waitForURL(new RegExp(`/unit/mlp\\.0/${best.index}$`));
    });
  });

  it('classifies a drawing as it is drawn', async () => {
    await visit(
      '/classify',
      async (page) => {
        await page.getByRole('button', { name: 'Draw one' }).click();
        await page.getByText('Draw something').waitFor();
        const canvas = page.getByRole('img', { name: /^Canvas to draw on/ });
        const box = (await canvas.boundingBox())!;
        const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
        await page.mouse.move(...at(0.5, 0.2));
        await page.mouse.down();
        await page.mouse.move(...at(0.5, 0.8), { steps: 8 });
        await page.mouse.up();
        await page.locator('.class-list [role=status]').getByText('predicted: 1,').waitFor();
        await page.locator('.shares li').first().waitFor();
        await isAccessible(page);
        expect(await isWider(page)).toBe(false);
        await page.getByRole('button', { name: 'Clear' }).click();
        await page.getByText('Draw something').waitFor();
      },
      { width: 390 },
    );
  });

  it('says in one line that the model is not at hand', async () => {
    const path = join(folder, 'alone.db');
    const checkpoint = join(folder, 'gone');
    cpSync('models/digits', checkpoint, { recursive: true });
    await runStudy({
      model: checkpoint,
      data: 'builtin:digits',
      contexts: 60,
      examples: 8,
      out: path,
      threads: 1,
    });
    rmSync(checkpoint, { recursive: true });
    const alone = await pages.serve(path);
    await visit(
      '/classify',
      async (page) => {
        await page.locator('main [role=status]').getByText(checkpoint).waitFor();
        expect(await page.getByRole('link', { name: 'Classify' }).count()).toBe(0);
      },
      { base: alone.url },
    );
  });

  it('marks the patch of a vision transformer’s peak, or says that it is the class token', async () => {
    const checkpoint = join(folder, 'vit');
    cpSync(join(FAMILIES, 'vit'), checkpoint, { recursive: true });
    const three = [0.5, 0.5, 0.5];
    const size = { height: 8, width: 8 };
    writeFileSync(
      join(checkpoint, 'preprocessor_config.json'),
      JSON.stringify({
        image_processor_type: 'ViTImageProcessor',
        size,
        image_mean: three,
        image_std: three,
      }),
    );
    const data = join(folder, 'pictures');
    mkdirSync(data);
    for (let n = 0; n < 30; n++) {
      const bytes = Uint8Array.from(
        { length: 192 },
        (_, i) => (Math.imul(i + 1, 2654435761 + 97 * n) >>> 13) % 256,
      );
      writeFileSync(join(data, `${n}.png`), encodePng({ width: 8, height: 8, channels: 3, data: bytes }));
    }
    const out = join(folder, 'vit.db');
    await runStudy({ model: checkpoint, data, examples: 10, sinkMultiple: 0, out, threads: 1 });
    const vit = openStudy(out);
    const examples = vit
      .units({ bank: 'mlp.1' })
      .flatMap((unit) => unit.index)
      .flatMap((unit) =>
        vit
          .unit('mlp.1', unit)
          .features.flatMap((one) => one.examples.map((example) => ({ unit, ...example }))),
      );
    const patch = examples.find(({ position }) => position === 4)!;
    const cls = examples.find(({ position }) => position === 0)!;
    vit.close();
    const served = await pages.serve(out);
    const opened = (example: typeof patch) => `/unit/mlp.1/${example.unit}?example=${example.id}`;
    await visit(
      opened(patch),
      async (page) => {
        const open = page.locator('.open-image');
        await open.getByText('patch 2,2').waitFor();
        const box = (await open.locator('.patch').boundingBox())!;
        const picture = (await open.locator('.picture').first().boundingBox())!;
        const share = (a: number, b: number): number => Math.round((100 * a) / b);
        expect([
          share(box.x - picture.x, picture.width),
          share(box.y - picture.y, picture.height),
          share(box.width, picture.width),
        ]).toEqual([50, 50, 50]);
        await isAccessible(page);
      },
      { base: served.url },
    );
    await visit(
      opened(cls),
      async (page) => {
        const open = page.locator('.open-image');
        await open.getByText('[CLS], the whole image').waitFor();
        expect(await open.locator('.patch').count()).toBe(0);
      },
      { base: served.url },
    );
    await visit(
      '/classify',
      async (page) => {
        await page.getByRole('heading', { name: 'Units that fire' }).waitFor();
        await page.locator('.shares li').first().waitFor();
      },
      { base: served.url },
    );
  });
});
