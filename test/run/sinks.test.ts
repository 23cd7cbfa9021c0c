// Attention sinks: positions where the stream is far longer than elsewhere enter the statistics and are no examples.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadModel, openStudy, type RunOptions, runStudy, type SplitUnit } from '../../src/index.ts';
import { saveSae } from '../../src/sae/save.ts';
import { cli, compiled } from '../helpers/cli.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { randomSae } from '../helpers/saes.ts';
import { lettersWithZ, writeScaledModel, Z } from '../helpers/sink-model.ts';

const CHILD = compiled('test/helpers/run-study.mjs');
const SITE = 'blocks.1.hook_resid_mid';
const UNITS = 40;
const LENGTH = 20;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-sinks-'));
const texts = Array.from({ length: 80 }, (_, i) => lettersWithZ(30 + (i % 20), i + 1));
const PLAIN: RunOptions = {
  model: join(folder, 'model'),
  data: join(folder, 'texts.jsonl'),
  layers: [1],
  context: LENGTH,
  examples: 12,
  threads: 1,
};
let made = 0;
const next = (): string => join(folder, `${made++}.db`);

beforeAll(() => {
  writeScaledModel(join(folder, 'model'), (token) => (token === Z ? 400 : 1));
  writeScaledModel(join(folder, 'silent'), () => 0);
  writeFileSync(join(folder, 'texts.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function unitsOf(options: RunOptions, bank = 'mlp.1') {
  const out = next();
  const info = await runStudy({ ...PLAIN, ...options, out });
  const study = openStudy(out);
  const units = study.units({ bank }).map(({ index }) => ({
    ...study.unit(bank, index),
    histogram: study.histogram(bank, index),
  }));
  study.close();
  return { info, units };
}

const examplesOf = ({ features }: SplitUnit) => features.flatMap(({ examples }) => examples);

/** Every context: its tokens, norms and activations by position. */
async function seen() {
  await using model = await loadModel(join(folder, 'model'));
  const contexts: { tokens: Int32Array; norms: number[]; activations: Float32Array }[] = [];
  for (const text of texts) {
    const ids = Int32Array.from(model.tokenizer.encode(text));
    for (let start = 0; start < ids.length; start += LENGTH) {
      const tokens = ids.slice(start, start + LENGTH);
      if (tokens.length < 2) continue;
      const taps = await model.run({ tokens: [tokens], taps: [SITE, 'blocks.1.mlp.hook_post'] });
      const x = taps[SITE]!.data;
      const norms = Array.from(tokens, (_, t) => Math.hypot(...x.subarray(t * 24, (t + 1) * 24)));
      contexts.push({ tokens, norms, activations: taps['blocks.1.mlp.hook_post']!.data });
    }
  }
  return contexts;
}

describe('positions that are sinks', () => {
  test('are counted and no examples; the threshold is ten medians of the first 64 contexts', async () => {
    const contexts = await seen();
    expect(contexts.length).toBeGreaterThan(64);
    const norms = contexts.slice(0, 64).flatMap((context) => context.norms);
    norms.sort((a, b) => a - b);
    const median = (norms[(norms.length - 1) >> 1]! + norms[norms.length >> 1]!) / 2;
    const isSink = (norm: number) => norm > 10 * median;
    const count = contexts.flatMap((context) => context.norms).filter(isSink).length;
    expect(count).toBeGreaterThan(50);

    const { info, units } = await unitsOf({ keepDuplicates: true });
    expect(Object.keys(info.sinks!)).toEqual([SITE]);
    const { threshold, positions } = info.sinks![SITE]!;
    expect(threshold / (10 * median)).toBeCloseTo(1, 5);
    expect(positions).toBe(count);
    expect(positions).toBe(contexts.flatMap(({ tokens }) => [...tokens]).filter((id) => id === Z).length);

    units.forEach((unit, u) => {
      // In each context the largest activation of a position that is no sink; the largest of these.
      const peaks = contexts.flatMap(({ norms: own, activations }, context) => {
        const values = own.flatMap((norm, t) =>
          isSink(norm) ? [] : [{ context, position: t, activation: activations[t * UNITS + u]! }],
        );
        const best = Math.max(...values.map(({ activation }) => activation));
        return best > 0 ? [values.find(({ activation }) => activation === best)!] : [];
      });
      peaks.sort((a, b) => b.activation - a.activation);
      const expected = peaks.slice(0, 12).map(({ context, position }) => `${context}:${position}`);
      const found = examplesOf(unit).map(({ context, position }) => `${context}:${position}`);
      expect(found.sort()).toEqual(expected.sort());
    });
  });

  test('change no statistic', async () => {
    const [kept, out] = [
      await unitsOf({ sinkMultiple: 0, keepDuplicates: true, examples: 100 }),
      await unitsOf({ keepDuplicates: true }),
    ];
    expect(kept.info.sinks).toBeNull();
    const statistics = ({ mean, density, maxActivation, histogram }: (typeof kept.units)[number]) => ({
      mean,
      density,
      maxActivation,
      histogram,
    });
    expect(out.units.map(statistics)).toEqual(kept.units.map(statistics));
    // The test would say nothing if no unit were strongest at a sink.
    expect(
      kept.units.some((unit) => examplesOf(unit).some(({ tokens, position }) => tokens[position] === 'z')),
    ).toBe(true);
  });

  test.each([
    { select: 'fraction', fraction: 0.6 },
    { select: 'quantiles', everyPosition: true },
    { select: 'random', everyPosition: true },
  ] as RunOptions[])(
    'are no examples: %j; shares are of the maximum that an example may have',
    async (options) => {
      const { info, units } = await unitsOf({ ...options, keepDuplicates: true });
      const threshold = info.sinks![SITE]!.threshold;
      const contexts = await seen();
      units.forEach((unit, u) => {
        const values = contexts.flatMap(({ norms, activations }) =>
          norms.flatMap((norm, t) => (norm > threshold ? [] : [activations[t * UNITS + u]!])),
        );
        const max = Math.max(...values);
        for (const { tokens, position } of examplesOf(unit)) expect(tokens[position]).not.toBe('z');
        if (options.select !== 'fraction' || max <= 0) return;
        const reach = examplesOf(unit).map(({ activation }) => activation / max);
        expect(Math.min(...reach)).toBeGreaterThan(0.6 - 1e-5);
        expect(Math.max(...reach)).toBeLessThanOrEqual(1 + 1e-5);
      });
    },
  );

  test('of an SAE are told by the norm at its site', async () => {
    const dir = join(folder, 'sae');
    await saveSae(randomSae({ dIn: 24, dSae: 30, hookName: 'blocks.0.hook_resid_post' }, { bias: 0 }), dir);
    const { info, units } = await unitsOf({ sae: [`x=${dir}`], layersAtOnce: 1 }, 'sae/x');
    expect(Object.keys(info.sinks!)).toEqual(['blocks.0.hook_resid_post', SITE]);
    for (const unit of units)
      for (const { tokens, position } of examplesOf(unit)) expect(tokens[position]).not.toBe('z');
  });
});

describe('the same content', () => {
  let whole: Promise<string | null> | undefined;
  const alone = () =>
    (whole ??= unitsOf({ select: 'fraction', fraction: 0.5 }).then(({ info }) => info.contentHash));

  test('with two threads', async () => {
    const { info } = await unitsOf({ select: 'fraction', fraction: 0.5, threads: 2 });
    expect(info.contentHash).toBe(await alone());
  });

  test.each([1, 3, 8])(
    'killed at progress %i, and resumed with the threshold that was saved',
    async (killAt) => {
      const options = { ...PLAIN, select: 'fraction', fraction: 0.5, threads: 2, out: next() } as const;
      const request = JSON.stringify({ options, saveEvery: 0, killAt });
      const child = spawn(process.execPath, [CHILD, request], { stdio: 'ignore' });
      const signal = await new Promise((resolve) => child.on('close', (_, how) => resolve(how)));
      expect(signal).toBe('SIGKILL');
      const { contentHash } = await runStudy({ ...options, threads: 1 });
      expect(contentHash).toBe(await alone());
    },
  );
});

describe('sinks everywhere', () => {
  test('a multiple that all positions exceed is an error', () =>
    expectOneLine(
      () => runStudy({ ...PLAIN, sinkMultiple: 0.001, out: next() }),
      /^blocks\.1\.hook_resid_mid: every text position has a norm above 0\.001 × the median .*give 0$/,
    ));
  test('a stream of zeros has no median to tell them by', () =>
    expectOneLine(
      () => runStudy({ ...PLAIN, model: join(folder, 'silent'), out: next() }),
      /^blocks\.1\.hook_resid_mid: the median norm over the first 64 contexts is 0, .*option sinkMultiple 0$/,
    ));
});

test('the run and info say how many', async () => {
  const out = next();
  const args = [
    '--model',
    PLAIN.model as string,
    '--data',
    PLAIN.data as string,
    '--layers',
    '0,1',
    '--context',
    '20',
  ];
  const run = await cli(['run', ...args, '--out', out]);
  expect(run.code, run.stderr).toBe(0);
  const said =
    /attention sinks, which are no examples: (\d+) at blocks\.0\.hook_resid_mid, \1 at blocks\.1\.hook_resid_mid of [\d,]+ positions have a norm above 10 × the median/;
  expect(run.stdout).toMatch(said);
  const info = await cli(['info', out]);
  expect(info.stdout).toMatch(said);
  const wrong = await cli(['run', ...args, '--sink-multiple', '-1', '--out', next()]);
  expect([wrong.code, wrong.stdout]).toEqual([2, '']);
  expect(wrong.stderr).toContain('--sink-multiple');
});
