// A site of a synthetic study of 36,864 units (12 banks × 3,072, 64 examples of 128 tokens) from a plain host of files, in
// Chromium, at 20 ms latency and 20 Mbit/s: how long the export takes, how large it is, and how long pages take.
// Usage: node bench/site.mjs [units=3072 a bank] [study=FILE to keep and use again]
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { writeSite } from '../dist/export/site/write-site.js';
import { openStudy } from '../dist/study/open-study.js';
import { report, seconds } from './report.mjs';
import { hostFiles } from './static-host.mjs';
import { syntheticStudy } from './synthetic-study.mjs';

const BANKS = 12;
/** Of the network: milliseconds each way of a round trip together, and bytes a second. */
const LATENCY = 20;
const THROUGHPUT = 20e6 / 8;
const OPENED = 20;

const units = Number(process.argv[2] ?? 3072);
const dir = mkdtempSync(join(tmpdir(), 'polyseme-bench-'));
const path = process.argv[3] ?? join(dir, 'study.db');
if (!existsSync(path)) syntheticStudy(path, { banks: BANKS, units, examples: 64, length: 128 });
const out = join(dir, 'site');
let browser;
let host;

try {
  const study = openStudy(path);
  let size;
  const took = await seconds(async () => {
    size = await writeSite(study, out);
  });
  study.close();
  report(`export of ${BANKS * units} units × 64 examples`, took, 's');
  report('the site', size.bytes / 1e9, 'GB', 1.5);
  const files = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const largest = files.reduce(
    (most, { parentPath, name }) => Math.max(most, statSync(join(parentPath, name)).size),
    0,
  );
  report('its largest file', largest / 1000, 'KB', 400);

  host = await hostFiles(out, '/under/a path/');
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
  const openings = [];
  for (let i = 0; i < 5; i++) {
    const { page, received, close } = await visitor();
    const start = performance.now();
    await page.goto(host.url);
    await page.locator('.rows .row').first().waitFor();
    const first = performance.now() - start;
    await page.locator('.scatter canvas').waitFor();
    openings.push({ first, whole: performance.now() - start, bytes: received() });
    await close();
  }
  const worst = (name) => Math.max(...openings.map((one) => one[name]));
  report('study page, first rows, the worst of 5 cold visits', worst('first') / 1000, 's', 2);
  report('study page, with its figures', worst('whole') / 1000, 's', 2);
  report('received until then', worst('bytes') / 1e6, 'MB', 4);

  const { page, close } = await visitor();
  await page.goto(`${host.url}#/unit/mlp.0/0`);
  await page.locator('.feature').first().waitFor();
  const times = [];
  for (let i = 0; i < OPENED; i++) {
    const unit = `mlp.${(i * 7) % BANKS}/${(1 + i * 2_654_435_761) % units}`;
    times.push(
      await page.evaluate(async (name) => {
        const start = performance.now();
        location.hash = `#/unit/${name}`;
        // The unit before stays on screen until the new one is there: its head tells which it is.
        const shown = () =>
          document.querySelector('main.unit h1')?.textContent === name &&
          document.querySelector('main.unit')?.ariaBusy !== 'true' &&
          document.querySelector('.feature .example') !== null;
        while (!shown()) await new Promise(requestAnimationFrame);
        return performance.now() - start;
      }, unit),
    );
  }
  times.sort((a, b) => a - b);
  report(`a unit, median of ${OPENED}`, times[OPENED >> 1], 'ms', 300);
  report('a unit, the slowest', times.at(-1), 'ms', 300);
  const searched = performance.now();
  await page.evaluate(() => {
    location.hash = '#/search?q=the';
  });
  await page.locator('.results li, .state h2').first().waitFor();
  report('the first search', (performance.now() - searched) / 1000, 's');
  await close();
} finally {
  await browser?.close();
  host?.close();
  rmSync(dir, { recursive: true });
}

/** A page with an empty cache behind the network that is measured. */
async function visitor() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: LATENCY,
    downloadThroughput: THROUGHPUT,
    uploadThroughput: THROUGHPUT,
  });
  let bytes = 0;
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  return { page, received: () => bytes, close: () => context.close() };
}
