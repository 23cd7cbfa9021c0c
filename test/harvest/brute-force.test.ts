import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashFraction, hashText, mix32 } from '../../src/base/hash.ts';
import {
  centralExamples,
  cosineDistances,
  cutTree,
  gatedNeuronEmbeddings,
  linkage,
  loadModel,
  type Model,
  neuronEmbeddings,
  openStudy,
  polysemy,
  type RunOptions,
  runStudy,
  type Study,
} from '../../src/index.ts';
import { spellBytes } from '../../src/tokenizer/byte-tokens.ts';
import {
  type Choice,
  candidatesOf,
  choose,
  type Example,
  type SeenContext,
  seeContexts,
  statisticsOf,
  writeCorpus,
} from '../helpers/brute-force.ts';
import { normalize } from '../helpers/reference-math.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';
import { readTensors } from '../helpers/tiny-checkpoint.ts';

const STORIES = new URL('../../../shared/models/stories260K', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-brute-'));
const corpus = join(folder, 'corpus.jsonl');
beforeAll(() => writeCorpus(corpus, { documents: 14 }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let studies = 0;
/** Makes a study and opens it. */
async function study(options: RunOptions): Promise<Study> {
  const out = join(folder, `${studies++}.db`);
  await runStudy({
    data: corpus,
    context: 40,
    out,
    threads: 2,
    center: 'none',
    features: 'cut',
    keepDuplicates: true,
    ...options,
  });
  return openStudy(out);
}

interface See {
  readonly bos?: boolean;
  readonly contexts?: number;
  readonly seed?: number;
}

describe('folio-5m with fewer neurons, layer 2', () => {
  const LAYER = 2;
  const UNITS = 64;
  const checkpoint = writeSmallFolio(join(folder, 'folio'), UNITS);
  const WIDTH = 256;
  const BANK = `mlp.${LAYER}`;
  const END_OF_TEXT = new Set([0]);
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(checkpoint);
  });
  afterAll(() => model.close());

  const known = new Map<string, Promise<SeenContext[]>>();
  /** What is seen of the contexts cut so; the same ones are seen once. */
  function see({ bos = false, contexts, seed }: See): Promise<SeenContext[]> {
    const key = JSON.stringify([bos, contexts, seed]);
    const found =
      known.get(key) ??
      seeContexts(
        model,
        { data: corpus, context: 40, bos, contexts, seed },
        { inputs: `blocks.${LAYER}.mlp.hook_in`, activations: `blocks.${LAYER}.mlp.hook_post` },
        END_OF_TEXT,
      );
    known.set(key, found);
    return found;
  }

  const cases: (Choice & { bos?: boolean; contexts?: number; seed?: number })[] = [
    { select: 'top', examples: 12, fraction: 0.75, sign: 'positive', everyPosition: false },
    {
      select: 'top',
      examples: 30,
      fraction: 0.75,
      sign: 'negative',
      everyPosition: true,
      contexts: 23,
      seed: 4,
    },
    { select: 'fraction', examples: 5, fraction: 0.3, sign: 'positive', everyPosition: false, bos: true },
    { select: 'fraction', examples: 16, fraction: 0.2, sign: 'absolute', everyPosition: true },
    { select: 'quantiles', examples: 25, fraction: 0.75, sign: 'absolute', everyPosition: false },
    { select: 'quantiles', examples: 7, fraction: 0.75, sign: 'positive', everyPosition: true, bos: true },
  ];
  test.each(cases)(
    '$select $sign, every position: $everyPosition',
    async ({ bos, contexts, seed, ...choice }) => {
      const seen = await see({ bos, contexts, seed });
      const made = await study({
        model: checkpoint,
        layers: [LAYER],
        bos: bos ? 'yes' : 'no',
        contexts,
        seed,
        ...choice,
      });
      const info = made.info();
      expect(info.contexts).toBe(seen.length);
      expect(info.tokens).toBe(statisticsOf(seen, 0, UNITS).tokens);
      expect(info.tokens).toBeLessThan(seen.reduce((sum, { tokens }) => sum + tokens.length, 0));
      const problems: string[] = [];
      let total = 0;
      // Every unit's examples are chosen again; one in three is taken apart whole.
      for (let unit = 0; unit < UNITS; unit++) {
        const chosen = choose(candidatesOf(seen, unit, UNITS, choice), { ...choice, seed }, BANK, unit);
        total += chosen.length;
        if (unit % 3 === 0) problems.push(...compareUnit(made, BANK, unit, UNITS, seen, chosen, model));
      }
      const sizes = made.units().map(({ examples }) => examples);
      made.close();
      expect(problems).toEqual([]);
      expect(sizes.length).toBe(UNITS);
      expect(info.examples).toBe(total);
    },
  );

  test('the mean of the inputs, and those at random positions, are of all text', async () => {
    const seen = await see({});
    const made = await study({ model: checkpoint, layers: [LAYER], bos: 'no', examples: 4, center: 'mean' });
    const { mean, nulls } = made.bankInputs(BANK)!;
    const texts = seen.flatMap(({ id, text, inputs }) =>
      text.flatMap((isText, position) =>
        isText ? [{ id, position, h: inputs.subarray(position * WIDTH, (position + 1) * WIDTH) }] : [],
      ),
    );
    for (let k = 0; k < WIDTH; k++) {
      const exact = texts.reduce((sum, { h }) => sum + h[k]!, 0) / texts.length;
      expect(mean[k]).toBe(Math.fround(exact));
    }
    const salt = mix32(hashText('null positions'));
    const drawn = texts
      .map((one) => ({ ...one, at: hashFraction(salt, 0, one.id, one.position) }))
      .sort((a, b) => a.at - b.at)
      .slice(0, 150);
    expect(nulls.length).toBe(150 * WIDTH);
    drawn.forEach(({ h }, i) => {
      const most = h.reduce((size, v) => Math.max(size, Math.abs(v)), 0);
      expect(Math.max(...h.map((v, k) => Math.abs(v - nulls[i * WIDTH + k]!)))).toBeLessThan(most * 2 ** -10);
    });
    // The distances of the tree are those of (h − μ) ⊙ w.
    const { inputs, weights, centre, count } = made.inputs(BANK, 7);
    expect(centre).toEqual(mean);
    const rows = Array.from({ length: count }, (_, i) =>
      Array.from(weights, (w, k) => (inputs[i * WIDTH + k]! - mean[k]!) * w),
    );
    const dot = (a: number[], b: number[]) => a.reduce((sum, v, k) => sum + v * b[k]!, 0);
    const between = rows.flatMap((a, i) =>
      rows.slice(i + 1).map((b) => 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))),
    );
    const { merges } = made.unit(BANK, 7);
    expect(merges[0]![2]).toBeCloseTo(Math.min(...between), 5);
    made.close();
  });

  test('random: among the activating, as many as fit, by the seed, each context as likely', async () => {
    const seen = await see({});
    const choice = { examples: 10, sign: 'positive', everyPosition: false } as const;
    const taken = async (seed: number) => {
      const made = await study({
        model: checkpoint,
        layers: [LAYER],
        bos: 'no',
        select: 'random',
        ...choice,
        seed,
      });
      const all = Array.from({ length: UNITS }, (_, unit) => examplesOf(made, BANK, unit));
      made.close();
      return all;
    };
    const [first, second] = [await taken(0), await taken(1)];
    const times = new Map<number, { taken: number; expected: number; variance: number }>();
    for (let unit = 0; unit < UNITS; unit++) {
      const candidates = candidatesOf(seen, unit, UNITS, choice);
      const known = new Map(candidates.map(({ context, position }) => [context, position]));
      const limit = Math.min(10, candidates.length);
      expect(first[unit]!.length).toBe(limit);
      expect(new Set(first[unit]!.map(({ context }) => context)).size).toBe(limit);
      for (const { context, position } of first[unit]!) expect(known.get(context)).toBe(position);
      for (const { context } of candidates) {
        const count = times.get(context) ?? { taken: 0, expected: 0, variance: 0 };
        const chance = limit / candidates.length;
        count.taken += +first[unit]!.some((example) => example.context === context);
        count.expected += chance;
        count.variance += chance * (1 - chance);
        times.set(context, count);
      }
    }
    for (const [context, { taken, expected, variance }] of times) {
      expect(Math.abs(taken - expected), `context ${context}`).toBeLessThan(5 * Math.sqrt(variance));
    }
    const full = first
      .map((examples, unit) => ({ examples, unit }))
      .filter(({ examples }) => examples.length === 10);
    const both = full.map(({ examples, unit }) => {
      const again = new Set(second[unit]!.map(({ context }) => context));
      return examples.filter(({ context }) => again.has(context)).length / examples.length;
    });
    expect(both.reduce((sum, share) => sum + share, 0) / both.length).toBeLessThan(0.4);
  });

  test('folded: the same activations and examples, h and weights as TransformerLens folds them', async () => {
    const raw = await study({ model: checkpoint, layers: [LAYER], bos: 'no', examples: 8 });
    const folded = await study({
      model: checkpoint,
      layers: [LAYER],
      bos: 'no',
      examples: 8,
      layernorm: 'folded',
    });
    const tensors = readTensors(join(checkpoint, 'model.safetensors'));
    const norm = (part: string) => tensors[`h.${LAYER}.ln_2.${part}`]!.data;
    const [gamma, beta] = [norm('weight'), norm('bias')];
    const matrix = tensors[`h.${LAYER}.mlp.c_fc.weight`]!.data;
    const bias = tensors[`h.${LAYER}.mlp.c_fc.bias`]!.data;
    const resid = await seeContexts(
      model,
      { data: corpus, context: 40, bos: false },
      { inputs: `blocks.${LAYER}.hook_resid_mid`, activations: `blocks.${LAYER}.mlp.hook_pre` },
      END_OF_TEXT,
    );
    let apart = 0;
    for (let unit = 0; unit < UNITS; unit += 3) {
      expect(examplesOf(folded, BANK, unit)).toEqual(examplesOf(raw, BANK, unit));
      const columns = Float64Array.from({ length: 256 }, (_, k) => matrix[k * UNITS + unit]!);
      const plain = columns.map((w, k) => w * gamma[k]!);
      const mean = plain.reduce((sum, w) => sum + w, 0) / 256;
      const weights = plain.map((w) => w - mean);
      const found = folded.inputs(BANK, unit);
      expect(raw.inputs(BANK, unit).weights).toEqual(Float32Array.from(columns));
      expect(worst(found.weights, weights)).toBeLessThan(1e-6);
      const fromBeta = columns.reduce((sum, w, k) => sum + w * beta[k]!, 0);
      const embeddings = neuronEmbeddings(found);
      for (const { id, context, position } of examplesOf(folded, BANK, unit)) {
        const x = Float64Array.from(resid[context]!.inputs.subarray(position * 256, (position + 1) * 256));
        const h = normalize(x, 256, 1e-5, true);
        const e = embeddings.subarray(id * 256, (id + 1) * 256);
        expect(
          worst(
            e,
            h.map((v, k) => v * weights[k]!),
          ),
        ).toBeLessThan(3e-3);
        // The sum of e is the pre-activation less the bias, which now holds β·w.
        const pre = resid[context]!.activations[position * UNITS + unit]!;
        expect(Math.abs(e.reduce((sum, v) => sum + v, 0) + fromBeta + bias[unit]! - pre)).toBeLessThan(2e-2);
      }
      const other = neuronEmbeddings(raw.inputs(BANK, unit));
      apart = Math.max(apart, worst(embeddings, Float64Array.from(other)));
    }
    expect(apart).toBeGreaterThan(0.02);
    raw.close();
    folded.close();
  });
});

