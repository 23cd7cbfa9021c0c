// The explorer in Chromium on synthetic studies: first rows of 36,864 units on a warm server, the JavaScript that is asked for until
// then, the table scrolled, and the threshold dragged at 64 and at 1,000 examples: script and layout of the page's main thread
// per frame, from Chromium's trace. The server is a process of its own.
// Usage: node bench/explorer.mjs [study=FILE of 36,864 units to keep and use again]
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { report } from './report.mjs';
import { syntheticStudy } from './synthetic-study.mjs';

const root = join(import.meta.dirname, '..');
const VISITS = 5;
/** Steps of a drag or a scroll, one a frame or so. */
const STEPS = 120;
/** What counts as script and layout in a trace; what is within another of these is counted with it. */
const WORK = new Set([
  'EvaluateScript',
  'EventDispatch',
  'FireAnimationFrame',
  'FireIdleCallback',
  'FunctionCall',
  'Layout',
  'PrePaint',
  'RunMicrotasks',
  'TimerFire',
  'UpdateLayoutTree',
  'MajorGC',
  'MinorGC',
]);

const dir = mkdtempSync(join(tmpdir(), 'polyseme-bench-'));
const large = process.argv[2] ?? join(dir, 'study.db');
if (!existsSync(large)) syntheticStudy(large, { banks: 12, units: 3072, examples: 64, length: 128 });
const many = join(dir, 'many.db');
syntheticStudy(many, { banks: 1, units: 2, examples: 1000, length: 128, patterns: 2 });

let browser;
const servers = [];
try {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
  const url = await serve(large);
  const page = await visit(url);
  await page.locator('.scatter canvas').waitFor();
  await page.context().close();
  const firsts = [];
  let script = 0;
  for (let i = 0; i < VISITS; i++) {
    const visitor = await visit(url);
    const { first, scripts } = await visitor.evaluate(() => ({
      first: window.firstRow,
      scripts: performance
        .getEntriesByType('resource')
        .filter(({ name, startTime }) => name.endsWith('.js') && startTime < window.firstRow)
        .map(({ name }) => new URL(name).pathname),
    }));
    firsts.push(first);
    script = Math.max(
      script,
      scripts.reduce((sum, path) => sum + zipped(path), 0),
    );
    await visitor.context().close();
  }
  report(
    `first rows of 36,864 units, warm server, the worst of ${VISITS} visits`,
    Math.max(...firsts),
    'ms',
    500,
  );
  report('JavaScript asked for until then, gzip', script / 1000, 'KB', 150);

  const scrolled = await visit(url);
  await scrolled.locator('.scatter canvas').waitFor();
  const table = await scrolled.locator('.rows').boundingBox();
  await scrolled.mouse.move(table.x + 50, table.y + 100);
  const scroll = await frames(scrolled, async () => {
    for (let i = 0; i < STEPS; i++) {
      await scrolled.mouse.wheel(0, 300);
      await nextFrame(scrolled);
    }
  });
  report('table of 36,864 rows scrolled, script and layout a frame, p95', percentile(scroll, 95), 'ms', 12);
  await scrolled.context().close();

  await drag(`${url}unit/wide/1`, 64, 12);
  await drag(`${await serve(many)}unit/wide/1`, 1000, 40);
} finally {
  await browser?.close();
  for (const server of servers) server.kill();
  rmSync(dir, { recursive: true });
}

/** Drags the threshold of a unit up and down. */
async function drag(address, examples, target) {
  const page = await visit(address, '.feature');
  const line = page.getByRole('slider', { name: 'Threshold' });
  await line.waitFor();
  const box = await line.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const times = await frames(page, async () => {
    for (let i = 0; i < STEPS; i++) {
      await page.mouse.move(x, y + 40 * Math.sin(i / 12));
      await nextFrame(page);
    }
  });
  await page.mouse.up();
  report(
    `threshold dragged at ${examples} examples, script and layout a frame, p95`,
    percentile(times, 95),
    'ms',
    target,
  );
  await page.context().close();
}

/** Opens a page without a cache and waits for what it is about; `window.firstRow` is when the first row was there. */
async function visit(address, selector = '.rows .row') {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    const seen = () => {
      if (document.querySelector('.rows .row') === null) requestAnimationFrame(seen);
      else window.firstRow = performance.now();
    };
    seen();
  });
  await page.goto(address);
  await page.locator(selector).first().waitFor();
  return page;
}

function nextFrame(page) {
  return page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
}

/** Milliseconds of script and layout in each frame of the page's main thread while something is done, ascending. */
async function frames(page, action) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const categories = ['', 'disabled-by-default-'].flatMap((kind) => [
    `${kind}devtools.timeline`,
    `${kind}devtools.timeline.frame`,
  ]);
  await session.send('Tracing.start', {
    traceConfig: { includedCategories: categories },
    transferMode: 'ReportEvents',
  });
  await action();
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  // The page's main thread is the one that runs its scripts.
  const counts = new Map();
  for (const { name, pid, tid } of events) {
    if (name === 'FireAnimationFrame') counts.set(`${pid} ${tid}`, (counts.get(`${pid} ${tid}`) ?? 0) + 1);
  }
  const [thread] = [...counts].sort((a, b) => b[1] - a[1])[0];
  const own = events.filter(({ pid, tid }) => `${pid} ${tid}` === thread).sort((a, b) => a.ts - b.ts);
  const times = [0];
  let end = 0;
  for (const { name, ph, ts, dur = 0 } of own) {
    if (name === 'BeginMainThreadFrame') times.push(0);
    if (ph !== 'X' || !WORK.has(name) || ts < end) continue;
    times[times.length - 1] += dur / 1000;
    end = ts + dur;
  }
  if (times.length < STEPS / 4) throw new Error(`only ${times.length} frames were traced`);
  return times.sort((a, b) => a - b);
}

async function serve(study) {
  const cli = join(root, 'dist', 'cli', 'main.js');
  const server = spawn(process.execPath, [cli, 'serve', study, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(server);
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout.on('data', (text) => /http/.test(text) && resolve(`${/http:\/\/[\w.:]+/.exec(text)[0]}/`));
  });
}

function zipped(path) {
  return gzipSync(readFileSync(join(root, 'dist', 'web', path)), { level: 9 }).length;
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor((share / 100) * sorted.length))];
}
