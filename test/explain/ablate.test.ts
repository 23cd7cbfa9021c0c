import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ablate } from '../../src/explain/ablate.ts';
import { directEffect } from '../../src/explain/direct-effect.ts';
import type { Explained } from '../../src/explain/explained.ts';
import { firingContexts } from '../../src/explain/firing-contexts.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { referenceGpt2 } from '../helpers/reference-gpt2.ts';
import { linear } from '../helpers/reference-math.ts';
import { randomSae, savedSae } from '../helpers/saes.ts';
import { PLANTED, plantedStudy, RANDOM, randomModelTensors, studyOf } from './planted.ts';

const D = RANDOM.config.n_embd;
const INNER = RANDOM.config.n_inner;
const VOCABULARY = RANDOM.config.vocab_size;
const SAE = randomSae(
  { dIn: D, dSae: 20, hookName: 'blocks.0.hook_resid_post', applyBDecToInput: true },
  { seed: 4, bias: 0.2 },
);

let planted: Study;
let random: Study;
let saePath: string;
const opened: Explained[] = [];

function explainedOf(study: Study, sae?: string[]): Explained {
  const explained = openExplained(study, { threads: 1, sae });
  opened.push(explained);
  return explained;
}

beforeAll(async () => {
  planted = openStudy((await plantedStudy()).study);
  saePath = await savedSae(SAE);
  const model = { config: RANDOM.config, tensors: randomModelTensors() };
  random = openStudy((await studyOf(model, { examples: 12, sae: [saePath], select: 'random' })).study);
});
afterAll(async () => {
  for (const explained of opened) await explained.close();
  for (const study of [planted, random]) study?.close();
});

/** log p of every next token at every position, in float64. */
function predictions(
  tokens: Int32Array,
  change?: (site: string, value: Float64Array) => Float64Array,
): Float64Array[] {
  const { logits } = referenceGpt2(randomModelTensors(), RANDOM.config, tokens, change);
  return Array.from(tokens, (_, t) => {
    const row = logits!.slice(t * VOCABULARY, (t + 1) * VOCABULARY);
    const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
    return row.map((x) => x - total);
  });
}

const kl = (clean: Float64Array, other: Float64Array): number =>
  clean.reduce((sum, logp, id) => sum + Math.exp(logp) * (logp - other[id]!), 0);
const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** What ablate measures, one plain forward pass at a time. */
async function plainly(
  explained: Explained,
  bank: string,
  index: number,
  most: number,
  changed: (positions: ReadonlySet<number>) => (site: string, value: Float64Array) => Float64Array,
) {
  const contexts = await firingContexts(explained, bank, index, most);
  const rows = contexts.flatMap(({ tokens, firings, text }) => {
    const clean = predictions(tokens);
    const whole = predictions(tokens, changed(new Set([...text.keys()].filter((t) => text[t] === 1))));
    const features = [...new Set(firings.map(({ feature }) => feature))].filter((id) => id !== null);
    return features.map((feature) => {
      const own = firings.filter((firing) => firing.feature === feature);
      const peak = own.toSorted((a, b) => Math.abs(b.activation) - Math.abs(a.activation))[0]!;
      const other = predictions(tokens, changed(new Set(own.map(({ position }) => position))));
      const t = peak.position;
      return {
        tokens,
        feature,
        activation: Math.abs(peak.activation),
        kl: kl(clean[t]!, other[t]!),
        wholeKl: kl(clean[t]!, whole[t]!),
        loss: t + 1 < tokens.length ? clean[t]![tokens[t + 1]!]! - other[t]![tokens[t + 1]!]! : null,
        total: mean([...clean.keys()].map((p) => kl(clean[p]!, other[p]!))) * tokens.length,
        wholeTotal: mean([...clean.keys()].map((p) => kl(clean[p]!, whole[p]!))) * tokens.length,
        changes: clean[t]!.map((logp, id) => Math.exp(other[t]![id]!) - Math.exp(logp)),
      };
    });
  });
  return { contexts, rows };
}