describe.skipIf(!existsSync(STORIES))('shared: stories260K, layer 3, gated', () => {
  const LAYER = 3;
  const UNITS = 172;
  const BANK = `mlp.${LAYER}`;
  const WIDTH = 64;
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(STORIES);
  });
  afterAll(() => model.close());
  const choice: Choice = {
    select: 'top',
    examples: 12,
    fraction: 0.75,
    sign: 'absolute',
    everyPosition: false,
  };

  test.each(['raw', 'folded'] as const)('%s', async (layernorm) => {
    const site = layernorm === 'raw' ? 'mlp.hook_in' : 'ln2.hook_normalized';
    const seen = await seeContexts(
      model,
      { data: corpus, context: 40, bos: true },
      { inputs: `blocks.${LAYER}.${site}`, activations: `blocks.${LAYER}.mlp.hook_post` },
      new Set([0, 1, 2]),
    );
    const tensors = readTensors(join(STORIES, 'model.safetensors'));
    const gamma = tensors[`model.layers.${LAYER}.post_attention_layernorm.weight`]!.data;
    const row = (name: string, unit: number) => {
      const { data } = tensors[`model.layers.${LAYER}.mlp.${name}.weight`]!;
      const weights = data.slice(unit * WIDTH, (unit + 1) * WIDTH);
      return layernorm === 'raw' ? weights : weights.map((w, k) => w * gamma[k]!);
    };
    for (const gated of layernorm === 'raw'
      ? (['gradient', 'gate', 'up'] as const)
      : (['gradient'] as const)) {
      const made = await study({ model: STORIES, layers: [LAYER], layernorm, gated, ...choice });
      expect(made.info().options['bos']).toBe(true);
      const problems: string[] = [];
      for (let unit = 0; unit < UNITS; unit++) {
        const chosen = choose(candidatesOf(seen, unit, UNITS, choice), choice, BANK, unit);
        problems.push(...compareUnit(made, BANK, unit, UNITS, seen, chosen, model));
        const { inputs, embedding, weights } = made.inputs(BANK, unit);
        expect(embedding).toEqual({ kind: 'gated', activation: 'silu', mode: gated });
        const [g, u] = [row('gate_proj', unit), row('up_proj', unit)];
        const embeddings = gatedNeuronEmbeddings(gatedOptions(made, BANK, unit));
        expect(worst(weights.subarray(0, WIDTH), g)).toBeLessThan(1e-6);
        expect(worst(weights.subarray(WIDTH, 2 * WIDTH), u)).toBeLessThan(1e-6);
        for (let i = 0; i < chosen.length; i++) {
          const h = Float64Array.from(inputs.subarray(i * WIDTH, (i + 1) * WIDTH));
          const e = plainEmbedding(h, g, u, gated);
          expect(worst(embeddings.subarray(i * WIDTH, (i + 1) * WIDTH), e)).toBeLessThan(1e-5);
        }
      }
      expect(problems).toEqual([]);
      made.close();
    }
  });
});

