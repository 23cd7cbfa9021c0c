// Tiny random models of every family, written by Python's transformers with what all their sites hold in float64:
// test/fixtures/families/make.py. A new entry there is tested here without a line.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Bank } from '../../src/bank/bank.ts';
import { mlpBanks } from '../../src/bank/mlp-bank.ts';
import { gateActivations } from '../../src/embed/gate-activation.ts';
import { PolysemeError } from '../../src/errors.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { type ModelFiles, sitesOf } from '../../src/model/compile.ts';
import { siteNamed } from '../../src/model/sites.ts';
import {
  FAMILIES,
  farthest,
  fixtureNames,
  readFixture,
  readPatched,
  runRows,
  type Tamper,
  tampered,
} from '../helpers/families.ts';

/** The promise: |difference| ≤ 1e-4 · max(1, |reference|). */
const TOLERANCE = 1e-4;
const MOST_BYTES = 60_000;
const MOST_BYTES_OF_ALL = 6_000_000;

const NAMES = fixtureNames();

/** Other choices of nodes, each of which makes another model of every fixture that has such a node. */
const TAMPER: Record<string, Tamper> = {
  'norms with another epsilon': (op, { epsilon, ...rest }) =>
    op.endsWith('Normalization')
      ? { ...rest, epsilon: { float: 0.001 + 1000 * (epsilon as { float: number }).float } }
      : null,
  'the other GELU': (op, { approximate }) =>
    op === 'Gelu' ? { approximate: approximate === 'tanh' ? 'none' : 'tanh' } : null,
  // Two dimensions are one pair in either layout.
  'the other layout of rotary positions': (op, attributes) =>
    op === 'RotaryEmbedding' && attributes['rotary_embedding_dim'] !== 2
      ? { ...attributes, interleaved: attributes['interleaved'] === 1 ? 0 : 1 }
      : null,
  'attention the other way round': (op, attributes) =>
    op === 'Attention' ? { ...attributes, is_causal: attributes['is_causal'] === 1 ? 0 : 1 } : null,
  'another scale of attention': (op, { scale, ...rest }) =>
    op === 'Attention' ? { ...rest, scale: { float: 1.1 * (scale as { float: number }).float } } : null,
  'no soft cap': (op, { softcap, ...rest }) => (op === 'Attention' && softcap !== undefined ? rest : null),
};

test('the fixtures are small', () => {
  const sizes = NAMES.map((name) => {
    const files = readdirSync(join(FAMILIES, name));
    return files.reduce((sum, file) => sum + statSync(join(FAMILIES, name, file)).size, 0);
  });
  expect(NAMES.filter((_, i) => sizes[i]! > MOST_BYTES)).toEqual([]);
  expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(MOST_BYTES_OF_ALL);
});

describe.each(NAMES)('%s', async (name) => {
  const { dir, rows, expected, modules, wrong, same, refused } = readFixture(name);
  const checkpoint = await openCheckpoint(dir);
  const files = readPatched(checkpoint, {});
  const sites = [...sitesOf(files).keys()];

  test('equals transformers at every site', async () => {
    for (const own of expected) expect([...own.keys()].sort()).toEqual([...sites].sort());
    const { difference, site } = farthest(await runRows(files, rows, sites), expected);
    expect(difference, site).toBeLessThanOrEqual(TOLERANCE);
  });

  test('plain operators give the same', async () => {
    const graph = { castWhole: false, plainOperators: true };
    const { difference, site } = farthest(await runRows(files, rows, sites, { graph }), expected);
    expect(difference, site).toBeLessThanOrEqual(TOLERANCE);
  });

  test('its neurons’ weights give their pre-activations', () => checkBanks(files, expected));

  test('a module of transformers, as the name of a site, is never another site', () => {
    for (const [site, place] of Object.entries(modules)) {
      const module = /^output of (.*)$/.exec(place)?.[1];
      if (module === undefined) continue;
      const named = siteNamed(module, sitesOf(files), files.model.rotary);
      expect([`blocks.0.${site}`, null], module).toContain(named);
    }
  });

  test.each(wrong)('%j is another model', async (patch) => {
    const { difference } = farthest(await runRows(readPatched(checkpoint, patch), rows, sites), expected);
    expect(difference).toBeGreaterThan(TOLERANCE);
  });

  const others = Object.entries(TAMPER).flatMap(([choice, tamper]) => {
    const other = tampered(files, tamper);
    return other === null ? [] : [{ choice, other }];
  });
  test.each(others)('with $choice it is another model', async ({ other }) => {
    const { difference } = farthest(await runRows(other, rows, sites), expected);
    expect(difference).toBeGreaterThan(TOLERANCE);
  });

  test.each(same)('%j says the same', async (patch) => {
    const { difference } = farthest(await runRows(readPatched(checkpoint, patch), rows, sites), expected);
    expect(difference).toBeLessThanOrEqual(TOLERANCE);
  });

  test.each(refused)('%j is refused', (patch) => {
    const [key] = Object.keys(patch);
    expect(() => readPatched(checkpoint, patch)).toThrow(PolysemeError);
    expect(() => readPatched(checkpoint, patch)).toThrow(key);
  });
});

