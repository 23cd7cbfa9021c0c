// Makes the pictures of the explorer in docs/images: runs the bundled model over a part of the bundled corpus, serves the
// study, and photographs each page in Chromium (CHROMIUM_PATH, or /usr/bin/chromium). `node scripts/screenshots.mjs`
// after `npm run build`; a study that is there already can be named as the first argument.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { runStudy } from '../dist/run/run-study.js';
import { startServer } from '../dist/server/server.js';
import { openStudy } from '../dist/study/open-study.js';

const OUT = new URL('../docs/images/', import.meta.url).pathname;

/** name, path, and what differs from a light page of 1440 × 900; UNIT stands for one of several clear features */
const PICTURES = [
  ['study', '/'],
  ['study-dark', '/', { dark: true }],
  ['unit', '/unit/UNIT'],
  ['unit-dark', '/unit/UNIT', { dark: true }],
  ['unit-recut', '/unit/UNIT?threshold=0.4&view=matrix&example=3'],
  ['unit-sure', '/unit/UNIT?view=certainty'],
  ['unit-beside', '/unit/UNIT?beside=0,1'],
  ['unit-document', '/unit/UNIT?example=0&around=document'],
  ['unit-flat', '/unit/UNIT', { width: 1024, height: 768 }],
  ['unit-narrow', '/unit/UNIT', { width: 390, height: 844 }],
  ['study-narrow', '/', { width: 390, height: 844, dark: true }],
  ['probe', '/probe?text=The treaty with Spain was signed by the President.'],
  ['search', '/search?q=war'],
  ['compare', '/compare?banks=mlp.0,mlp.3'],
  ['about', '/about'],
];

const folder = mkdtempSync(join(tmpdir(), 'polyseme-pictures-'));
const path = process.argv[2] ?? join(folder, 'study.db');
if (process.argv[2] === undefined) await runStudy({ contexts: 400, out: path });
const study = openStudy(path);
const clear = study.units({ sort: 'separation', descending: true });
const { bank, index } = clear.find(({ featureCount }) => featureCount >= 4) ?? clear[0];
study.close();
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
  await page.goto(server.url + at.replace('UNIT', `${bank}/${index}`), { waitUntil: 'networkidle' });
  // On a busy machine a page's parts come late.
  await page.waitForFunction(() => {
    const shown = document.body.textContent;
    return document.querySelector('h1, h2') !== null && !/(Loading|Comparing|Running the) [^.]*…/.test(shown);
  });
  await page.waitForTimeout(1000);
  await page.screenshot({ path: join(OUT, `${name}.png`) });
  await page.close();
}
await browser.close();
await server.close();
rmSync(folder, { recursive: true });