/** What a study says of one unit against what was seen: an empty list when all agrees. */
function compareUnit(
  made: Study,
  bank: string,
  index: number,
  units: number,
  seen: readonly SeenContext[],
  chosen: readonly Example[],
  model: Model,
): string[] {
  const problems: string[] = [];
  const check = (good: boolean, what: string) => {
    if (!good && problems.length < 5) problems.push(`unit ${index}: ${what}`);
  };
  const unit = made.unit(bank, index);
  const { max, mean, density, bins } = statisticsOf(seen, index, units);
  check(unit.maxActivation === max, `maximum ${unit.maxActivation}, not ${max}`);
  check(Math.abs(unit.mean! - mean) <= 1e-12, `mean ${unit.mean}, not ${mean}`);
  check(unit.density === density, `density ${unit.density}, not ${density}`);
  const histogram = made.histogram(bank, index);
  check(
    JSON.stringify(bins) ===
      JSON.stringify(Array.from(histogram.bins, (bin, i) => [bin, histogram.counts[i]!])),
    'histogram',
  );

  const found = examplesOf(made, bank, index);
  const places = (examples: readonly { context: number; position: number; activation: number }[]) =>
    examples.map(({ context, position, activation }) => `${context}:${position} ${activation}`).join(', ');
  check(places(found) === places(chosen), `examples ${places(found)}, not ${places(chosen)}`);
  if (problems.length > 0) return problems;
  check(unit.examples === chosen.length, 'number of examples');

  const { inputs, count, embedding, weights } = made.inputs(bank, index);
  const width = inputs.length / Math.max(1, count);
  found.forEach(({ id, context, position, document, tokens, activations }) => {
    const source = seen[context]!;
    check(document === source.document, `document ${document}`);
    check(source.text[position]!, `position ${position} is no text`);
    check(tokens.join('\0') === spellBytes(model.tokenizer.texts(source.tokens)).join('\0'), 'tokens');
    const window = source.text.map((_, t) => source.activations[t * units + index]!);
    check(activations.length === window.length && isHalfOf(activations, window), `window of example ${id}`);
    const h = source.inputs.subarray(position * width, (position + 1) * width);
    check(isHalfOf(inputs.subarray(id * width, (id + 1) * width), h), `h of example ${id}`);
  });

  const rows =
    embedding.kind === 'linear'
      ? neuronEmbeddings({ inputs, weights })
      : gatedNeuronEmbeddings(gatedOptions(made, bank, index));
  const distances = cosineDistances({ rows, count });
  const tree = linkage({ distances, count, method: 'average' });
  const labels = cutTree(tree, { distance: 0.5 });
  const stored = made.tree(bank, index);
  check(same(stored.tree.merges, tree.merges), 'merges');
  check(same(unit.merges.flat(), tree.merges), 'merges of unit()');
  check(same(made.detail(bank, index).labels, labels), 'labels');
  for (const [name, value] of Object.entries(polysemy({ distances, labels }))) {
    check(Object.is(unit[name as 'clusters'], value), `${name} ${unit[name as 'clusters']}, not ${value}`);
  }
  const centrals = centralExamples({ distances, labels });
  check(unit.features.length === unit.clusters, 'number of features');
  // By size, then by first example.
  const sizeOf = (label: number): number => labels.filter((other) => other === label).length;
  const order = [...new Set(labels)].sort(
    (a, b) => sizeOf(b) - sizeOf(a) || labels.indexOf(a) - labels.indexOf(b),
  );
  check(
    same(
      stored.featureOf,
      labels.map((label) => order.indexOf(label)),
    ),
    'feature of each example',
  );
  unit.features.forEach(({ id, size, central, examples, meanActivation, words }, i) => {
    check(id === i && size === sizeOf(order[i]!), `place and size of feature ${id}`);
    check(
      size === examples.length && examples.every((e) => labels[e.id] === order[i]),
      `members of feature ${id}`,
    );
    check(central === centrals[order[i]!], `central example of feature ${id}`);
    const mean = examples.reduce((sum, { activation }) => sum + activation, 0) / size;
    check(Math.abs(meanActivation - mean) <= 1e-12 * Math.abs(mean), `mean of feature ${id}`);
    check(words.length <= 5, `words of feature ${id}`);
  });
  return problems;
}

