// What needs the model has the same answers from a study's server and from a site that was exported with its model, within what half
// precision and the other runtime make of it. The site's model is run here as a page's worker runs it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SiteHead } from '../../src/contract/site.ts';
import { halves } from '../../src/export/site/model/half-weights.ts';
import { readPageRuntime } from '../../src/export/site/model/page-runtime.ts';
import { writeSite } from '../../src/export/site/write-site.ts';
import type { ModelFiles } from '../../src/model/compile.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { createServer } from '../../src/server/api.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { readSafetensorsHeader } from '../../src/tensors/safetensors.ts';
import { httpSource } from '../../web/src/source/http-source.ts';
import { openModelAnswers } from '../../web/src/source/site/model/model-answers.ts';
import { SiteFiles } from '../../web/src/source/site/site-files.ts';
import { openSite } from '../../web/src/source/site/site-source.ts';
import type { ModelQuestions } from '../../web/src/source/source.ts';
import { RANDOM, randomModelTensors, studyOf } from '../explain/planted.ts';
import { writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-site-model-'));
const TEXT = 'abcdefgh ijk lmno';
/** What the other runtime may differ by: the weights of the random model are exact in half precision. */
const SHARE = 1e-3;

let study: Study;
let data: string;
let server: ReturnType<typeof createServer>;

/** Weights that half precision rounds, to 11 bits. */
function roundedTensors(): ReturnType<typeof randomModelTensors> {
  return Object.fromEntries(
    Object.entries(randomModelTensors()).map(([name, { data, shape }]) => [
      name,
      { shape, data: data.map((value) => 1.0137 * value) },
    ]),
  );
}

/** Writes what pages are made of, in short. */
function webRoot(): string {
  const path = join(folder, 'web');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'index.html'), '<!doctype html><head><meta charset="utf-8" /></head>');
  return path;
}

/** Opens the site's model in this thread, over files that may be changed on their way. */
async function opened(
  changed: (path: string, bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (_, bytes) => bytes,
): Promise<ModelQuestions> {
  const files = new SiteFiles(async (path) => changed(path, new Uint8Array(readFileSync(join(data, path)))));
  const head = await files.plain<SiteHead>('site.json');
  return openModelAnswers(
    files,
    head,
    async () => (await readPageRuntime()).library,
    () => {},
  );
}

beforeAll(async () => {
  study = openStudy(
    (await studyOf({ config: RANDOM.config, tensors: randomModelTensors() }, { examples: 6 })).study,
  );
  server = createServer(study, { threads: 1 });
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) =>
    server.fetch(new Request(`http://localhost${path}`, init)),
  );
  const explained = openExplained(study, { threads: 1 });
  const site = join(folder, 'site');
  const written = await writeSite(study, site, { webRoot: webRoot(), withModel: explained });
  await explained.close();
  data = join(site, written.data);
});
afterAll(async () => {
  vi.unstubAllGlobals();
  await server?.close();
  study?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Holds numbers of an answer against those of another one, and all else to be the same. */
function expectClose(found: unknown, expected: unknown, bound: number, path = ''): void {
  if (typeof expected === 'number' && typeof found === 'number') {
    expect(Math.abs(found - expected), path).toBeLessThanOrEqual(bound * Math.max(Math.abs(expected), 0.02));
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(found as object), path).toEqual(Object.keys(expected));
    for (const [key, value] of Object.entries(expected)) {
      expectClose((found as Record<string, unknown>)[key], value, bound, `${path}.${key}`);
    }
  } else expect(found, path).toBe(expected);
}

describe('a site with its model', () => {
  let site: ModelQuestions;
  beforeAll(async () => {
    site = await opened();
  });

  it('says how far its activations are from the study’s, and what a page loads', async () => {
    const { model } = JSON.parse(readFileSync(join(data, 'site.json'), 'utf8')) as SiteHead;
    const { differences, bytes, parameters } = model!;
    const weights = Object.values(randomModelTensors()).reduce((sum, { data }) => sum + data.length, 0);
    expect(parameters).toBe(weights);
    expect(bytes).toBeGreaterThan(2 * 0.5 * weights);
    expect(differences.examples).toBeGreaterThan(20);
    expect(differences.median).toBeGreaterThan(0);
    expect(differences.median).toBeLessThanOrEqual(differences.largest);
    expect(differences.largest).toBeLessThan(1e-4);

    const files = await studyOf({ config: RANDOM.config, tensors: roundedTensors() }, { examples: 6 });
    const rounded = openStudy(files.study);
    const explained = openExplained(rounded, { threads: 1 });
    const options = { webRoot: webRoot(), withModel: explained };
    const { model: added } = await writeSite(rounded, join(folder, 'rounded'), options);
    await explained.close();
    rounded.close();
    expect(added!.differences.median).toBeGreaterThan(1e-5);
    expect(added!.differences.median).toBeLessThan(5e-3);
  });

  it('probes a text alike: the same units, features, names and distances', async () => {
    const question = { text: TEXT, top: 3 };
    const [a, b] = [await site.probe(question), await httpSource.probe(question)];
    expect(b.firings.length).toBeGreaterThan(20);
    expectClose(a, b, SHARE);
    for (const bank of ['mlp.0', 'mlp.1']) {
      const unit = [await site.unitProbe(bank, 3, TEXT), await httpSource.unitProbe(bank, 3, TEXT)] as const;
      expectClose(unit[0], unit[1], SHARE);
    }
  });

  it('measures the importance of tokens alike', async () => {
    for (const [bank, index] of [
      ['mlp.0', 3],
      ['mlp.1', 7],
    ] as const) {
      const ids = [0, 2, 5];
      const found = await site.importance(bank, index, ids);
      expectClose(found, await httpSource.importance(bank, index, ids), SHARE);
      expect(found.examples.map(({ example }) => example)).toEqual(ids);
    }
  });

  it('measures the effects of features alike, in the same contexts', async () => {
    const found = await site.ablation('mlp.1', 7, 8);
    const expected = await httpSource.ablation('mlp.1', 7, 8);
    expect(expected.features.length).toBeGreaterThan(0);
    expect(expected.controls!.units.length).toBeGreaterThan(5);
    expect(found.contexts).toBe(expected.contexts);
    // Where a unit is next to silent it may fire or not.
    expect(Math.abs(found.firings - expected.firings)).toBeLessThanOrEqual(2);
    expectClose(found.whole, expected.whole, SHARE);
    for (const [i, { feature, kl }] of expected.features.entries()) {
      expect(found.features[i]!.feature).toBe(feature);
      expectClose(found.features[i]!.kl, kl, SHARE);
    }
    const controls = (of: typeof expected) => of.controls!.units.map(({ index, kl }) => [index, kl]);
    expectClose(controls(found), controls(expected), SHARE);
  });

  it('says in the server’s words what cannot be answered', async () => {
    const why = async (answer: Promise<unknown>): Promise<string> =>
      answer.then(
        () => 'answered',
        (error: Error) => error.message,
      );
    const example = await why(site.importance('mlp.0', 3, [99]));
    expect(example).toMatch(/no example 99/);
    expect(example).toBe(await why(httpSource.importance('mlp.0', 3, [99])));
    expect(await why(site.unitProbe('mlp.7', 0, 'a'))).toMatch(/no bank mlp\.7/);
  });

  it('stops where an answer is no longer wanted', async () => {
    const stop = new AbortController();
    const answer = site.ablation('mlp.0', 3, 12, stop.signal);
    setTimeout(() => stop.abort(), 5);
    await expect(answer).rejects.toThrow('stopped by the caller');
  });
});

describe('a file of the model that is damaged, or another’s, is one line', () => {
  const damaged = 'A file of this site is damaged (model/weights/3): copy the folder anew.';
  it.each([
    ['damaged', (bytes: Uint8Array) => bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte))],
    ['cut', (bytes: Uint8Array) => bytes.slice(0, 30)],
    ['another tensor’s', () => readFileSync(join(data, 'model/weights/5.bin'))],
  ])('%s', async (_, change) => {
    const files = opened((path, bytes) =>
      path === 'model/weights/3.bin' ? new Uint8Array(change(bytes)) : bytes,
    );
    await expect(files).rejects.toThrow(damaged);
  });
});

