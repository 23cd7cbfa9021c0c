// The main job and the explanations on a tiny BERT, against plain float64 passes over a small corpus.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheActivations } from '../../src/activations/cache-activations.ts';
import { createRandom } from '../../src/base/random.ts';
import { evaluateSae } from '../../src/evaluate/evaluate.ts';
import { ablate } from '../../src/explain/ablate.ts';
import { directEffect } from '../../src/explain/direct-effect.ts';
import type { Explained } from '../../src/explain/explained.ts';
import { firingContexts } from '../../src/explain/firing-contexts.ts';
import { tokenImportance } from '../../src/explain/importance.ts';
import { Prober } from '../../src/explain/probe.ts';
import { unitExamples } from '../../src/explain/unit-examples.ts';
import { loadModel } from '../../src/model/load-model.ts';
import type { RunStudyOptions } from '../../src/run/open-run.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { FAMILIES } from '../helpers/families.ts';
import { referenceBert } from '../helpers/reference-bert.ts';
import type { Sites } from '../helpers/reference-math.ts';
import { identitySae } from '../helpers/saes.ts';
import { readTensors, type Tensors } from '../helpers/tiny-checkpoint.ts';
import { wordPieceTokenizer } from '../helpers/tiny-encoder.ts';

const WORDS = [
  ...'sea ship captain wind storm sail port rope deck crew king war peace treaty state tax law men'.split(
    ' ',
  ),
  ...'a the of and in at ##s ##ing ##ed'.split(' '),
];
const CLS = 2;
const SEP = 3;
const MASK = 4;
/** Text tokens of a context; with [CLS] and [SEP] two more. */
const SIZE = 10;
const UNITS = 24;
const WIDTH = 16;

let work: string;
let study: Study;
let explained: Explained;
let tensors: Tensors;
let config: Parameters<typeof referenceBert>[1] & { vocab_size: number };
let documents: number[][];

/** A fixture as a whole checkpoint, with a tokenizer. */
function checkpoint(of: string): string {
  const dir = join(work, of);
  cpSync(join(FAMILIES, of), dir, { recursive: true });
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(wordPieceTokenizer(WORDS)));
  return dir;
}

async function studyOf(dir: string, out: string, options: RunStudyOptions = {}): Promise<Study> {
  const path = join(work, out);
  await runStudy({
    model: dir,
    data: join(work, 'text.jsonl'),
    out: path,
    context: SIZE + 2,
    examples: 6,
    center: 'none',
    features: 'cut',
    keepDuplicates: true,
    sinkMultiple: 0,
    threads: 1,
    ...options,
  });
  return openStudy(path);
}

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'polyseme-encoder-'));
  const dir = checkpoint('bert');
  tensors = readTensors(join(dir, 'model.safetensors'));
  config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')) as typeof config;
  const random = createRandom(5);
  const lengths = [...Array.from({ length: 24 }, () => 2 + random.integer(30)), 1, SIZE + 1];
  // Whole words only: each is one token.
  const whole = WORDS.filter((word) => !word.startsWith('##'));
  documents = lengths.map((length) =>
    Array.from({ length }, () => 5 + WORDS.indexOf(whole[random.integer(whole.length)]!)),
  );
  const lines = documents.map((ids) => JSON.stringify({ text: ids.map((id) => WORDS[id - 5]).join(' ') }));
  writeFileSync(join(work, 'text.jsonl'), lines.join('\n'));
  study = await studyOf(dir, 'study.db');
  explained = openExplained(study, { threads: 1 });
});

afterAll(async () => {
  await explained?.close();
  study?.close();
  rmSync(work, { recursive: true });
});

const sitesOf = (tokens: ArrayLike<number>, change?: Parameters<typeof referenceBert>[3]): Sites =>
  referenceBert(tensors, config, tokens, change);
const post = (layer: number): string => `blocks.${layer}.mlp.hook_post`;

