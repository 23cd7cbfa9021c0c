import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadModel, type Model } from '../../src/index.ts';
import { type Gpt2Config, referenceGpt2 } from '../helpers/reference-gpt2.ts';
import { type LlamaConfig, referenceLlama } from '../helpers/reference-llama.ts';
import { type Sites, worstDifference } from '../helpers/reference-math.ts';
import { readTensors } from '../helpers/tiny-checkpoint.ts';

/** The promise: |difference| ≤ 1e-4 · max(1, |reference|). */
const TOLERANCE = 1e-4;
const SITES = [
  'hook_resid_pre',
  'attn.hook_z',
  'hook_attn_out',
  'hook_resid_mid',
  'ln2.hook_normalized',
  'mlp.hook_in',
  'mlp.hook_pre',
  'mlp.hook_post',
  'hook_mlp_out',
  'hook_resid_post',
];

const FOLIO = new URL('../../models/folio-5m', import.meta.url).pathname;
const STORIES = new URL('../../../shared/models/stories260K', import.meta.url).pathname;

const open: Model[] = [];
afterAll(() => Promise.all(open.map((model) => model.close())));
async function load(source: string): Promise<Model> {
  const model = await loadModel(source);
  open.push(model);
  return model;
}

const TEXTS = [
  'The captain of the ship looked at the sea, and said nothing for a long while; for he was afraid.',
  'Gentlemen of the Senate',
  'It is a truth',
];

describe('folio-5m against a float64 GPT-2', async () => {
  const tensors = readTensors(join(FOLIO, 'model.safetensors'));
  const config = JSON.parse(readFileSync(join(FOLIO, 'config.json'), 'utf8')) as Gpt2Config;
  const model = await load('builtin:folio-5m');
  const names = [...[0, 1, 2, 3].flatMap((l) => SITES.map((site) => `blocks.${l}.${site}`)), 'logits'];
  const rows = TEXTS.map((text) => [...model.tokenizer.encode(text)]);
  rows.push([0, 500, 8191]);
  const references = rows.map((row) => referenceGpt2(tensors, config, row));

  test('has every site of every layer, and nothing else', () => {
    expect([...model.sites.keys()].sort()).toEqual([...names].sort());
    expect(model.sites.get('blocks.3.mlp.hook_post')).toBe(1024);
    expect(model.sites.get('blocks.0.attn.hook_z')).toBe(256);
    expect(model.sites.get('logits')).toBe(8192);
  });

  test('equals it at every site of every layer, for rows of unequal length', async () => {
    const taps = await model.run({ tokens: rows, taps: names });
    expectEqual(taps, references, rows, names);
  });

  test('a site alone is the same to the bit as among all, whatever runs beside it', async () => {
    const all = await model.run({ tokens: rows, taps: names });
    for (const name of ['blocks.0.hook_attn_out', 'blocks.2.mlp.hook_post', 'blocks.3.hook_resid_mid']) {
      const width = model.sites.get(name)!;
      for (const [i, row] of rows.entries()) {
        const alone = await model.run({ tokens: [row], taps: [name] });
        const among = all[name]!.data.subarray(
          i * longest(rows) * width,
          (i * longest(rows) + row.length) * width,
        );
        expect(alone[name]!.shape).toEqual([1, row.length, width]);
        expect(same(alone[name]!.data, among), `${name}, row ${i}`).toBe(true);
      }
    }
  });

  test('many rows, more than one run takes, come back in order', async () => {
    const many = Array.from({ length: 97 }, (_, i) => {
      const row = [...rows[0]!.slice(0, 1 + (i % 20)), i + 1];
      return i === 40 ? [...row, ...Array(80).fill(7)] : row;
    });
    const name = 'blocks.1.mlp.hook_post';
    const { data, shape } = (await model.run({ tokens: many, taps: [name] }))[name]!;
    const length = longest(many);
    expect(shape).toEqual([97, length, 1024]);
    for (const i of [0, 19, 40, 41, 96]) {
      const alone = (await model.run({ tokens: [many[i]!], taps: [name] }))[name]!.data;
      const start = i * length * 1024;
      expect(same(alone, data.subarray(start, start + alone.length)), `row ${i}`).toBe(true);
    }
  });

  test('the wrong GELU is found out', async () => {
    const wrong = referenceGpt2(tensors, { ...config, activation_function: 'gelu' }, rows[0]!);
    const names = ['blocks.0.mlp.hook_pre', 'blocks.0.mlp.hook_post', 'logits'];
    const taps = await model.run({ tokens: [rows[0]!], taps: names });
    const worst = names.map((name) => worstDifference(taps[name]!.data, wrong[name]!));
    expect(worst[0]).toBeLessThan(TOLERANCE);
    expect(worst[1]).toBeGreaterThan(3 * TOLERANCE);
    expect(worst[2]).toBeGreaterThan(20 * TOLERANCE);
  });

  test('an empty row is all padding; what cannot be run is refused', async () => {
    const name = 'blocks.0.mlp.hook_in';
    const { data, shape } = (await model.run({ tokens: [[], [5, 6]], taps: [name] }))[name]!;
    expect(shape).toEqual([2, 2, 256]);
    expect(data.subarray(0, 512).every((v) => v === 0)).toBe(true);
    expect(data.subarray(512).some((v) => v !== 0)).toBe(true);
    const refused = (tokens: number[][], taps = [name]) => expect(model.run({ tokens, taps })).rejects;
    await refused([[1, 8192]]).toThrow('tokens[0][1] is 8192; ids go from 0 to 8191');
    await refused([[1.5]]).toThrow('tokens[0][0] is 1.5');
    await refused([[-1]]).toThrow('tokens[0][0] is -1');
    await refused([]).toThrow('no token');
    await refused([[]]).toThrow('no token');
    await refused([Array(257).fill(1)]).toThrow("257 tokens; the model's context is 256");
    await refused([[1]], ['blocks.4.mlp.hook_in']).toThrow('no site blocks.4.mlp.hook_in; 4 layers');
    await refused([[1]], ['blocks.0.mlp.hook_pre_linear']).toThrow('no site blocks.0.mlp.hook_pre_linear');
    await refused([[1]], []).toThrow(/tap/);
  });
});

