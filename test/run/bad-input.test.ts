// Text and models that leave nothing, or one thing, to be told apart: a run ends, with numbers that are none or are right.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStudy, type RunOptions, runStudy } from '../../src/index.ts';
import { METRICS } from '../../src/polysemy/column-lists.ts';
import { verdicts } from '../../src/polysemy/verdict.ts';
import { lettersWithZ, writeScaledModel } from '../helpers/sink-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-bad-'));
const PLAIN: RunOptions = { model: join(folder, 'model'), layers: [0], context: 40, threads: 2 };
let made = 0;

beforeAll(() => writeScaledModel(join(folder, 'model'), () => 1));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function corpus(texts: readonly string[]): string {
  const path = join(folder, `${made++}.jsonl`);
  writeFileSync(path, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  return path;
}

async function unitsOf(texts: readonly string[], options: RunOptions) {
  const out = join(folder, `${made++}.db`);
  const info = await runStudy({ ...PLAIN, data: corpus(texts), out, ...options });
  const study = openStudy(out);
  const units = study.units().map(({ bank, index }) => study.unit(bank, index));
  study.close();
  for (const unit of units) {
    for (const metric of METRICS) {
      const value = unit[metric];
      expect(value === null || Number.isFinite(value), `${unit.index} ${metric} ${value}`).toBe(true);
    }
    expect(verdicts).toContain(unit.verdict);
    const members = unit.features.reduce((sum, { examples }) => sum + examples.length, 0);
    expect(members).toBe(unit.examples);
  }
  return { info, units };
}

const SETTINGS = [
  {},
  { select: 'fraction' },
  { select: 'quantiles', everyPosition: true },
  { select: 'random', everyPosition: true },
  { paper: true },
] as RunOptions[];

// Attention over equal tokens is their value whatever the position, so that all inputs are the same.
test.each(SETTINGS)('a corpus of one token type, whose inputs are constant: %j', async (options) => {
  const { info, units } = await unitsOf(['a'.repeat(100), 'a'.repeat(90)], options);
  expect(info.tokens).toBe(190);
  expect(units.some(({ examples }) => examples > 1)).toBe(true);
  for (const { examples, clusters, featureCount, verdict } of units) {
    if (examples === 0) continue;
    expect(featureCount).toBe(1);
    expect(['one', 'few', 'scatter']).toContain(verdict);
    if (options.paper) expect(clusters).toBe(1);
  }
});

test.each(SETTINGS)('all documents are the same: %j', async (options) => {
  const text = lettersWithZ(70, 3);
  const { info, units } = await unitsOf(Array(30).fill(text), options);
  expect(info.documents).toBe(30);
  expect(info.duplicateDocuments).toBe(options.paper ? 0 : 29);
  const alone = await unitsOf([text], options);
  if (!options.paper) {
    const numbers = alone.units.map(({ features: _, ...rest }) => rest);
    expect(units.map(({ features: _, ...rest }) => rest)).toEqual(numbers);
  }
});

test('copies of an example alone are one feature', async () => {
  const { units } = await unitsOf(Array(60).fill('abcdefgh'), { keepDuplicates: true, examples: 60 });
  const full = units.filter(({ examples }) => examples === 60);
  expect(full.length).toBeGreaterThan(5);
  for (const { featureCount, clusters, maxDistance, verdict } of full) {
    expect([featureCount, clusters, maxDistance, verdict]).toEqual([1, 1, 0, 'one']);
  }
});

test('a thousand examples a unit', async () => {
  const texts = Array.from({ length: 60 }, (_, i) => lettersWithZ(80, i + 1));
  const { units } = await unitsOf(texts, { examples: 1000, everyPosition: true, layers: [1] });
  const full = units.filter(({ examples }) => examples === 1000);
  expect(full.length).toBeGreaterThan(5);
  for (const { features, featureCount } of full) expect(features).toHaveLength(featureCount!);
});
