// What the scripts of docs/own-activations.md wrote with PyTorch for two tiny random models: read, held against our own
// forward pass of the same checkpoints, and made into studies.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openGivenFolder } from '../../src/activations/given-folder.ts';
import { PartReader } from '../../src/activations/given-part.ts';
import { mlpBank } from '../../src/bank/mlp-bank.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { openStudy } from '../../src/study/open-study.ts';

const fixtures = new URL('../fixtures/own-activations/', import.meta.url).pathname;
const texts = readFileSync(join(fixtures, 'texts.txt'), 'utf8').trim().split('\n');
const out = mkdtempSync(join(tmpdir(), 'polyseme-python-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe.each([
  ['gpt2', 48, 'linear'],
  ['llama', 20, 'gated'],
] as const)('%s', (name, units, kind) => {
  const dir = join(fixtures, `hooks-${name}`);

  test('inputs, activations and weights are those of our forward pass', async () => {
    const folder = await openGivenFolder(dir);
    expect([folder.contexts, folder.bank.units, folder.bank.width, folder.longest]).toEqual([
      11,
      units,
      12,
      7,
    ]);
    expect(folder.bank.embedding.kind).toBe(kind);
    const model = await loadModel(join(fixtures, name));
    const own = mlpBank(model.files, 1, { layernorm: 'raw', gated: 'gradient' });
    expectNear(await folder.bank.weights(), await own.weights());
    const [h, a] = ['blocks.1.mlp.hook_in', 'blocks.1.mlp.hook_post'] as const;
    for (const part of folder.parts) {
      const reader = await PartReader.open(part);
      for (let c = 0; c < part.contexts; c++) {
        const tokens = await reader.tokens(c);
        expect(model.tokenizer.texts(tokens).join(' ')).toBe(texts[part.first + c]);
        const taps = await model.run({ tokens: [tokens], taps: [h, a] });
        expectNear(await reader.floats('inputs', c, 1, tokens.length), taps[h]!.data);
        expectNear(await reader.floats('activations', c, 1, tokens.length), taps[a]!.data);
      }
      await reader.close();
    }
    await model.close();
  });

  test('they make a study, with the texts of the tokens and features named by them', async () => {
    const path = join(out, `${name}.db`);
    const info = await runStudy({ features: 'cut', activations: dir, examples: 8, out: path });
    expect([info.status, info.contexts, info.tokens]).toEqual(['complete', 11, 73]);
    const study = openStudy(path);
    const [most] = study.units({ sort: 'clusters', descending: true, limit: 1 });
    const { features } = study.unit(most!.bank, most!.index);
    expect(features.length).toBeGreaterThan(1);
    const words = new Set(texts.join(' ').split(' '));
    for (const { examples } of features) {
      for (const { tokens, position } of examples) expect(words).toContain(tokens[position]);
    }
    study.close();
  });
});

test('the page that tells of them shows the scripts as they are', () => {
  const page = readFileSync(new URL('../../docs/own-activations.md', import.meta.url), 'utf8');
  const shown = [...page.matchAll(/```python\n([\s\S]*?)```/g)].map(([, code]) => code);
  const scripts = ['hooks.py', 'nnsight_traces.py'].map((name) => readFileSync(join(fixtures, name), 'utf8'));
  expect(shown).toEqual(scripts);
});

/** As near as float32 in two programs is: 1e-4 of the larger of 1 and the value. */
function expectNear(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  actual.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(value - expected[i]!) / Math.max(1, Math.abs(expected[i]!)));
  });
  expect(worst).toBeLessThan(1e-4);
}
