// A study of tiny mixtures of experts that transformers wrote, against plain float64: router, experts, statistics over the
// tokens that each expert was given, examples, and direct effects.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { directEffect } from '../../src/explain/direct-effect.ts';
import { loadModel, type Model, openStudy, runStudy, type Study } from '../../src/index.ts';
import { createServer } from '../../src/server/api.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { histogramBin, type SeenContext, seeContexts } from '../helpers/brute-force.ts';
import { cli, expectFailure } from '../helpers/cli.ts';
import { FAMILIES } from '../helpers/families.ts';
import { readTensors, type Tensors, tinyTokenizer } from '../helpers/tiny-checkpoint.ts';

const WIDTH = 16;
const EXPERTS = 4;
const CHOSEN = 2;
const TOKENS_OF_EXAMPLE = 24;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-experts-'));
const text = join(folder, 'text.jsonl');

afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  const random = createRandom(3);
  const letter = () => String.fromCharCode(97 + random.integer(26));
  const documents = Array.from({ length: 30 }, () =>
    Array.from({ length: 8 + random.integer(60) }, () => (random.integer(5) === 0 ? ' ' : letter())).join(''),
  );
  writeFileSync(text, documents.map((document) => `${JSON.stringify({ text: document })}\n`).join(''));
});

/** A fixture with a tokenizer. */
function checkpoint(name: string): { dir: string; tensors: Tensors } {
  const dir = join(folder, name);
  cpSync(join(FAMILIES, name), dir, { recursive: true });
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tinyTokenizer(32)));
  return { dir, tensors: readTensors(join(dir, 'model.safetensors')) };
}

const CASES = [
  // Experts of 6 neurons: groups that do not begin at a multiple of four.
  {
    name: 'mixtral',
    layer: 1,
    neurons: 6,
    router: 'block_sparse_moe.gate',
    expert: (e: number) => ['w1', 'w3', 'w2'].map((part) => `block_sparse_moe.experts.${e}.${part}`),
  },
  {
    name: 'qwen2-moe',
    layer: 0,
    neurons: 4,
    router: 'mlp.gate',
    expert: (e: number) => ['gate_proj', 'up_proj', 'down_proj'].map((part) => `mlp.experts.${e}.${part}`),
  },
] as const;