/** That a result is what `plainly` finds. */
async function expectPlain(
  found: Awaited<ReturnType<typeof ablate>>,
  { contexts, rows }: Awaited<ReturnType<typeof plainly>>,
) {
  expect(found.contexts).toBe(contexts.length);
  expect(rows.length).toBeGreaterThan(5);
  for (const { feature, kl: effect, lossChange, contexts: count, lowered, raised } of found.features) {
    const own = rows.filter((row) => row.feature === feature);
    expect(count).toBe(own.length);
    if (own.length === 0) continue;
    expect(effect).toBeCloseTo(mean(own.map((row) => row.kl)), 5);
    const losses = own.flatMap(({ loss }) => (loss === null ? [] : [loss]));
    if (losses.length > 0) expect(lossChange).toBeCloseTo(mean(losses), 4);
    const changes = own[0]!.changes.map((_, id) => mean(own.map((row) => row.changes[id]!)));
    for (const { id, change } of [...lowered, ...raised]) expect(change).toBeCloseTo(changes[id]!, 5);
    expect(lowered[0]!.change).toBeCloseTo(Math.min(...changes), 5);
  }
  const strongest = contexts.map(({ tokens }) =>
    rows.filter((row) => row.tokens === tokens).toSorted((a, b) => b.activation - a.activation),
  );
  expect(found.whole.kl).toBeCloseTo(mean(strongest.map(([row]) => row!.wholeKl)), 5);
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const ratio = sum(rows.map((row) => row.total)) / sum(strongest.map(([row]) => row!.wholeTotal));
  expect(found.ratio).toBeCloseTo(ratio, 3);
}

