// docs/adding-a-model.md, followed: its model is added and computes what transformers computed for one that is equal to it but
// for its names.
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { FAMILIES, type Family } from '../../src/model/architectures/model-config.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { readModel, sitesOf } from '../../src/model/compile.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { farthest, readFixture, runRows } from '../helpers/families.ts';
import { quokka } from '../helpers/quokka.ts';

const root = new URL('../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(root + path, 'utf8');
const page = read('docs/adding-a-model.md');
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block]) => block!,
  );

/** Names of tensors and keys of GPT-NeoX, and what Quokka calls them. */
const TENSORS: [RegExp, string][] = [
  [/^gpt_neox\./, 'quokka.'],
  [/embed_in/, 'tokens'],
  [/layers/, 'blocks'],
  [/input_layernorm/, 'attention_norm'],
  [/post_attention_layernorm/, 'mlp_norm'],
  [/query_key_value/, 'qkv'],
  [/attention\.dense/, 'attention.out'],
  [/dense_h_to_4h/, 'in'],
  [/dense_4h_to_h/, 'out'],
  [/final_layer_norm/, 'norm'],
  [/^embed_out/, 'head'],
];
const KEYS = {
  hidden_size: 'd_model',
  num_attention_heads: 'n_heads',
  num_hidden_layers: 'n_layers',
  intermediate_size: 'd_ff',
  max_position_embeddings: 'max_length',
  layer_norm_eps: 'norm_eps',
  hidden_act: 'activation',
  vocab_size: 'vocab_size',
  rope_parameters: 'rope_parameters',
};

test('its code is that of the files it names', () => {
  const [code] = blocks('ts');
  const inPlace = read('test/helpers/quokka.ts').replaceAll('../../src/model/architectures/', './');
  expect(code).toBe(inPlace);
  expect(blocks('python')).toEqual([read('test/fixtures/families/entries/gptj.py')]);
});

test('its model runs, and is the right one', async () => {
  const families = FAMILIES as Record<string, Family>;
  families['quokka'] = quokka;
  onTestFinished(() => {
    delete families['quokka'];
  });
  const { dir, config, rows, expected } = readFixture('gpt-neox');
  const { tensors } = await openCheckpoint(dir);
  const renamed = new Map(
    [...tensors].map(([name, ref]) => [
      TENSORS.reduce((name, [from, to]) => name.replace(from, to), name),
      ref,
    ]),
  );
  const own = Object.entries(KEYS).map(([key, name]) => [name, config[key]]);
  const checkpoint = (patch: object = {}) => ({
    dir,
    tensors: renamed,
    config: { ...Object.fromEntries(own), model_type: 'quokka', ...patch } as Record<string, unknown>,
  });
  const files = readModel(checkpoint());
  const sites = [...sitesOf(files).keys()];
  expect(sites.sort()).toEqual([...expected[0]!.keys()].sort());
  expect(farthest(await runRows(files, rows, sites), expected).difference).toBeLessThanOrEqual(1e-4);
  const other = readModel(checkpoint({ activation: 'relu' }));
  expect(farthest(await runRows(other, rows, sites), expected).difference).toBeGreaterThan(1e-4);
  await expectOneLine(() => readModel(checkpoint({ norm_position: 'after' })), /norm_position = "after"/);
  await expectOneLine(() => readModel(checkpoint({ alibi: true })), /alibi = true/);
});