function examplesOf(made: Study, bank: string, index: number) {
  return made
    .unit(bank, index)
    .features.flatMap(({ examples }) => examples)
    .sort((a, b) => a.id - b.id);
}

function gatedOptions(made: Study, bank: string, index: number) {
  const { inputs, weights, embedding } = made.inputs(bank, index);
  if (embedding.kind !== 'gated') throw new Error('not gated');
  const width = (weights.length - 2) / 2;
  const { activation, mode } = embedding;
  return {
    inputs,
    gate: weights.subarray(0, width),
    up: weights.subarray(width, 2 * width),
    activation,
    mode,
  };
}

/** h ⊙ ∂a/∂h of a = silu(g·h)(u·h), in float64. */
function plainEmbedding(h: Float64Array, g: Float64Array, u: Float64Array, mode: 'gradient' | 'gate' | 'up') {
  const dot = (w: Float64Array) => w.reduce((sum, value, k) => sum + value * h[k]!, 0);
  const [x, y] = [dot(g), dot(u)];
  const s = 1 / (1 + Math.exp(-x));
  return h.map((value, k) => {
    if (mode === 'gate') return value * g[k]!;
    if (mode === 'up') return value * u[k]!;
    return value * (s * (1 + x * (1 - s)) * y * g[k]! + x * s * u[k]!);
  });
}

/** Whether a row is the other in half precision with one scale, which is at most twice its largest value. */
function isHalfOf(stored: ArrayLike<number>, exact: ArrayLike<number>): boolean {
  let largest = 0;
  for (let i = 0; i < exact.length; i++) largest = Math.max(largest, Math.abs(exact[i]!));
  for (let i = 0; i < exact.length; i++) {
    const bound = Math.max(Math.abs(exact[i]!) * 2 ** -11, 2 * largest * 2 ** -25);
    if (!(Math.abs(stored[i]! - exact[i]!) <= bound)) return false;
  }
  return true;
}

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let most = 0;
  for (let i = 0; i < expected.length; i++) most = Math.max(most, Math.abs(actual[i]! - expected[i]!));
  return most;
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((value, i) => Object.is(value, b[i]));
}
