// Direct effects in tiny models whose norms stand after the MLP, and whose logits have a soft cap, against float64.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { directEffect } from '../../src/explain/direct-effect.ts';
import { openStudy, runStudy } from '../../src/index.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { FAMILIES } from '../helpers/families.ts';
import { readTensors, tinyTokenizer } from '../helpers/tiny-checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-direct-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['gemma', { plusOne: true, after: false }],
  // A soft cap of 3.
  ['gemma2', { plusOne: true, after: true }],
  ['gemma3-text-cap', { plusOne: true, after: true }],
  ['olmo2', { plusOne: false, after: true }],
])('%s', async (name, { plusOne, after }) => {
  const dir = join(folder, name);
  cpSync(join(FAMILIES, name), dir, { recursive: true });
  const tensors = readTensors(join(dir, 'model.safetensors'));
  const embedding = tensors['model.embed_tokens.weight']!;
  const [vocabulary, width] = embedding.shape as [number, number];
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tinyTokenizer(vocabulary)));
  const random = createRandom(1);
  const text = Array.from({ length: 200 }, () => String.fromCharCode(97 + random.integer(26))).join('');
  writeFileSync(join(dir, 'text.jsonl'), JSON.stringify({ text }));
  const out = join(dir, 'study.db');
  await runStudy({
    model: dir,
    data: join(dir, 'text.jsonl'),
    out,
    layers: [0, 1],
    context: 20,
    examples: 2,
    threads: 1,
  });
  const study = openStudy(out);
  const explained = openExplained(study, { model: dir });
  const gamma = (part: string) =>
    tensors[`model.${part}.weight`]!.data.map((weight) => (plusOne ? 1 + weight : weight));
  const final = gamma('norm');
  const head = (tensors['lm_head.weight'] ?? embedding).data;
  for (const [layer, unit] of [
    [0, 3],
    [1, 0],
    [1, 7],
  ] as const) {
    const matrix = tensors[`model.layers.${layer}.mlp.down_proj.weight`]!;
    const [, units] = matrix.shape as [number, number];
    const own = after ? gamma(`layers.${layer}.post_feedforward_layernorm`) : null;
    const effects = Array.from({ length: vocabulary }, (_, id) => {
      let sum = 0;
      for (let k = 0; k < width; k++) {
        sum += matrix.data[k * units + unit]! * (own?.[k] ?? 1) * final[k]! * head[id * width + k]!;
      }
      return sum;
    });
    const mean = effects.reduce((a, b) => a + b, 0) / vocabulary;
    const { raised, lowered } = await directEffect(explained, { bank: `mlp.${layer}`, index: unit });
    const listed = [...raised!, ...lowered!];
    expect(listed.length).toBeGreaterThan(15);
    const largest = Math.max(...effects.map((effect) => Math.abs(effect - mean)));
    for (const { id, effect } of listed) {
      expect(Math.abs(effect - (effects[id]! - mean)) / largest).toBeLessThan(1e-4);
    }
    expect(raised![0]!.id).toBe(effects.indexOf(Math.max(...effects)));
  }
  await explained.close();
  study.close();
});
