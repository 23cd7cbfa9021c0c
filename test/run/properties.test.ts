// What must not change a study: the order of its documents, and of the contexts as they are collected.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { Collector } from '../../src/harvest/collector.ts';
import { rankedSlots, type SelectionOptions } from '../../src/harvest/selection.ts';
import { openStudy, type RunOptions, runStudy } from '../../src/index.ts';
import { lettersWithZ, writeScaledModel, Z } from '../helpers/sink-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-properties-'));
// At most 64 contexts, so that the median that tells sinks is over all of them in any order.
const texts = Array.from({ length: 30 }, (_, i) => lettersWithZ(20 + (i % 30), i + 1));
const PLAIN: RunOptions = {
  model: join(folder, 'model'),
  layers: [0, 1],
  context: 24,
  examples: 10,
  threads: 2,
};

beforeAll(() => writeScaledModel(join(folder, 'model'), (token) => (token === Z ? 300 : 1)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = createRandom(seed, 0);
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

describe('documents in another order', () => {
  let made = 0;
  async function unitsOf(documents: readonly string[], options: RunOptions) {
    const out = join(folder, `${made}.db`);
    const data = join(folder, `${made++}.jsonl`);
    writeFileSync(data, documents.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    const { sinks, tokens } = await runStudy({ ...PLAIN, ...options, data, out });
    const study = openStudy(out);
    const found = study.units().map(({ bank, index }) => {
      const { mean, density, maxActivation, features } = study.unit(bank, index);
      const examples = features.flatMap((feature) =>
        feature.examples.map(({ tokens: words, position, activation }) => [
          words.slice(0, position + 1).join(''),
          activation,
        ]),
      );
      const sums = { mean, density, maxActivation, histogram: study.histogram(bank, index) };
      return { sums, examples: examples.map((one) => JSON.stringify(one)).sort() };
    });
    const means = study.info().banks.map(({ name }) => study.bankInputs(name)!.mean);
    study.close();
    return { sinks, tokens, means, found };
  }

  test.each([
    [{ select: 'fraction', fraction: 0.3 }, true],
    [{ select: 'quantiles', everyPosition: true }, true],
    [{ select: 'top', everyPosition: true }, true],
    [{ select: 'random' }, false],
  ] as [RunOptions, boolean][])('%j', async (options, isOfText) => {
    const first = await unitsOf(texts, options);
    expect(Object.values(first.sinks!).every(({ positions }) => positions > 0)).toBe(true);
    for (const seed of [1, 2]) {
      const other = await unitsOf(shuffled(texts, seed), options);
      expect({ ...other, found: null }).toEqual({ ...first, found: null });
      expect(other.found.map(({ sums }) => sums)).toEqual(first.found.map(({ sums }) => sums));
      // `random` draws by the number of the context, which is another now.
      if (isOfText) {
        expect(other.found.map(({ examples }) => examples)).toEqual(
          first.found.map(({ examples }) => examples),
        );
      }
    }
  });
});

describe('contexts collected in another order, with their numbers', () => {
  const UNITS = 8;
  const LENGTH = 12;
  const contexts = Array.from({ length: 40 }, (_, id) => {
    const random = createRandom(id, 1);
    const values = (count: number) => Float32Array.from({ length: count }, () => random.next() - 0.4);
    return {
      id,
      tokens: Int32Array.from({ length: LENGTH }, () => random.integer(6)),
      h: values(LENGTH * 4),
      a: values(LENGTH * UNITS),
      norm: Float32Array.from({ length: LENGTH }, () => (random.next() < 0.1 ? 50 : 1)),
    };
  });

  function collect(all: typeof contexts, options: Partial<SelectionOptions>) {
    const bank = { name: 'b', units: UNITS, width: 4, inputTap: 'h', activationTap: 'a' };
    const selection = {
      select: 'top',
      examples: 7,
      fraction: 0.4,
      sign: 'positive',
      everyPosition: true,
    } as const;
    const collector = new Collector(
      [{ ...bank, sinks: { tap: 'norm', limit: 10 } }],
      { ...selection, keepDuplicates: true, seed: 5, ...options },
      LENGTH,
    );
    const passes = ['fraction', 'quantiles'].includes(options.select!) ? 2 : 1;
    for (let pass = 1; pass <= passes; pass++) {
      if (pass === 2) collector.startChoosing();
      for (const { id, tokens, h, a, norm } of all) {
        const about = { ids: [id], documents: [id], names: ['x'], starts: [0], lengths: [LENGTH] };
        const batch = { ...about, tokens, valid: new Uint8Array(LENGTH).fill(1), length: LENGTH };
        collector.take(batch, { h: { data: h }, a: { data: a }, norm: { data: norm } });
      }
    }
    const { chosen, statistics, inputMean, nullInputs, sinks } = collector.finish().banks[0]!;
    const examples = Array.from({ length: UNITS }, (_, unit) =>
      Array.from(rankedSlots(chosen, unit), (slot) => [
        chosen.context[slot],
        chosen.position[slot],
        chosen.score[slot],
      ]),
    );
    return { examples, statistics, inputMean, nullInputs, sinks };
  }

  test.each(['top', 'fraction', 'quantiles', 'random'] as const)('%s', (select) => {
    for (const keepDuplicates of [true, false]) {
      const first = collect(contexts, { select, keepDuplicates });
      expect(first.sinks).toBe(contexts.flatMap(({ norm }) => [...norm]).filter((norm) => norm > 10).length);
      expect(first.examples.flat().length).toBeGreaterThan(40);
      for (const seed of [1, 2, 3]) {
        expect(collect(shuffled(contexts, seed), { select, keepDuplicates })).toEqual(first);
      }
    }
  });
});