/** Every context with all its sites, by plain passes. */
function plainContexts() {
  return documents.flatMap((ids, document) => {
    const windows: number[][] = [];
    for (let start = 0; start < ids.length; start += SIZE) {
      if (ids.length - start >= 2) windows.push(ids.slice(start, start + SIZE));
    }
    return windows.map((window) => {
      const tokens = [CLS, ...window, SEP];
      return { document, tokens, sites: sitesOf(tokens) };
    });
  });
}

describe('the main job', () => {
  it('finds the examples and embeddings of plain passes; [CLS] and [SEP] run, count in the length and are no examples', () => {
    const contexts = plainContexts();
    const info = study.info();
    expect(info.contexts).toBe(contexts.length);
    expect(info.tokens).toBe(contexts.reduce((sum, { tokens }) => sum + tokens.length - 2, 0));
    for (const layer of [0, 1]) {
      for (let index = 0; index < UNITS; index++) {
        const peaks = contexts
          .map(({ tokens, sites }, context) => {
            const values = tokens.map((_, t) => sites[post(layer)]![t * UNITS + index]!);
            const position = values
              .slice(1, -1)
              .reduce((best, a, t) => (a > values[best]! ? t + 1 : best), 1);
            return { context, position, activation: values[position]! };
          })
          .filter(({ activation }) => activation > 0)
          .sort((a, b) => b.activation - a.activation)
          .slice(0, 6);
        const detail = study.detail(`mlp.${layer}`, index);
        const found = Array.from(detail.context, (context, i) => ({
          context,
          position: detail.position[i]!,
        }));
        expect(found).toEqual(peaks.map(({ context, position }) => ({ context, position })));
        const { inputs, weights } = study.inputs(`mlp.${layer}`, index);
        peaks.forEach(({ context, position, activation }, i) => {
          expect(detail.activation[i]).toBeCloseTo(activation, 4);
          const stored = study.contexts([context]).get(context)!;
          expect([...stored.tokens]).toEqual(contexts[context]!.tokens);
          const h = contexts[context]!.sites[`blocks.${layer}.mlp.hook_in`]!;
          const w = tensors[`bert.encoder.layer.${layer}.intermediate.dense.weight`]!.data;
          for (let k = 0; k < WIDTH; k++) {
            // h is stored in half precision.
            const embedding = h[position * WIDTH + k]! * w[index * WIDTH + k]!;
            expect(inputs[i * WIDTH + k]! * weights[k]!).toBeCloseTo(embedding, 2);
          }
        });
      }
    }
  });

  it('gives the same content however the contexts are batched and the norm is folded', async () => {
    const again = await studyOf(join(work, 'bert'), 'again.db', { threads: 2, layersAtOnce: 1 });
    expect(again.info().contentHash).toBe(study.info().contentHash);
    again.close();
    const folded = await studyOf(join(work, 'bert'), 'folded.db', { layernorm: 'folded' });
    const [a, b] = [study.detail('mlp.1', 3), folded.detail('mlp.1', 3)];
    expect([...b.context]).toEqual([...a.context]);
    const { inputs, weights, count } = folded.inputs('mlp.1', 3);
    const raw = study.inputs('mlp.1', 3);
    const bias = tensors['bert.encoder.layer.1.intermediate.dense.bias']!.data[3]!;
    const beta = tensors['bert.encoder.layer.1.attention.output.LayerNorm.bias']!.data;
    const w = tensors['bert.encoder.layer.1.intermediate.dense.weight']!.data.subarray(3 * WIDTH, 4 * WIDTH);
    const fromBeta = beta.reduce((sum, value, k) => sum + value * w[k]!, 0);
    for (let i = 0; i < count; i++) {
      let [own, other] = [bias + fromBeta, bias];
      for (let k = 0; k < WIDTH; k++) {
        own += inputs[i * WIDTH + k]! * weights[k]!;
        other += raw.inputs[i * WIDTH + k]! * raw.weights[k]!;
      }
      expect(own).toBeCloseTo(other, 1);
    }
    folded.close();
  });

  it('refuses BOS before anything is computed', async () => {
    await expect(studyOf(join(work, 'bert'), 'bos.db', { bos: 'yes' })).rejects.toThrow(
      'contexts cannot begin with BOS: the model is an encoder',
    );
    const shared = {
      model: join(work, 'bert'),
      data: join(work, 'text.jsonl'),
      context: SIZE + 2,
      bos: 'yes',
    } as const;
    const cached = join(work, 'cached');
    const site = 'blocks.0.mlp.hook_in';
    await expect(cacheActivations({ ...shared, site, tokens: 50, out: cached })).rejects.toThrow(
      'contexts cannot begin with BOS: the model is an encoder',
    );
    expect(existsSync(cached)).toBe(false);
    await expect(
      evaluateSae({ ...shared, sae: identitySae({ dIn: WIDTH, hookName: site }), tokens: 50 }),
    ).rejects.toThrow('contexts cannot begin with BOS: the model is an encoder');
    const { special, tokens } = study.texts(Int32Array.of(CLS, 5, 6, SEP));
    expect([special, tokens]).toEqual([
      [0, 3],
      ['[CLS]', ' sea', ' ship', '[SEP]'],
    ]);
  });
});