it('a site without its model says so', async () => {
  const out = join(folder, 'plain');
  const { data } = await writeSite(study, out, { webRoot: webRoot() });
  const site = await openSite(
    async (path) => new Uint8Array(readFileSync(join(out, data, path))),
    'http://localhost/',
  );
  expect(site.pageModel).toBeNull();
  await expect(site.probe({ text: TEXT })).rejects.toThrow(/^this copy of the study has no model/);
  expect(readFileSync(join(out, 'index.html'), 'utf8')).not.toContain('wasm');
  expect(readFileSync(join(folder, 'site/index.html'), 'utf8')).toContain(
    "script-src 'self' 'wasm-unsafe-eval';",
  );
});

describe('a model that cannot be exported is refused in one line', () => {
  it('of images', async () => {
    const path = join(folder, 'digits.db');
    await runStudy({
      model: 'builtin:digits',
      contexts: 30,
      layers: [0],
      examples: 4,
      threads: 1,
      out: path,
    });
    const digits = openStudy(path);
    const explained = openExplained(digits, { threads: 1 });
    const written = writeSite(digits, join(folder, 'digits'), { webRoot: webRoot(), withModel: explained });
    await expect(written).rejects.toThrow(
      'builtin:digits reads images, and pages run models of text alone: leave out option with-model',
    );
    await explained.close();
    digits.close();
  });

  it('with weights beyond half precision', async () => {
    const dir = join(folder, 'huge');
    const large = randomModelTensors();
    large['wte.weight']!.data[5] = 70000;
    writeCheckpoint(dir, { config: RANDOM.config, tensors: large });
    const { tensors: named } = await readSafetensorsHeader(join(dir, 'model.safetensors'));
    const ref = named.get('wte.weight')!;
    await expect(halves({ named } as unknown as ModelFiles, { name: 'wte.weight', ref })).rejects.toThrow(
      'tensor wte.weight holds 70000, beyond half precision',
    );
  });

  it('where the runtime of pages is not installed', async () => {
    const require = Object.assign(() => {}, {
      resolve() {
        throw new Error('Cannot find module');
      },
    }) as unknown as NodeJS.Require;
    await expect(readPageRuntime(require)).rejects.toThrow(
      'onnxruntime-web, which runs a model in a page, is not installed: npm install onnxruntime-web',
    );
  });
});