describe('ablation', () => {
  it.each([
    [0, 3, 0, 'zero'],
    [1, 5, 0, 'mean'],
    [0, 7, 3, 'zero'],
    [1, 1, -1, 'mean'],
  ] as const)(
    'of a neuron equals forward passes in float64 (mlp.%d/%d at %d, %s)',
    async (layer, index, scale, to) => {
      const explained = explainedOf(random);
      const bank = `mlp.${layer}`;
      const reference = to === 'mean' ? random.units({ bank })[index]!.mean! : 0;
      const found = await ablate(explained, { bank, index, scale, to, contexts: 20, controls: false });
      const plain = await plainly(explained, bank, index, 20, (positions) => (site, value) => {
        if (site !== `blocks.${layer}.mlp.hook_post`) return value;
        return value.map((a, i) =>
          i % INNER === index && positions.has(Math.floor(i / INNER))
            ? reference + scale * (a - reference)
            : a,
        );
      });
      await expectPlain(found, plain);
    },
  );

  it('of a latent takes its part of the SAE’s output away, and keeps the SAE’s error', async () => {
    const explained = explainedOf(random, [`small=${saePath}`]);
    const index = random.units({ bank: 'sae/small', sort: 'examples', descending: true })[0]!.index;
    const found = await ablate(explained, { bank: 'sae/small', index, contexts: 20, controls: false });
    const { W_enc, b_enc, b_dec } = SAE.tensors;
    const row = SAE.W_dec.subarray(index * D, (index + 1) * D);
    const plain = await plainly(explained, 'sae/small', index, 20, (positions) => (site, value) => {
      if (site !== 'blocks.0.hook_resid_post') return value;
      const out = value.slice();
      for (const t of positions) {
        const x = value.subarray(t * D, (t + 1) * D);
        let z = b_enc![index]!;
        for (let k = 0; k < D; k++) z += (x[k]! - b_dec[k]!) * W_enc.data[k * SAE.config.dSae + index]!;
        for (let k = 0; k < D; k++) out[t * D + k]! -= Math.max(0, z) * row[k]!;
      }
      return out;
    });
    await expectPlain(found, plain);
  });

  it('by feature changes what follows that feature, and nothing else', async () => {
    const explained = explainedOf(planted);
    const found = await ablate(explained, { ...PLANTED.unit, contexts: 60 });
    expect(found.unplaced).toBe(0);
    // It writes both letters wherever it fires; the letter before forbids one of them: one thing, in two contexts.
    expect(found.differs).toBe(false);
    expect(found.ratio).toBeCloseTo(1, 2);
    const continuations = found.features.map(({ lowered }) => lowered[0]!.text);
    expect(continuations.toSorted()).toEqual([...PLANTED.continuations]);
    for (const {
      kl: effect,
      lossChange,
      elsewhere,
      adjusted,
      lowered,
      contexts,
      shuffled,
    } of found.features) {
      expect(contexts).toBeGreaterThan(10);
      expect(effect).toBeGreaterThan(1);
      expect(lossChange).toBeGreaterThan(1);
      expect(elsewhere!).toBeLessThan(effect!);
      expect(adjusted).toBeLessThan(0.01);
      // The letter of the other feature hardly moves.
      expect(Math.abs(lowered[1]?.change ?? 0)).toBeLessThan(0.05);
      expect(lowered[0]!.change).toBeLessThan(-0.3);
      expect(shuffled![0]).toBeLessThanOrEqual(shuffled![1]);
    }
    expect(found.whole.klInterval![0]).toBeLessThanOrEqual(found.whole.kl!);
    // No other unit fires as rarely.
    expect(found.controls!.below).toBe(1);
    expect(found.controls!.units).toHaveLength(20);
  });

  it('is the same again, and kept', async () => {
    const question = { bank: 'mlp.0', index: 4, contexts: 12, seed: 3 };
    const first = await ablate(explainedOf(random), question);
    expect(await ablate(explainedOf(random), question)).toEqual(first);
    expect(first.controls!.units.length).toBeGreaterThan(0);
    for (const { index, kl: effect } of first.controls!.units) {
      expect(index).not.toBe(4);
      expect(effect).toBeGreaterThanOrEqual(0);
    }
  });

  it('of one feature tests nothing against others', async () => {
    const found = await ablate(explainedOf(planted), {
      ...PLANTED.unit,
      feature: 1,
      contexts: 30,
      controls: false,
    });
    expect(found.features.map(({ feature }) => feature)).toEqual([1]);
    expect(found).toMatchObject({ differs: null, ratio: null, controls: null });
    expect(found.features[0]!.p).toBeNull();
  });

  it('says what is wrong with a question', async () => {
    const explained = explainedOf(planted);
    const ask = (question: object) => ablate(explained, { ...PLANTED.unit, ...question });
    await expect(ask({ feature: 5 })).rejects.toMatchObject({ code: 'not-found' });
    await expect(ask({ bank: 'mlp.4' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(ask({ contexts: 0 })).rejects.toThrow('option contexts is 0');
    await expect(ask({ scale: 11 })).rejects.toThrow('option scale is 11: it must be from -1 to 10');
    await expect(ask({ scale: 2, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    const withoutSae = explainedOf(random);
    await expect(ablate(withoutSae, { bank: 'sae/small', index: 0 })).rejects.toThrow(
      /option sae small=PATH/,
    );
  });
});

describe('the direct effect', () => {
  /** Output weights through the folded norm and the unembedding, centred, in float64. */
  const plain = (direction: Float64Array): Float64Array => {
    const tensors = randomModelTensors();
    const gamma = tensors['ln_f.weight']!.data;
    const centre = mean([...direction]);
    const scaled = direction.map((x, k) => (x - centre) * gamma[k]!);
    const effects = linear(scaled, tensors['wte.weight']!, undefined, 'out_in');
    const average = mean([...effects]);
    return effects.map((x) => x - average);
  };
  const expectEffects = (found: Awaited<ReturnType<typeof directEffect>>, want: Float64Array) => {
    for (const list of [found.raised!, found.lowered!]) {
      for (const { id, effect } of list) expect(effect).toBeCloseTo(want[id]!, 4);
    }
    expect(found.raised![0]!.effect).toBeCloseTo(Math.max(...want), 4);
    expect(found.lowered![0]!.effect).toBeCloseTo(Math.min(...want), 4);
  };

  it.each([0, 1])('of a neuron is its output weights on the logits (layer %d)', async (layer) => {
    const explained = explainedOf(random);
    const down = randomModelTensors()[`h.${layer}.mlp.c_proj.weight`]!.data;
    for (const index of [0, 6]) {
      const want = plain(down.slice(index * D, (index + 1) * D));
      expectEffects(await directEffect(explained, { bank: `mlp.${layer}`, index }), want);
    }
  });

  it('of a latent is its decoder row on the logits', async () => {
    const explained = explainedOf(random, [`small=${saePath}`]);
    const row = Float64Array.from(SAE.W_dec.subarray(3 * D, 4 * D));
    expectEffects(await directEffect(explained, { bank: 'sae/small', index: 3 }), plain(row));
  });

  it('of the planted unit raises both continuations', async () => {
    const { raised } = await directEffect(explainedOf(planted), PLANTED.unit);
    expect(
      raised!
        .slice(0, 2)
        .map(({ text }) => text)
        .sort(),
    ).toEqual([...PLANTED.continuations]);
    await expect(directEffect(explainedOf(planted), { bank: 'mlp.0', index: 99 })).rejects.toMatchObject({
      code: 'not-found',
    });
  });
});