const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** log p of every token at a position. */
function logpAt(sites: Sites, t: number): number[] {
  const row = [...sites['logits']!.subarray(t * config.vocab_size, (t + 1) * config.vocab_size)];
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
  return row.map((x) => x - total);
}

/** What is predicted at a position changes where a unit of layer 0 is 0 at every position of the text. */
function effectAt(tokens: Int32Array, position: number, index: number): { kl: number; loss: number } {
  const changed = sitesOf(tokens, (site, value) =>
    site === post(0)
      ? value.map((a, i) => {
          const t = Math.floor(i / UNITS);
          return i % UNITS === index && t > 0 && t < tokens.length - 1 ? 0 : a;
        })
      : value,
  );
  const [a, b] = [logpAt(sitesOf(tokens), position), logpAt(changed, position)];
  return {
    kl: a.reduce((sum, p, id) => sum + Math.exp(p) * (p - b[id]!), 0),
    loss: a[tokens[position]!]! - b[tokens[position]!]!,
  };
}

describe('explanations', () => {
  it('importance masks every token of the context, on both sides of the peak', async () => {
    const { index } = study.units({ bank: 'mlp.1' }).find((one) => one.examples === 6)!;
    const unit = { bank: 'mlp.1', index };
    const { mask, examples } = await tokenImportance(explained, unit);
    expect(mask).toEqual({ id: MASK, text: '[MASK]' });
    const { examples: known } = unitExamples(study, unit);
    expect(examples.length).toBe(6);
    let after = 0;
    examples.forEach((found, i) => {
      const { tokens: ids, position } = known[i]!;
      const tokens = [...ids];
      const value = (of: number[], at: number): number => sitesOf(of)[post(1)]![at * UNITS + unit.index]!;
      const clean = value(tokens, position);
      expect(found.activation).toBeCloseTo(clean, 4);
      expect(found.tokens.length).toBe(tokens.length);
      tokens.forEach((id, t) => {
        if (id === CLS || id === SEP) expect(found.drops[t]).toBeNull();
        else expect(found.drops[t]).toBeCloseTo(clean - value(tokens.with(t, MASK), position), 4);
        if (t > position && (found.importance?.[t] ?? 0) > 0) after++;
      });
      const text = tokens.slice(1, -1);
      const reaches = Array.from({ length: text.length }, (_, reach) => {
        const from = Math.max(0, position - 1 - reach);
        return { part: text.slice(from, position + reach), at: position - from };
      });
      const enough = reaches.find(({ part, at }) => value([CLS, ...part, SEP], at) >= 0.8 * clean)!;
      expect(found.minimal).toBe(enough.part.length);
    });
    expect(after).toBeGreaterThan(0);
  });

  it('ablation changes what is predicted at the peak itself', async () => {
    const [bank, index] = ['mlp.0', 7];
    const found = await ablate(explained, { bank, index, contexts: 12 });
    const contexts = await firingContexts(explained, bank, index, 12);
    const effects = contexts.map(({ tokens, text, firings }) => {
      const { position } = firings
        .filter(({ feature }) => feature !== null)
        .reduce((a, b) => (b.activation > a.activation ? b : a));
      expect([...text.keys()].filter((t) => text[t] === 0)).toEqual([0, tokens.length - 1]);
      return effectAt(tokens, position, index);
    });
    expect(effects.length).toBe(12);
    expect(found.whole.kl).toBeCloseTo(mean(effects.map(({ kl }) => kl)), 5);
    expect(found.whole.lossChange).toBeCloseTo(mean(effects.map(({ loss }) => loss)), 4);
    expect(await directEffect(explained, { bank, index })).toEqual({ raised: null, lowered: null });
    const other = found.controls!.units[0]!;
    const { examples } = unitExamples(study, { bank, index: other.index });
    const own = examples
      .slice(0, 5)
      .map(({ tokens, position }) => effectAt(tokens, position, other.index).kl);
    expect(other.kl).toBeCloseTo(mean(own), 5);
  });

  it('a probe reads a text between [CLS] and [SEP]', async () => {
    const prober = new Prober(explained);
    const text = 'the captain of the ship and the crew in a storm at sea';
    const { tokens, special, windows, activations } = await prober.unit(text, 'mlp.0', 4);
    expect(tokens.slice(0, 3)).toEqual(['[CLS]', ' the', ' captain']);
    expect([special, windows]).toEqual([
      [0, 11, 12, 16],
      [0, 12],
    ]);
    const ids = text.split(' ').map((word) => 5 + WORDS.indexOf(word));
    const first = sitesOf([CLS, ...ids.slice(0, 10), SEP])[post(0)]!;
    const second = sitesOf([CLS, ...ids.slice(10), SEP])[post(0)]!;
    tokens.forEach((_, t) => {
      const value = t < 12 ? first[t * UNITS + 4]! : second[(t - 12) * UNITS + 4]!;
      expect(activations[t]).toBeCloseTo(value, 4);
    });
    await prober.close();
  });

  it('without a masked-language head, effects on predictions are refused in one line, and the rest works', async () => {
    const bare = await studyOf(checkpoint('bert-bare'), 'bare.db', { layers: [1] });
    const of = openExplained(bare, { threads: 1 });
    const message =
      /bert-bare predicts nothing \(its file has no masked-language head\), so that effects .* saves$/;
    await expect(ablate(of, { bank: 'mlp.1', index: 0 })).rejects.toThrow(message);
    expect(await directEffect(of, { bank: 'mlp.1', index: 0 })).toEqual({ raised: null, lowered: null });
    const { examples } = await tokenImportance(of, { bank: 'mlp.1', index: 0, examples: [0] });
    expect(examples[0]!.drops.length).toBe(
      bare
        .contexts([bare.detail('mlp.1', 0).context[0]!])
        .values()
        .next().value!.tokens.length,
    );
    await of.close();
    bare.close();
  });
});

it('an SAE is evaluated on what is predicted at each text position', async () => {
  const model = await loadModel(join(work, 'bert'), { threads: 1 });
  const sae = identitySae({ dIn: WIDTH, hookName: 'blocks.1.mlp.hook_in' });
  const { crossEntropy, divergence } = await evaluateSae({
    model,
    sae,
    data: join(work, 'text.jsonl'),
    context: SIZE + 2,
    tokens: 100_000,
    polysemy: false,
  });
  const losses = plainContexts().flatMap(({ tokens, sites }) =>
    tokens.slice(1, -1).map((id, i) => {
      const row = sites['logits']!.subarray((i + 1) * config.vocab_size, (i + 2) * config.vocab_size);
      return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[id]!;
    }),
  );
  expect(crossEntropy.tokens).toBe(losses.length);
  expect(divergence.tokens).toBe(losses.length);
  const mean = losses.reduce((sum, x) => sum + x, 0) / losses.length;
  expect(crossEntropy.clean).toBeCloseTo(mean, 4);
  expect(crossEntropy.withSae).toBeCloseTo(mean, 4);
  await model.close();
});
