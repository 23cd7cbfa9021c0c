// Makes the pictures of the explorer in docs/images: runs the bundled models over parts of the bundled data, trains a few small
// SAEs, exports a site, serves all of them, and photographs each page in Chromium (CHROMIUM_PATH, or /usr/bin/chromium).
// `node scripts/screenshots.mjs` after `npm run build`; with names, only those pictures: `node scripts/screenshots.mjs unit site`.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { hostFiles } from '../bench/static-host.mjs';
import { writeSite } from '../dist/export/site/write-site.js';
import { runStudy } from '../dist/run/run-study.js';
import { startServer } from '../dist/server/server.js';
import { openStudy } from '../dist/study/open-study.js';

const OUT = new URL('../docs/images/', import.meta.url).pathname;
const CLI = new URL('../dist/cli/main.js', import.meta.url).pathname;

const NARROW = { width: 390, height: 844 };
const FLAT = { width: 1024, height: 768 };

/** name, what serves it, its path, and what differs from a light page of 1440 × 900; UNIT stands for one of several clear features */
const PICTURES = [
  ['study', 'text', '/'],
  ['study-dark', 'text', '/', { dark: true }],
  ['study-narrow', 'text', '/', { ...NARROW, dark: true }],
  ['unit', 'text', '/unit/UNIT'],
  ['unit-dark', 'text', '/unit/UNIT', { dark: true }],
  ['unit-flat', 'text', '/unit/UNIT', FLAT],
  ['unit-narrow', 'text', '/unit/UNIT', NARROW],
  ['unit-recut', 'text', '/unit/UNIT?threshold=0.4&view=matrix&example=3'],
  ['unit-sure', 'text', '/unit/UNIT?view=certainty'],
  [
    'unit-beside',
    'text',
    '/unit/UNIT?beside=0,1',
    { press: 'Measure effects', waitFor: '.beside .token-chip' },
  ],
  ['unit-document', 'text', '/unit/UNIT?example=0&around=document'],
  ['probe', 'text', '/probe?text=The treaty with Spain was signed by the President.'],
  ['search', 'text', '/search?q=war'],
  ['search-narrow', 'text', '/search?q=war', { ...NARROW, dark: true }],
  ['compare', 'text', '/compare?banks=mlp.0,mlp.3'],
  ['about', 'text', '/about'],
  ['site', 'site', '#/unit/UNIT', FLAT],
  ['images-unit', 'images', '/unit/UNIT'],
  ['classify', 'images', '/classify'],
  ['trainings', 'trainings', '/trainings'],
];

const folder = mkdtempSync(join(tmpdir(), 'polyseme-pictures-'));

/** The first unit of the clearest split that has so many features. */
function clearUnit(path, features) {
  const study = openStudy(path);
  const units = study.units({ sort: 'separation', descending: true });
  study.close();
  const { bank, index } = units.find(({ featureCount }) => featureCount >= features) ?? units[0];
  return `${bank}/${index}`;
}

/** What serves the pictures, made when the first of them asks: an address, a unit to show, and how to end it. */
const SERVED = {
  async text() {
    const path = join(folder, 'study.db');
    await runStudy({ contexts: 400, out: path });
    return { ...(await startServer(path, { port: 0 })), path, unit: clearUnit(path, 4) };
  },
  async site() {
    const { path, unit } = await served('text');
    const study = openStudy(path);
    await writeSite(study, join(folder, 'site'));
    study.close();
    return { ...(await hostFiles(join(folder, 'site'))), unit };
  },
  async images() {
    const path = join(folder, 'digits.db');
    await runStudy({ model: 'builtin:digits', contexts: 800, out: path });
    return { ...(await startServer(path, { port: 0 })), unit: clearUnit(path, 2) };
  },
  async trainings() {
    const out = join(folder, 'runs', 'gamma');
    const options = [
      '--latents',
      '256',
      '--k',
      '8',
      '--tokens',
      '60000',
      '--batch',
      '512',
      '--eval-tokens',
      '4000',
    ];
    const site = ['--site', 'blocks.2.mlp.hook_in', '--embedding-weight', '0,0.1,0.3,1', '--out', out];
    execFileSync(process.execPath, [CLI, 'sae', 'train', ...site, ...options], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return { ...(await startServer(null, { trainings: join(folder, 'runs'), port: 0 })), unit: '' };
  },
};
const running = new Map();
function served(name) {
  if (!running.has(name)) running.set(name, SERVED[name]());
  return running.get(name);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
});
try {
  const wanted = process.argv.slice(2);
  for (const [name, from, at, look = {}] of PICTURES) {
    if (wanted.length === 0 || wanted.includes(name)) await photograph(name, await served(from), at, look);
  }
} finally {
  // Pages before the servers that they ask.
  await browser.close();
  for (const one of running.values()) await (await one).close();
  rmSync(folder, { recursive: true });
}

async function photograph(
  name,
  { url, unit },
  at,
  { width = 1440, height = 900, dark = false, press, waitFor },
) {
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  await page.goto(url + at.replace('UNIT', unit), { waitUntil: 'networkidle' });
  // On a busy machine a page's parts come late.
  await page.waitForFunction(() => {
    const shown = document.body.textContent;
    return document.querySelector('h1, h2') !== null && !/(Loading|Comparing|Running the) [^.]*…/.test(shown);
  });
  if (press !== undefined) {
    await page.getByRole('button', { name: press }).click();
    await page.locator(waitFor).first().waitFor({ timeout: 300_000 });
    await page.mouse.move(0, 0);
  }
  await page.waitForTimeout(1000);
  // A palette of 256 colours: a third of the size, and no difference that one sees.
  const picture = await page.screenshot();
  await sharp(picture)
    .png({ palette: true, compressionLevel: 9, effort: 10 })
    .toFile(join(OUT, `${name}.png`));
  await page.close();
}
