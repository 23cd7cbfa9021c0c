import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unitEmbeddings } from '../../src/bank/embedding.ts';
import type { Explained } from '../../src/explain/explained.ts';
import { MAX_TEXT } from '../../src/explain/limits.ts';
import { type Firing, type Probe, Prober } from '../../src/explain/probe.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { referenceGpt2 } from '../helpers/reference-gpt2.ts';
import { llamaShapes, referenceLlama } from '../helpers/reference-llama.ts';
import { randomSae, savedSae } from '../helpers/saes.ts';
import { randomTensors } from '../helpers/tiny-checkpoint.ts';
import {
  letterId,
  PLANTED,
  plantedStudy,
  plantedTensors,
  RANDOM,
  randomModelTensors,
  type StudyFiles,
  studyOf,
} from './planted.ts';

const { unit, twin, sets, config } = PLANTED;
/** A small Llama of random weights. */
const GATED = {
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 12,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  vocab_size: 32,
  max_position_embeddings: 24,
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: false,
} as const;
/** None of the texts of the study: both sets before the trigger, and others. */
const TEXT = 'fgcoehzomdojkaorxotyo';

let files: StudyFiles;
let study: Study;
let explained: Explained;
let prober: Prober;

beforeAll(async () => {
  files = await plantedStudy();
  study = openStudy(files.study);
  explained = openExplained(study, { threads: 1 });
  prober = new Prober(explained);
});

afterAll(async () => {
  await prober.close();
  await explained.close();
  study.close();
});

/** The set of letters before the peaks of a feature. */
function setOf(of: Study, bank: string, index: number, feature: number): string {
  const { examples } = of.unit(bank, index).features[feature]!;
  return [...new Set(examples.map(({ tokens, position }) => tokens[position - 1]))].sort().join('');
}

describe('a probe of the planted model', () => {
  it.each([unit, twin])(
    'tells the two features of $bank/$index apart on unseen text',
    async ({ bank, index }) => {
      const { tokens, activations, firings } = await prober.unit(TEXT, bank, index);
      expect(tokens.join('')).toBe(TEXT);
      const expected = [...TEXT].flatMap((letter, position) => {
        const set = sets.find((letters) => position > 0 && letters.includes(TEXT[position - 1]!));
        return letter === 'o' && set !== undefined ? [[position, set]] : [];
      });
      expect(expected.length).toBe(5);
      expect(firings.map(({ position, feature }) => [position, setOf(study, bank, index, feature!)])).toEqual(
        expected,
      );
      expect([...activations].flatMap((a, position) => (a > 0 ? [position] : []))).toEqual(
        expected.map(([position]) => position),
      );
      for (const { position, activation, relative } of firings) {
        expect(activation).toBe(activations[position]);
        expect(relative).toBeCloseTo(activation / study.unit(bank, index).maxActivation!, 5);
      }
    },
  );

  it('has the planted units among those that fire most at the trigger', async () => {
    const { firings, missing } = await prober.probe(TEXT, { top: 3 });
    expect(missing).toEqual([]);
    for (const { bank, index } of [unit, twin]) {
      const found = firings.filter((firing) => firing.bank === bank && firing.index === index);
      expect(found.map(({ position }) => position)).toEqual([3, 7, 14, 17, 20]);
    }
  });

  it('reads a text longer than the window in windows, each by itself', async () => {
    const text = TEXT + TEXT;
    const { windows, windowLength, tokens, firings } = await prober.probe(text);
    expect([windows, windowLength, tokens.length]).toEqual([[0, 24], 24, 42]);
    const second = await prober.probe(text.slice(24));
    expect(firings.filter(({ position }) => position >= 24)).toEqual(
      second.firings.map((firing) => ({ ...firing, position: firing.position + 24 })),
    );
  });
});