/** That W_in·h + b is the pre-activation, for h with the norm's gain and bias and, where there is a norm, without. */
async function checkBanks(
  files: ModelFiles,
  expected: readonly ReadonlyMap<string, Float64Array>[],
): Promise<void> {
  for (let layer = 0; layer < files.model.layers; layer++) {
    const normed = expected[0]!.has(`blocks.${layer}.ln2.hook_normalized`);
    for (const layernorm of normed ? (['raw', 'folded'] as const) : (['raw'] as const)) {
      for (const bank of mlpBanks(files, layer, { layernorm, gated: 'gradient' }))
        await checkWeights(bank, expected);
    }
    for (const { activations } of mlpBanks(files, layer, { layernorm: 'raw', gated: 'gradient' })) {
      checkActivation(files, activations.replace(/hook_post$/, ''), expected);
    }
  }
}

async function checkWeights(
  bank: Bank,
  expected: readonly ReadonlyMap<string, Float64Array>[],
): Promise<void> {
  const { embedding, units, width } = bank;
  const weights = await bank.weights();
  const at = (row: number, site: string) => expected[row]!.get(site)!;
  const names = embedding.kind === 'gated' ? ['hook_pre', 'hook_pre_linear'] : ['hook_pre'];
  const parts = names.map((name) => bank.activations.replace(/hook_post$/, name));
  const rowLength = weights.length / units;
  expect(rowLength).toBe(embedding.kind === 'gated' ? 2 * width + 2 : width);
  for (const [part, site] of parts.entries()) {
    let worst = 0;
    for (let unit = 0; unit < units; unit++) {
      const own = weights.subarray(unit * rowLength, (unit + 1) * rowLength);
      // A row without a bias of its own: what is left after W_in·h is the same at every position.
      let bias = embedding.kind === 'gated' ? own[2 * width + part]! : null;
      expected.forEach((sites, row) => {
        const inputs = sites.get(bank.inputs)!;
        for (let t = 0; t < inputs.length / width; t++) {
          let sum = 0;
          for (let k = 0; k < width; k++) sum += inputs[t * width + k]! * own[part * width + k]!;
          const pre = at(row, site)[t * units + unit]!;
          bias ??= pre - sum;
          worst = Math.max(worst, Math.abs(sum + bias - pre) / Math.max(1, Math.abs(pre)));
        }
      });
    }
    expect(worst, `${site} of ${bank.site}`).toBeLessThanOrEqual(TOLERANCE);
  }
}

/** That the activation by which embeddings are weighted is the model's own. */
function checkActivation(
  { model }: ModelFiles,
  at: string,
  expected: readonly ReadonlyMap<string, Float64Array>[],
): void {
  const activation = gateActivations[model.activation];
  let worst = 0;
  for (const sites of expected) {
    const pre = sites.get(`${at}hook_pre`)!;
    const up = sites.get(`${at}hook_pre_linear`);
    // Neurons of an expert that is not taken at a position are 0 there.
    const shares = sites.get(`${at}hook_share`) ?? [1];
    const neurons = pre.length / shares.length;
    sites.get(`${at}hook_post`)!.forEach((post, i) => {
      const own = shares[Math.floor(i / neurons)] === 0 ? 0 : activation(pre[i]!).value * (up?.[i] ?? 1);
      worst = Math.max(worst, Math.abs(own - post) / Math.max(1, Math.abs(post)));
    });
  }
  expect(worst, `the activation at ${at}`).toBeLessThanOrEqual(TOLERANCE);
}