describe.skipIf(!existsSync(STORIES))('shared: stories260K against a float64 Llama', async () => {
  if (!existsSync(STORIES)) return;
  const tensors = readTensors(join(STORIES, 'model.safetensors'));
  const config = JSON.parse(readFileSync(join(STORIES, 'config.json'), 'utf8')) as LlamaConfig;
  const model = await load(STORIES);
  const sites = [...SITES, 'mlp.hook_pre_linear'];
  const names = [...[0, 1, 2, 3, 4].flatMap((l) => sites.map((site) => `blocks.${l}.${site}`)), 'logits'];
  const { bosId, encode } = model.tokenizer;
  const rows = [
    'Once upon a time, there was a little girl named Lily. She loved to play.',
    'The red ball',
  ].map((text) => [bosId!, ...encode(text)]);
  rows.push([bosId!]);
  const references = rows.map((row) => referenceLlama(tensors, config, row));

  test('begins with its BOS by itself, and has every site', () => {
    expect(model.tokenizer.addsBos).toBe(true);
    expect(bosId).toBe(1);
    expect([...model.sites.keys()].sort()).toEqual([...names].sort());
  });

  test('equals it at every site of every layer, for rows of unequal length', async () => {
    expectEqual(await model.run({ tokens: rows, taps: names }), references, rows, names);
  });

  test('goes on from BOS as its authors say', async () => {
    const ids = [bosId!];
    for (let step = 0; step < 24; step++) {
      const { data } = (await model.run({ tokens: [ids], taps: ['logits'] }))['logits']!;
      const last = data.subarray(data.length - 512);
      ids.push(last.indexOf(Math.max(...last)));
    }
    expect(model.tokenizer.decode(ids.slice(1)).trim()).toMatch(/^Once upon a time, there was a little girl/);
  });

  test('a context as long as the model allows', async () => {
    const row = Array.from({ length: 512 }, (_, i) => (i === 0 ? 1 : 3 + ((i * 37) % 500)));
    const reference = referenceLlama(tensors, config, row);
    const taps = await model.run({ tokens: [row], taps: names });
    for (const name of names) {
      expect(worstDifference(taps[name]!.data, reference[name]!), name).toBeLessThan(TOLERANCE);
    }
  });
});

function expectEqual(
  taps: Awaited<ReturnType<Model['run']>>,
  references: readonly Sites[],
  rows: readonly number[][],
  names: readonly string[],
): void {
  const length = longest(rows);
  let worst = 0;
  for (const name of names) {
    const { data, shape } = taps[name]!;
    const width = references[0]![name]!.length / rows[0]!.length;
    expect(shape, name).toEqual([rows.length, length, width]);
    rows.forEach((row, i) => {
      const start = i * length * width;
      const difference = worstDifference(
        data.subarray(start, start + row.length * width),
        references[i]![name]!,
      );
      worst = Math.max(worst, difference);
      expect(difference, `${name}, row ${i}`).toBeLessThan(TOLERANCE);
      const padding = data.subarray(start + row.length * width, start + length * width);
      expect(
        padding.every((v) => v === 0),
        `${name}, padding of row ${i}`,
      ).toBe(true);
    });
  }
  if (process.env['SHOW_DIFFERENCES']) console.log(`worst difference ${worst}`);
}

function longest(rows: readonly number[][]): number {
  return Math.max(...rows.map((row) => row.length));
}

function same(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  );
}