/** What a probe must find, from a forward pass and distances to every example in float64. */
function bruteForce(
  of: Study,
  text: string,
  sign: 'positive' | 'negative' | 'absolute',
  forward = (ids: number[]) => referenceGpt2(plantedTensors(), config, ids),
): Firing[] {
  const ids = [...text].map(letterId);
  const sites = forward(ids);
  const { options } = of.info();
  const firings: Firing[] = [];
  for (const { name: bank, units, width } of of.info().banks) {
    const layer = bank.split('.')[1];
    const site = options['layernorm'] === 'folded' ? 'ln2.hook_normalized' : 'mlp.hook_in';
    const h = sites[`blocks.${layer}.${site}`]!;
    for (let index = 0; index < units; index++) {
      const { maxActivation, nullDistance, merges, features } = of.unit(bank, index);
      if (features.length === 0) continue;
      const { least } = of.activationRanges(bank);
      const own =
        sign === 'positive'
          ? maxActivation!
          : sign === 'negative'
            ? -least[index]!
            : Math.max(maxActivation!, -least[index]!);
      const { inputs, weights, centre, embedding } = of.inputs(bank, index);
      const examples = unitEmbeddings(embedding, inputs, weights, centre);
      const stray = of.detail(bank, index).stray!;
      ids.forEach((_, position) => {
        const a = sites[`blocks.${layer}.mlp.hook_post`]![position * units + index]!;
        const size = sign === 'positive' ? a : sign === 'negative' ? -a : Math.abs(a);
        if (own <= 0 || size <= 0) return;
        const input = h.subarray(position * width, (position + 1) * width);
        const w = embedding.kind === 'gated' ? siluGradient(input, weights) : weights;
        const e = Array.from(input, (value, k) => (value - (centre?.[k] ?? 0)) * w[k]!);
        const distances = features.map(({ examples: members }) => {
          const each = members.map(({ id }) =>
            cosineDistance(e, examples.subarray(id * width, (id + 1) * width)),
          );
          return each.reduce((sum, distance) => sum + distance, 0) / members.length;
        });
        const nearest = distances.indexOf(Math.min(...distances));
        const members = features[nearest]!.examples.map(({ id }) => id).filter((id) => stray[id] !== 1);
        const bound =
          options['features'] === 'auto'
            ? Math.max(joinedAt(merges, members), 0.7 * (nullDistance ?? 0))
            : (options['threshold'] as number);
        firings.push({
          ...{ bank, index, position, activation: a, relative: size / own, distances },
          feature: distances[nearest]! <= bound + 1e-4 ? nearest : null,
        });
      });
    }
  }
  return firings;
}

/** ∂a/∂h of a = silu(g·h + b) (u·h + c), of a row of weights g, u, b, c. */
function siluGradient(h: Float64Array, row: Float32Array): number[] {
  const d = h.length;
  let [gate, up] = [row[2 * d]!, row[2 * d + 1]!];
  for (let k = 0; k < d; k++) {
    gate += h[k]! * row[k]!;
    up += h[k]! * row[d + k]!;
  }
  const s = 1 / (1 + Math.exp(-gate));
  return Array.from(h, (_, k) => s * (1 + gate * (1 - s)) * up * row[k]! + gate * s * row[d + k]!);
}

function cosineDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    dot += a[k]! * b[k]!;
    aa += a[k]! * a[k]!;
    bb += b[k]! * b[k]!;
  }
  return aa * bb === 0 ? 1 : 1 - dot / Math.sqrt(aa * bb);
}

/** The height of the first merge under which all members lie. */
function joinedAt(merges: readonly (readonly number[])[], members: readonly number[]): number {
  if (members.length < 2) return 0;
  const under = Array.from({ length: merges.length + 1 }, (_, leaf) => new Set([leaf]));
  for (const [a, b, height] of merges) {
    const node = new Set([...under[a!]!, ...under[b!]!]);
    if (members.every((leaf) => node.has(leaf))) return height!;
    under.push(node);
  }
  throw new Error('never joined');
}

/** Every firing of a probe against the reference, and that no stronger one is left out. */
function compareAll(found: Probe, expected: readonly Firing[], top: number): void {
  const byKey = new Map(expected.map((firing) => [keyOf(firing), firing]));
  let compared = 0;
  for (const firing of found.firings) {
    const reference = byKey.get(keyOf(firing))!;
    expect(firing.activation).toBeCloseTo(reference.activation, 4);
    expect(firing.relative).toBeCloseTo(reference.relative, 4);
    firing.distances.forEach((distance, i) => {
      expect(distance).toBeCloseTo(reference.distances[i]!, 4);
    });
    const [least, second = 2] = [...reference.distances].sort((a, b) => a - b);
    // Two features may be equally far.
    if (second - least! < 1e-4) continue;
    compared++;
    expect([keyOf(firing), firing.feature]).toEqual([keyOf(firing), reference.feature]);
  }
  expect(compared).toBeGreaterThan(20);
  for (let position = 0; position < found.tokens.length; position++) {
    const own = found.firings.filter((firing) => firing.position === position);
    const strongest = expected.filter((firing) => firing.position === position);
    strongest.sort((a, b) => b.relative - a.relative);
    expect(own.map(({ relative }) => relative.toFixed(3))).toEqual(
      strongest.slice(0, top).map(({ relative }) => relative.toFixed(3)),
    );
  }
}

const keyOf = ({ bank, index, position }: Firing): string => `${bank}/${index} at ${position}`;

