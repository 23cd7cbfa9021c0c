import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MlpNames } from '../../src/model/architectures/architecture.ts';
import { checkedSites, checkInvariants, checkModel } from '../../src/model/check-model.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { type ModelFiles, mlpNamesOf, readModel } from '../../src/model/compile.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { toModel } from '../../src/model/to-model.ts';
import { FAMILIES, fixtureNames, readFixture, runRows } from '../helpers/families.ts';
import { encodeSafetensors, readTensors, tinyTokenizer } from '../helpers/tiny-checkpoint.ts';

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

  it.each([
    ['bert', 'hook_resid_post', 'mlp.hook_in and hook_mlp_out'],
    ['gemma2', 'hook_resid_post', 'hook_resid_mid and hook_mlp_out'],
    ['vit', 'hook_resid_mid', 'hook_resid_pre and hook_attn_out'],
  ])('does not in %s, whose norms stand elsewhere, where %s is another', async (name, site, parts) => {
    const { files, values, count } = await opened(name);
    values.get(`blocks.1.${site}`)![3]! += 0.5;
    await expect(checkInvariants(files, values, count)).rejects.toThrow(
      `layer 1: blocks.1.${site} is not the sum of ${parts}`,
    );
  });

  it('does not where BERT’s MLP adds to the stream before the norm', async () => {
    const { files, values, count } = await opened('bert');
    const [middle, added] = ['hook_resid_mid', 'hook_mlp_out'].map((name) => values.get(`blocks.0.${name}`)!);
    values.set(
      'blocks.0.hook_resid_post',
      middle!.map((value, i) => value + added![i]!),
    );
    await expect(checkInvariants(files, values, count)).rejects.toThrow(
      'blocks.0.hook_resid_post is not the sum of mlp.hook_in and hook_mlp_out',
    );
  });

  it.each([
    ['gpt2', 'hook_mlp_out'],
    ['llama', 'hook_mlp_out'],
    ['bert', 'hook_mlp_out'],
    // What is normed, or scaled, before it is added.
    ['gemma2', 'mlp.hook_out'],
    ['dinov2', 'mlp.hook_out'],
    ['mixtral', 'hook_mlp_out'],
    ['qwen2-moe', 'hook_mlp_out'],
  ])('does not in %s where the output matrix gives another %s', async (name, site) => {
    const { files, values, count } = await opened(name);
    // A value of the sites alone: what the matrix makes of the activations is as before.
    values.get(`blocks.0.${site}`)![0]! += 0.5;
    await expect(checkInvariants(files, values, count)).rejects.toThrow(
      `layer 0: blocks.0.${site} is not W·a + b of the activations`,
    );
  });

  it('does not where an expert’s output matrix is another’s', async () => {
    for (const name of ['mixtral', 'qwen2-moe']) {
      const { files, values, count } = await opened(name);
      const swapped = withNames(files, ({ experts, ...names }) => ({
        ...names,
        experts: experts!.map((expert, i) => ({ ...expert, out: experts!.at(i - 1)!.out })),
      }));
      await expect(checkInvariants(swapped, values, count), name).rejects.toThrow(
        /blocks\.0\.hook_mlp_out is not W·a \+ b/,
      );
    }
  });

  it('does not where a shared expert’s neurons are another’s', async () => {
    const { files, values, count } = await opened('qwen2-moe');
    const swapped = withNames(files, ({ shared, ...names }) => ({
      ...names,
      shared: { ...shared!, up: shared!.gate!, gate: shared!.up },
    }));
    await expect(checkInvariants(swapped, values, count)).rejects.toThrow(
      /blocks\.0\.mlp\.shared\.hook_pre is not W·h/,
    );
  });

  it('does not where the logits of a plain MLP are another’s', async () => {
    const model = await loadModel('builtin:digits');
    const { files } = model;
    const { data } = (
      await model.run({
        pixels: [{ data: new Float32Array(784).fill(0.5), shape: [1, 28, 28] }],
        taps: ['logits'],
      })
    )['logits']!;
    await model.close();
    expect(checkedSites(files)).toContain('logits');
    const sites = checkedSites(files);
    const values = new Map(sites.map((site) => [site, data]));
    values.delete('blocks.0.mlp.hook_in');
    values.delete('blocks.0.mlp.hook_pre');
    values.set('blocks.0.mlp.hook_post', new Float32Array(mlpNamesOf(files, 0).units));
    await expect(checkInvariants(files, values, 1)).rejects.toThrow(/layer 0: logits is not W·a \+ b/);
  });

  it('a command’s model is checked when it is loaded', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'polyseme-check-'));
    cpSync(join(FAMILIES, 'gpt2'), dir, { recursive: true });
    writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tinyTokenizer(32)));
    const { model, release } = await toModel(dir);
    expect(model.config.architecture).toBe('gpt2');
    expect((await toModel(model)).model).toBe(model);
    await release();
    // Weights that are numbers, whose products are none.
    const tensors = readTensors(join(dir, 'model.safetensors'));
    for (const part of ['c_fc.bias', 'c_proj.weight']) {
      const name = Object.keys(tensors).find((one) => one.endsWith(`h.1.mlp.${part}`))!;
      tensors[name]!.data.fill(1e30);
    }
    writeFileSync(join(dir, 'model.safetensors'), encodeSafetensors(tensors));
    await expect(toModel(dir)).rejects.toThrow(
      /layer 1: blocks\.1\.hook_mlp_out is Infinity on a few tokens/,
    );
    rmSync(dir, { recursive: true });
  });
});
