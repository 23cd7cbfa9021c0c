import { describe, expect, it } from 'vitest';
import { checkedSites, checkInvariants, checkModel } from '../../src/bank/check-model.ts';
import type { MlpNames } from '../../src/model/architectures/architecture.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { type ModelFiles, readModel } from '../../src/model/compile.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { fixtureNames, readFixture, runRows } from '../helpers/families.ts';

async function opened(
  name: string,
): Promise<{ files: ModelFiles; values: Map<string, Float32Array>; count: number }> {
  const { dir, rows } = readFixture(name);
  const files = readModel(await openCheckpoint(dir));
  const [values] = await runRows(files, rows.slice(0, 1), checkedSites(files));
  return { files, values: values!, count: rows[0]!.tokens.length };
}

/** The same model, whose neurons are taken to lie elsewhere. */
function withNames(files: ModelFiles, change: (names: MlpNames, layer: number) => MlpNames): ModelFiles {
  const { architecture } = files;
  const mlp: typeof architecture.mlp = (layer, weights) => change(architecture.mlp(layer, weights), layer);
  return { ...files, architecture: { ...architecture, mlp } };
}

describe('what holds in every model', () => {
  it.each(fixtureNames())('holds in %s', async (name) => {
    const { files, values, count } = await opened(name);
    expect(values.size).toBeGreaterThan(4);
    await checkInvariants(files, values, count);
  });

  it('holds in a model that is loaded', async () => {
    await using model = await loadModel('builtin:folio-5m');
    await checkModel(model);
  });

  it('does not where the neurons are looked for elsewhere: the layer and the site are named', async () => {
    const { files, values, count } = await opened('llama');
    const swapped = withNames(files, (names) => ({ ...names, up: names.gate!, gate: names.up }));
    await expect(checkInvariants(swapped, values, count)).rejects.toThrow(
      /layer 0: blocks\.0\.mlp\.hook_pre is not W·h \+ b of its neurons/,
    );
    const shifted = withNames(files, (names, layer) =>
      layer === 0 ? names : { ...names, up: { ...names.up, first: names.up.first + 1 } },
    );
    await expect(checkInvariants(shifted, values, count)).rejects.toThrow(
      /layer [1-9]: blocks\.[1-9]\.mlp\.hook_pre_linear is not/,
    );
  });

  it('does not with another activation function', async () => {
    const { files, values, count } = await opened('gpt2');
    const other = withNames(files, (names) => ({ ...names, activation: 'relu' }));
    await expect(checkInvariants(other, values, count)).rejects.toThrow(
      /layer 0: blocks\.0\.mlp\.hook_post is not the relu of its pre-activations/,
    );
  });

  it.each([
    ['gpt2', 'hook_resid_mid', 'hook_resid_pre and hook_attn_out'],
    ['gpt2', 'hook_resid_post', 'hook_resid_mid and hook_mlp_out'],
    ['gptj', 'hook_resid_post', 'hook_resid_pre and hook_attn_out and hook_mlp_out'],
  ])('does not in %s where %s is another', async (name, site, parts) => {
    const { files, values, count } = await opened(name);
    values.get(`blocks.1.${site}`)![3]! += 0.5;
    await expect(checkInvariants(files, values, count)).rejects.toThrow(
      `layer 1: blocks.1.${site} is not the sum of ${parts}`,
    );
  });
});
