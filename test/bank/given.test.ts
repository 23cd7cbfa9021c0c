import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bankOf, type GivenBank } from '../../src/bank/given.ts';
import { mlpBank } from '../../src/bank/mlp-bank.ts';
import type { Context } from '../../src/corpus/contexts.ts';
import { cutContexts } from '../../src/corpus/contexts.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import type { SplitUnit } from '../../src/features/split-unit.ts';
import { type SplitBankOptions, splitBank } from '../../src/harvest/split-given.ts';
import { loadModel, type Model } from '../../src/model/load-model.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { openStudy } from '../../src/study/open-study.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';

const CONTEXTS = 24;
const LENGTH = 48;

describe('a layer of folio-5m with fewer neurons, given as arrays', () => {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-given-'));
  const path = writeSmallFolio(join(folder, 'model'), NEURONS);
  let model: Model;
  let bank: GivenBank;

  beforeAll(async () => {
    model = await loadModel(path);
    const { tokenizer, config } = model;
    const contexts: Context[] = [];
    const corpus = await openCorpus('builtin:sotu');
    const options = { length: LENGTH, bos: tokenizer.addsBos, count: CONTEXTS, seed: 0 };
    for await (const context of cutContexts(corpus, tokenizer, options)) contexts.push(context);
    const [h, a] = ['blocks.1.mlp.hook_in', 'blocks.1.mlp.hook_post'] as const;
    const tokens = contexts.map((context) => context.tokens);
    const taps = await model.run({ tokens, taps: [h, a] });
    const joined = (name: string, width: number): Float32Array => {
      const parts = tokens.map((row, i) =>
        taps[name]!.data.subarray(i * LENGTH * width, (i * LENGTH + row.length) * width),
      );
      const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        out.set(part, at);
        at += part.length;
      }
      return out;
    };
    const special = new Set(tokenizer.specialIds);
    bank = bankOf({
      name: 'mlp.1',
      inputs: joined(h, config.width),
      activations: joined(a, config.mlpWidth),
      weights: (await mlpBank(model.files, 1, { layernorm: 'raw', gated: 'gradient' }).weights()).slice(),
      tokens: tokens.map((row) => tokenizer.texts(row)),
      special: [...special].map((id) => tokenizer.text(id)),
      documents: contexts.map(({ documentName }) => documentName),
    });
  });
  afterAll(async () => {
    await model?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    { select: 'top', examples: 12 },
    { select: 'fraction', examples: 8, everyPosition: true, linkage: 'complete' as const, threshold: 0.7 },
    { select: 'random', examples: 6, sign: 'absolute' },
  ] satisfies SplitBankOptions[])('gives the units of a run of the model: %o', async (options) => {
    const out = join(folder, `${options.select}.db`);
    const run = { model: path, layers: [1], context: LENGTH, contexts: CONTEXTS, ...options };
    await runStudy({ ...run, out });
    const study = openStudy(out);
    const wanted = [0, 5, 17, 100, NEURONS - 1];
    const seen: number[] = [];
    for await (const unit of splitBank(bank, { ...options, units: wanted })) {
      seen.push(unit.index);
      expect(unit).toEqual(study.unit('mlp.1', unit.index));
    }
    expect(seen).toEqual(wanted);
    expect(study.unit('mlp.1', 5).features.length).toBeGreaterThan(0);
    study.close();
  });
});

const small = {
  name: 'mine',
  inputs: Float32Array.of(1, 0, 2, 0.1, 0, 1, 0, 2),
  activations: Float32Array.of(1, 2, 3, 4),
  weights: Float32Array.of(1, 1),
};

async function all(bank: GivenBank, options?: SplitBankOptions): Promise<SplitUnit[]> {
  const units: SplitUnit[] = [];
  for await (const unit of splitBank(bank, options)) units.push(unit);
  return units;
}

