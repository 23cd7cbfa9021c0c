// `polyseme/core` in a page: built by Vite from the installed package, run in Chromium, equal to what Node computes.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, relative } from 'node:path';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, launchBrowser } from '../helpers/browser.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What the page and Node both compute: one call of each room of core. */
const PROGRAM = `
import * as core from 'polyseme/core';
export async function compute() {
  const n = 24, d = 16;
  const inputs = Float32Array.from({ length: n * d }, (_, i) => Math.sin(i * (1 + (Math.floor(i / d) % 3))));
  const weights = Float32Array.from({ length: d }, (_, k) => Math.cos(k));
  const rows = core.neuronEmbeddings({ inputs, weights });
  const distances = core.cosineDistances({ rows, count: n });
  const tree = core.linkage({ distances, count: n, method: 'average' });
  const labels = core.cutTree(tree, { distance: 0.5 });
  const split = core.splitUnit({ inputs, weights });
  const config = core.saeConfig({ architecture: 'topk', dIn: d, dSae: 4, k: 2 });
  const matrix = (rows, cols) => core.rowMajor(inputs.slice(0, rows * cols), rows, cols);
  const tensors = { W_enc: matrix(d, 4), b_enc: new Float32Array(4), W_dec: matrix(4, d), b_dec: new Float32Array(d) };
  const corpus = new core.WordCounter();
  core.countWords(['the', ' ship', ' sailed'], corpus);
  const bank = core.bankOf({
    name: 'mine',
    inputs,
    activations: Float32Array.from({ length: n }, (_, i) => 1 + (i % 7)),
    weights,
    tokens: Array.from({ length: 6 }, () => ['the', ' ship', ' sailed', ' on']),
  });
  const units = [];
  for await (const unit of core.splitBank(bank, { features: 'cut' })) units.push(unit);
  return {
    units,
    merges: [...tree.merges],
    labels: [...labels],
    metrics: core.polysemy({ distances, labels }),
    split: split.metrics,
    components: [...core.principalComponents({ rows, count: n, components: 2 }).coordinates],
    latents: [...core.saeEncode({ config, tensors }, inputs.slice(0, d))],
    words: core.featureWords({ features: [[core.exampleWords(['the', ' ship'], 1)]], corpus }),
  };
}
`;

const folder = mkdtempSync(join(tmpdir(), 'polyseme-core-'));
/** Modules in the page's bundle, as paths from the package or the page. */
let modules: string[] = [];

beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/polyseme'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'program.js'), PROGRAM);
  writeFileSync(
    join(folder, 'page.js'),
    `import { compute } from './program.js';
     try { document.body.textContent = JSON.stringify(await compute()); }
     catch (error) { document.body.textContent = String(error); }
     document.title = 'done';`,
  );
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="/page.js"></script>',
  );
  const built = await build({
    root: folder,
    configFile: false,
    logLevel: 'silent',
    build: {
      outDir: join(folder, 'out'),
      minify: false,
      target: 'es2022',
      modulePreload: { polyfill: false },
    },
  });
  const { output } = built as { output: { type: string; moduleIds?: string[] }[] };
  modules = output
    .flatMap(({ moduleIds = [] }) => moduleIds)
    .map((id) =>
      id.startsWith(ROOT) ? relative(ROOT, id) : id.startsWith(folder) ? relative(folder, id) : id,
    );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('polyseme/core', () => {
  test('is bundled with the modules of its own rooms, and nothing else', () => {
    const rooms =
      /^dist\/(core|errors|(base|bank|cluster|compare|embed|features|harvest|polysemy|sae|tensors|tokenizer|wasm)\/.*)\.js$/;
    const others = modules.filter(
      (id) =>
        !rooms.test(id) && !['index.html', 'page.js', 'program.js'].includes(id) && !/modulepreload/.test(id),
    );
    expect(others).toEqual([]);
    expect(modules.filter((id) => rooms.test(id)).length).toBeGreaterThan(20);
  });

  test('loads no module of Node and no package, in Node', () => {
    writeFileSync(
      join(folder, 'hook.js'),
      `export async function resolve(name, context, next) {
         const found = await next(name, context);
         const known = found.url.startsWith('file:') && found.url.includes('/dist/');
         if (!known && context.parentURL?.includes('/dist/')) throw new Error('core loads ' + name);
         return found;
       }`,
    );
    const program = `
      import { register } from 'node:module';
      register('./hook.js', 'file://' + process.cwd() + '/');
      await import('polyseme/core');
      console.log('loaded');
      await import('polyseme').then(() => console.log('no refusal'), (error) => console.log(error.message));`;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: folder,
      encoding: 'utf8',
    });
    const [first, second] = out.trim().split('\n');
    expect(first).toBe('loaded');
    // The hook does refuse: the package's other face loads packages.
    expect(second).toMatch(/^core loads /);
  });
});

describe.skipIf(!hasBrowser)('in Chromium', () => {
  let browser: Browser;
  let server: Server;
  beforeAll(async () => {
    browser = await launchBrowser();
    server = createServer((request, response) => {
      const path = request.url === '/' ? '/index.html' : request.url!;
      const type = extname(path) === '.js' ? 'text/javascript' : 'text/html; charset=utf-8';
      try {
        response.setHeader('content-type', type).end(readFileSync(join(folder, 'out', path)));
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test('a page computes what Node computes, from one script', async () => {
    const page = await browser.newPage();
    const asked: string[] = [];
    const errors: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => document.title === 'done');
    expect(errors).toEqual([]);
    const expected = execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { compute } from './program.js'; console.log(JSON.stringify(await compute()));`,
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    const computed = JSON.parse((await page.textContent('body'))!);
    expect(computed).toEqual(JSON.parse(expected));
    expect(computed.metrics.clusters).toBeGreaterThan(1);
    expect(computed.units[0].features.length).toBeGreaterThan(1);
    expect(asked.filter((path) => path !== '').length).toBeLessThanOrEqual(3);
    expect(asked.filter((path) => /\.js$/.test(path))).toHaveLength(1);
  });
});
