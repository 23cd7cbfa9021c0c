import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { KNOWN_MODELS } from '../../src/model/architectures/known.ts';
import { inspectModel } from '../../src/model/inspect.ts';
import { expectFailure, manyCommands, POLYSEME } from '../helpers/cli.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { FAMILIES, fixtureNames, readFixture } from '../helpers/families.ts';
import { bytesOf, writeOnnx } from '../helpers/onnx-files.ts';
import { tinyTokenizer } from '../helpers/tiny-checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-models-'));
const { cli, close } = manyCommands(POLYSEME[0]!);
afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

/** A copy of a fixture with a tokenizer and, if asked for, a changed config. */
function checkpoint(fixture: string, patch: object = {}): string {
  const dir = join(folder, `${fixture}-${Object.keys(patch).join('-')}`);
  cpSync(join(FAMILIES, fixture), dir, { recursive: true });
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tinyTokenizer(32)));
  const { config } = readFixture(fixture);
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ ...config, ...patch }));
  return dir;
}

test('models lists every kind of model, and each was checked against the version that it names', async () => {
  const { stdout } = await cli(['models', '--json']);
  const list = JSON.parse(stdout) as { modelType: string; family: string; checkedAgainst: string }[];
  expect(list.map(({ modelType }) => modelType)).toEqual(Object.keys(KNOWN_MODELS));
  const checked = new Map(
    fixtureNames().map((name) => {
      const { config, transformers } = readFixture(name);
      return [config['model_type'], `transformers ${transformers}`];
    }),
  );
  for (const { modelType, checkedAgainst } of list) {
    if (checkedAgainst.startsWith('transformers')) expect(checked.get(modelType)).toBe(checkedAgainst);
  }
  const text = (await cli(['models'])).stdout;
  for (const { modelType, family } of list)
    expect(text).toMatch(new RegExp(`^${modelType} +${family} `, 'm'));
});

describe('models inspect', () => {
  test('of a model without attention, nothing of heads', async () => {
    const { model } = await inspectModel('builtin:digits');
    expect(model).toMatchObject({ heads: null, kvHeads: null, images: true });
    const { stdout } = await cli(['models', 'inspect', 'builtin:digits']);
    expect(stdout).not.toMatch(/attention|head/);
    expect(stdout).toMatch(/^context +1 position$/m);
    // Every kind of transformer has its heads.
    for (const name of fixtureNames()) {
      if (readFixture(name).config['model_type'] === 'mlp') continue;
      expect((await inspectModel(checkpoint(name))).model?.heads, name).toBeGreaterThan(0);
    }
  });

  test('says what a checkpoint holds', async () => {
    const dir = checkpoint('stablelm-parallel');
    const { source, sites, ...rest } = await inspectModel(dir);
    expect(source).toBe(dir);
    expect(rest).toMatchObject({
      modelType: 'stablelm',
      family: 'StableLM',
      runs: true,
      reason: null,
      weights: { types: { F32: expect.any(Number) as number } },
      model: {
        layers: 2,
        width: 16,
        heads: 2,
        kvHeads: 1,
        mlpWidth: 20,
        units: 40,
        gated: true,
        activation: 'silu',
      },
      notes: [],
    });
    expect(sites['blocks.1.mlp.hook_post']).toBe(20);
    expect(sites).not.toHaveProperty(['blocks.1.hook_resid_mid']);
    const { stdout: json } = await cli(['models', 'inspect', dir, '--json']);
    expect(JSON.parse(json)).toEqual({ source: dir, sites, ...rest });
    const { stdout } = await cli(['models', 'inspect', dir]);
    expect(stdout).toMatch(/^runs +yes$/m);
    expect(stdout).toMatch(/^units +40: 20 neurons a layer, silu, gated$/m);
    expect(stdout).toMatch(/^sites +blocks\.0-1\.hook_resid_pre {2}16$/m);
  });

  test('says why one can’t be run', async () => {
    const unknown = await inspectModel(checkpoint('gpt2', { model_type: 'mamba' }));
    expect(unknown).toMatchObject({ modelType: 'mamba', family: null, runs: false, model: null, sites: {} });
    expect(unknown.reason).toMatch(/model_type "mamba" is not an architecture that can be run/);
    const refused = await inspectModel(checkpoint('falcon', { alibi: true }));
    expect(refused).toMatchObject({ family: 'Falcon', runs: false });
    expect(refused.reason).toMatch(/alibi = true changes the computation/);
    const { reason, model } = await inspectModel(join(FAMILIES, 'opt'));
    expect(reason).toMatch(/has no tokenizer\.json/);
    expect(model?.units).toBe(48);
  });

  test('lists the MLPs of an ONNX file', async () => {
    const path = writeOnnx(join(folder, 'onnx'), 'llama-traced');
    writeFileSync(join(folder, 'onnx/tokenizer.json'), JSON.stringify(tinyTokenizer(32)));
    const found = await inspectModel(path);
    expect(found).toMatchObject({
      family: 'ONNX file',
      runs: true,
      model: { layers: 2, units: 48, heads: null, bidirectional: false },
      onnx: {
        producer: 'pytorch',
        opset: 17,
        inputs: { input_ids: 'token ids', attention_mask: 'ones' },
        outputs: ['logits'],
      },
    });
    expect(found.onnx!.mlps[1]).toEqual({
      bank: 'mlp.1',
      node: '/model/model/layers.1/mlp/gate_proj/MatMul',
      width: 16,
      units: 24,
      activation: 'silu',
      gated: true,
    });
    const { stdout } = await cli(['models', 'inspect', path]);
    expect(stdout).toMatch(/^kind +ONNX file by pytorch, operator set 17, .*attention_mask: ones$/m);
    expect(stdout).toMatch(/^banks +mlp\.0 {2}16 → 24, silu, gated, from node .*layers\.0.*gate_proj/m);
    expect(stdout).toMatch(/^attention +causal$/m);
    expect(await inspectModel(writeOnnx(join(folder, 'onnx'), 'if-around'))).toMatchObject({
      runs: false,
      reason: expect.stringMatching(/optimum::if/) as string,
    });
    writeFileSync(join(folder, 'onnx/cut.onnx'), bytesOf('relu.onnx').subarray(0, 300));
    await expectOneLine(() => inspectModel(join(folder, 'onnx/cut.onnx')), /damaged/);
  });

  test('of no model is one line', async () => {
    expectFailure(await cli(['models', 'inspect', join(folder, 'none')]), /does not exist/);
    await expectOneLine(() => inspectModel(folder), /has no config\.json/);
  });
});