describe.each(CASES)('$name', ({ name, layer, neurons, router, expert }) => {
  const units = EXPERTS * neurons;
  const bank = `mlp.${layer}`;
  let model: Model;
  let tensors: Tensors;
  let dir: string;
  let seen: SeenContext[];
  let study: Study;
  let out: string;
  beforeAll(async () => {
    ({ dir, tensors } = checkpoint(name));
    model = await loadModel(dir);
    out = join(folder, `${name}.db`);
    await runStudy({
      model: dir,
      data: text,
      out,
      layers: [layer],
      context: TOKENS_OF_EXAMPLE,
      examples: 5,
      sign: 'absolute',
      keepDuplicates: true,
      sinkMultiple: 0,
      threads: 1,
    });
    study = openStudy(out);
    const taps = { inputs: `blocks.${layer}.mlp.hook_in`, activations: `blocks.${layer}.mlp.hook_post` };
    const corpus = { data: text, context: TOKENS_OF_EXAMPLE, bos: false };
    seen = await seeContexts(model, corpus, taps, new Set([0]));
  });
  afterAll(async () => {
    study.close();
    await model.close();
  });

  const matrix = (part: string) => tensors[`model.layers.${layer}.${part}.weight`]!.data;
  const times = (part: string, row: number, h: ArrayLike<number>): number => {
    const weights = matrix(part);
    let sum = 0;
    for (let k = 0; k < WIDTH; k++) sum += weights[row * WIDTH + k]! * h[k]!;
    return sum;
  };
  /** Activations of a unit at each position of each context, in float64; null where its expert is not taken. */
  const activations = (unit: number): (number | null)[][] => {
    const own = Math.floor(unit / neurons);
    const [gate, up] = expert(own);
    return seen.map(({ inputs, tokens }) =>
      Array.from(tokens, (_, t) => {
        const h = inputs.subarray(t * WIDTH, (t + 1) * WIDTH);
        const scores = Array.from({ length: EXPERTS }, (_, e) => times(router, e, h));
        const better = scores.filter((score) => score > scores[own]!).length;
        if (better >= CHOSEN) return null;
        const x = times(gate!, unit % neurons, h);
        return (x / (1 + Math.exp(-x))) * times(up!, unit % neurons, h);
      }),
    );
  };

  test('statistics are over the tokens that the router gave to the expert, examples only there', () => {
    let unrouted = 0;
    const ranges = study.activationRanges(bank);
    for (let unit = 0; unit < units; unit++) {
      const values = activations(unit);
      const routed = values.flat().filter((a) => a !== null);
      unrouted += values.flat().length - routed.length;
      const found = study.unit(bank, unit);
      expect(found.expert).toBe(Math.floor(unit / neurons));
      expect(found.mean).toBeCloseTo(routed.reduce((sum, a) => sum + a, 0) / routed.length, 6);
      expect(found.density).toBe(routed.filter((a) => a > 0).length / routed.length);
      expect(found.maxActivation).toBeCloseTo(Math.max(...routed), 5);
      expect(ranges.least[unit]).toBeCloseTo(Math.min(...routed), 5);
      const { bins, counts } = study.histogram(bank, unit);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(routed.length);
      // Bins but for those at whose edge an activation lies.
      const near = routed.map((a) => [histogramBin(a * (1 - 1e-4)), histogramBin(a * (1 + 1e-4))]);
      bins.forEach((bin, i) => {
        const least = near.filter((both) => both.every((one) => one === bin)).length;
        const most = near.filter((both) => both.includes(bin)).length;
        expect(counts[i]).toBeGreaterThanOrEqual(least);
        expect(counts[i]).toBeLessThanOrEqual(most);
      });
      const peaks = values
        .map((context) => Math.max(...context.map((a) => Math.abs(a ?? 0))))
        .filter((peak) => peak > 0)
        .sort((a, b) => b - a);
      const examples = found.features.flatMap(({ examples }) => examples).sort((a, b) => a.id - b.id);
      expect(examples).toHaveLength(Math.min(5, peaks.length));
      examples.forEach(({ context, position, activation }, i) => {
        expect(Math.abs(activation)).toBeCloseTo(peaks[i]!, 5);
        expect(values[context]![position]).toBeCloseTo(activation, 5);
      });
    }
    // Of 4 experts 2 are taken at each token.
    const all = seen.reduce((sum, { tokens }) => sum + tokens.length, 0);
    expect(unrouted).toBe(all * (EXPERTS - CHOSEN) * neurons);
  });

  test('units are listed and filtered by their expert', async () => {
    const of = (expert: number) => study.units({ bank, expert }).map(({ index }) => index);
    expect(of(2)).toEqual(Array.from({ length: neurons }, (_, i) => 2 * neurons + i));
    const { stdout } = await cli(['units', out, '--bank', bank, '--expert', '1', '--sort', 'unit']);
    expect(stdout.split('\n')[0]).toMatch(/ expert /);
    expect(stdout.trim().split('\n')).toHaveLength(1 + neurons);
    expectFailure(
      await cli(['units', out, '--expert', '4']),
      /--expert is 4: the experts of the study are 0 to 3/,
    );
    const answer = await createServer(study).fetch(
      new Request('http://localhost/api/units?expert=3&limit=50'),
    );
    const { units: listed } = (await answer.json()) as { units: { bank: string; expert: number }[] };
    expect(listed.map(({ expert }) => expert)).toEqual(Array(neurons).fill(3));
  });

  test('the direct effect of an expert’s unit is that of its output weights, whole', async () => {
    const explained = openExplained(study, { model: dir });
    const unit = 2 * neurons + 1;
    const out = matrix(expert(2)[2]!);
    const direction = Array.from({ length: WIDTH }, (_, k) => out[k * neurons + (unit % neurons)]!);
    const gain = tensors['model.norm.weight']!.data;
    const head = tensors['lm_head.weight']!.data;
    const effects = Array.from({ length: 32 }, (_, id) =>
      direction.reduce((sum, value, k) => sum + value * gain[k]! * head[id * WIDTH + k]!, 0),
    );
    const mean = effects.reduce((a, b) => a + b, 0) / 32;
    const { raised, lowered } = await directEffect(explained, { bank, index: unit });
    expect(raised!.length + lowered!.length).toBeGreaterThan(20);
    for (const { id, effect } of [...raised!, ...lowered!])
      expect(effect).toBeCloseTo(effects[id]! - mean, 4);
    await explained.close();
  });
});

test('a shared expert is a bank of its own, over all text', async () => {
  const { dir } = checkpoint('qwen2-moe');
  const out = join(folder, 'shared.db');
  const info = await runStudy({ model: dir, data: text, out, layers: [1], context: 24, threads: 1 });
  expect(info.banks.map(({ name, units }) => [name, units])).toEqual([
    ['mlp.1', 16],
    ['mlp.1.shared', 6],
  ]);
  const study = openStudy(out);
  const counts = study.histogram('mlp.1.shared', 0).counts.reduce((sum, count) => sum + count, 0);
  expect(counts).toBe(info.tokens);
  expect(study.unit('mlp.1.shared', 0).expert).toBeNull();
  expectFailure(
    await cli(['units', out, '--bank', 'mlp.1.shared', '--expert', '0']),
    /--expert is 0, but mlp.1.shared has no mixture of experts: leave it out/,
  );
  study.close();
});
