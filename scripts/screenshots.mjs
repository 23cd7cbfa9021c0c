// Makes the pictures of the explorer in docs/images: runs the bundled model over a part of the bundled corpus, serves the
// study, and photographs each page in Chromium (CHROMIUM_PATH, or /usr/bin/chromium). `node scripts/screenshots.mjs`
// after `npm run build`; a study that is there already can be named as the first argument.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { runStudy } from '../dist/run/run-study.js';
import { startServer } from '../dist/server/server.js';

const OUT = new URL('../docs/images/', import.meta.url).pathname;

/** name, path, and what differs from a light page of 1440 × 900 */
const PICTURES = [
  ['study', '/?sort=effectiveClusters'],
  ['study-dark', '/?sort=effectiveClusters', { dark: true }],
  ['unit', '/unit/mlp.1/20'],
  ['unit-dark', '/unit/mlp.1/20', { dark: true }],
  ['unit-recut', '/unit/mlp.1/20?threshold=0.4&view=matrix&example=3'],
  ['unit-narrow', '/unit/mlp.1/20', { width: 360, height: 780 }],
  ['search', '/search?q=war'],
  ['compare', '/compare?banks=mlp.0,mlp.1,mlp.3'],
  ['about', '/about'],
];

const folder = mkdtempSync(join(tmpdir(), 'polyseme-pictures-'));
const path = process.argv[2] ?? join(folder, 'study.db');
if (process.argv[2] === undefined) await runStudy({ contexts: 400, out: path });
const server = await startServer(path, { port: 0 });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
});
for (const [name, at, { width = 1440, height = 900, dark = false } = {}] of PICTURES) {
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  await page.goto(server.url + at, { waitUntil: 'networkidle' });
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(OUT, `${name}.png`) });
  await page.close();
}
await browser.close();
await server.close();
rmSync(folder, { recursive: true });