describe('a probe against float64', () => {
  it('has the same activations, distances and features', async () => {
    const expected = bruteForce(study, TEXT, 'positive');
    // Some firings belong to no feature.
    expect(new Set(expected.map(({ feature }) => feature === null)).size).toBe(2);
    compareAll(await prober.probe(TEXT, { top: 8 }), expected, 8);
  });

  it.each([
    ['the clusters at a threshold', { features: 'cut', threshold: 0.3, center: 'none' }, 'positive'],
    ['units of either sign', { sign: 'absolute' }, 'absolute'],
  ] as const)('of %s', async (_, options, sign) => {
    const { study: path } = await plantedStudy(options);
    const other = openStudy(path);
    const own = openExplained(other, { threads: 1 });
    compareAll(await new Prober(own).probe(TEXT, { top: 8 }), bruteForce(other, TEXT, sign), 8);
    await own.close();
    other.close();
  });

  it.each([
    ['a gated model', 'raw', GATED, referenceLlama],
    ['a gated model whose norms are folded into its weights', 'folded', GATED, referenceLlama],
    ['a model whose norms are folded into its weights', 'folded', RANDOM.config, referenceGpt2],
  ] as const)('of %s', async (_, layernorm, model, reference) => {
    const tensors = model === GATED ? randomTensors(llamaShapes(GATED), 9) : randomModelTensors();
    const { study: path } = await studyOf({ config: model, tensors }, { layernorm });
    const other = openStudy(path);
    const own = openExplained(other, { threads: 1 });
    const forward = (ids: number[]) => reference(tensors, model as never, ids);
    const expected = bruteForce(other, TEXT, 'positive', forward);
    compareAll(await new Prober(own).probe(TEXT, { top: 8 }), expected, 8);
    await own.close();
    other.close();
  });
});

describe('latents of an SAE', () => {
  it('are probed where their SAE is given, and named where it is not', async () => {
    const made = { dIn: 32, dSae: 40, hookName: 'blocks.0.mlp.hook_in', modelName: 'gpt2-xl' };
    const sae = await savedSae(randomSae(made), 'small');
    const { study: path } = await plantedStudy({ sae: [`small=${sae}`], layers: [0] });
    const other = openStudy(path);
    const without = openExplained(other, { threads: 1 });
    const part = await new Prober(without).probe(TEXT);
    expect(part.missing).toEqual([
      { bank: 'sae/small', reason: expect.stringContaining('option sae small=PATH') },
    ]);
    await expect(new Prober(without).probe(TEXT, { bank: 'sae/small' })).rejects.toThrow(
      'option sae small=PATH',
    );
    await without.close();
    const notes: string[] = [];
    const own = openExplained(other, {
      threads: 1,
      sae: [`small=${sae}`],
      onNote: (line) => notes.push(line),
    });
    const whole = new Prober(own);
    const { firings, missing } = await whole.probe(TEXT, { top: 32 });
    expect(missing).toEqual([]);
    expect(notes).toEqual([expect.stringContaining('was made for the model gpt2-xl, and is used with')]);
    const latents = firings.filter(({ bank }) => bank === 'sae/small');
    expect(latents.length).toBeGreaterThan(20);
    for (const { bank, index, position, activation, feature } of latents.slice(0, 20)) {
      const alone = await whole.unit(TEXT, bank, index);
      expect(alone.activations[position]).toBeCloseTo(activation, 5);
      expect(alone.firings.find((firing) => firing.position === position)?.feature).toBe(feature);
    }
    await own.close();
    other.close();
  });
});

describe('bad input of a probe', () => {
  it.each([
    ['an empty text', () => prober.probe(''), 'the text is empty: there is nothing to probe'],
    [
      'a text too long',
      () => prober.probe('a'.repeat(MAX_TEXT + 1)),
      'the text has 131073 characters; at most 131072',
    ],
    [
      'too many units',
      () => prober.probe('a', { top: 33 }),
      'option top is 33: it must be a whole number from 1 to 32',
    ],
    [
      'an unknown bank',
      () => prober.probe('a', { bank: 'mlp.9' }),
      'has no bank mlp.9 (it has mlp.0, mlp.1)',
    ],
    [
      'an unknown unit',
      () => prober.unit('a', 'mlp.0', 24),
      'there is no unit mlp.0/24: units go from 0 to 23',
    ],
    [
      'an unknown position',
      () => prober.keys('ab', [{ bank: 'mlp.0', index: 1, position: 2 }]),
      'the text has no position 2; it has 2 tokens, from 0 on',
    ],
  ])('%s is an error of one line', async (_, ask, message) => {
    await expect(ask()).rejects.toThrow(message);
  });

  it('stops when its signal is aborted', async () => {
    const signal = AbortSignal.abort();
    await expect(prober.probe(TEXT, { signal })).rejects.toMatchObject({ code: 'aborted' });
    expect((await prober.probe('o')).tokens).toEqual(['o']);
  });
});