describe('bankOf', () => {
  test('finds n, d and units from the arrays', () => {
    const bank = bankOf({ ...small, activations: new Float32Array(12), weights: new Float32Array(6) });
    expect([bank.width, bank.units, bank.lengths.length]).toEqual([2, 3, 4]);
  });

  test.each([
    [{ weights: Float32Array.of(1, 1, 1) }, 'for no n, d and units'],
    [{ weights: new Float32Array(0) }, 'for no n, d and units'],
    [{ inputs: Float32Array.of(1, Number.NaN, 2, 0, 0, 1, 0, 2) }, 'inputs holds NaN at 1'],
    [{ activations: Float32Array.of(1, 2, 3, Number.POSITIVE_INFINITY) }, 'activations holds Infinity at 3'],
    [{ weights: Float32Array.of(1, Number.NaN) }, 'weights holds NaN at 1'],
    [{ name: 'a b' }, 'name is "a b"'],
    [{ lengths: [2, 3] }, 'lengths makes 5 positions, but there are 4 inputs'],
    [{ tokens: [['a'], ['b']] }, 'tokens makes 2 positions'],
    [{ lengths: [2, 2], tokens: [['a'], ['b', 'c', 'd']] }, 'context 0 has 1 tokens, but lengths says 2'],
    [{ documents: ['one'] }, 'documents names 1 contexts, but there are 4'],
  ])('refuses %o', (change, message) => {
    expect(() => bankOf({ ...small, ...change })).toThrow(message);
  });

  test('takes gated weights, and refuses those that do not fit', async () => {
    const [gate, up] = [Float32Array.of(1, 0.5), Float32Array.of(0.5, 1)];
    const bank = bankOf({ ...small, weights: { gate, up, activation: 'silu', upBias: Float32Array.of(3) } });
    expect([...bank.weights]).toEqual([1, 0.5, 0.5, 1, 0, 3]);
    expect(bank.embedding).toEqual({ kind: 'gated', activation: 'silu', mode: 'gradient' });
    expect((await all(bank))[0]!.examples).toBe(4);
    const bad = { gate, up: new Float32Array(3), activation: 'silu' } as const;
    expect(() => bankOf({ ...small, weights: bad })).toThrow('up holds 3 values; 1 units of 2 need 2');
  });
});

describe('splitBank', () => {
  test('without tokens, each vector is a context of its own and features have no words', async () => {
    const [unit] = await all(bankOf(small), { center: 'none', features: 'cut' });
    expect(unit).toMatchObject({
      bank: 'mine',
      index: 0,
      examples: 4,
      maxActivation: 4,
      mean: 2.5,
      density: 1,
      clusters: 2,
    });
    expect(unit!.features.map(({ words }) => words)).toEqual([[], []]);
    expect(unit!.features.flatMap(({ examples }) => examples.map(({ tokens }) => tokens))).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });

  test('special tokens are no examples and enter no statistic', async () => {
    const tokens = [['a', 'b', '<s>', 'c']];
    const [unit] = await all(
      bankOf({ ...small, activations: Float32Array.of(1, 2, 30, 1), tokens, special: ['<s>'] }),
    );
    expect(unit).toMatchObject({ examples: 1, maxActivation: 2, mean: 4 / 3 });
  });

  test('stops when the signal says so, with its code', async () => {
    const stop = new AbortController();
    const units = splitBank(bankOf(small), { signal: stop.signal });
    stop.abort();
    await expect(units.next()).rejects.toMatchObject({ code: 'aborted' });
  });

  test.each([
    [{ examples: 0 }, 'examples is 0'],
    [{ fraction: 2 }, 'fraction is 2'],
    [{ select: 'best' }, 'select is "best"'],
    [{ sign: 'both' }, 'sign is "both"'],
    [{ seed: -1 }, 'seed is -1'],
    [{ units: [1] }, 'has no unit 1; its units are 0 to 0'],
    [{ threshold: -1 }, 'threshold is -1'],
    [{ linkage: 'ward' }, 'ward'],
  ] as unknown as [SplitBankOptions, string][])('refuses %o', async (options, message) => {
    await expect(all(bankOf(small), options)).rejects.toThrow(message);
  });
});
