import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/model/architectures/model-config.ts';
import { checkpointPaths } from '../../src/model/checkpoint.ts';
import { Metadata } from '../../src/model/gguf/metadata.ts';
import { openGguf } from '../../src/model/gguf/open-gguf.ts';
import { configOf, familyOf, planTensors, type RopeLayout } from '../../src/model/gguf/plan.ts';
import { chooseLayout } from '../../src/model/gguf/rope-layout.ts';
import { tokenizerOf } from '../../src/model/gguf/tokenizer/tokenizer-json.ts';
import { plannedValues, readVector } from '../../src/model/gguf/values.ts';
import { inspectModel } from '../../src/model/inspect.ts';
import { type LoadOptions, loadModel, type Model } from '../../src/model/load-model.ts';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { expectOneLine, temporaryFolder } from '../helpers/expect.ts';
import { encodeGguf } from '../helpers/gguf.ts';

const FIXTURES = new URL('../fixtures/gguf/', import.meta.url).pathname;
const fixture = (name: string): string => join(FIXTURES, `${name}.gguf`);

interface Golden {
  readonly config: Record<string, unknown>;
  readonly tensors: Record<string, { shape: number[]; sha256: string }>;
  readonly ids: (number[] | null)[];
  readonly tokens: number[];
  readonly output: number[];
}
const { texts, ...golden } = JSON.parse(readFileSync(join(FIXTURES, 'golden.json'), 'utf8')) as {
  texts: string[];
} & Record<string, Golden>;
const MODELS = Object.entries(golden as Record<string, Golden>);
/** The layout that each file was written with. */
const layoutOf = (name: string): RopeLayout => (name === 'llama-half' ? 'half' : 'interleaved');
const isLlama = (name: string): boolean => name.startsWith('llama');

let assets: string;
beforeAll(() => {
  assets = mkdtempSync(join(tmpdir(), 'polyseme-gguf-'));
  process.env['HF_ASSETS_CACHE'] = assets;
});
afterAll(() => rmSync(assets, { recursive: true, force: true }));

describe.for(MODELS)('%s', ([name, expected]) => {
  test('is the checkpoint that it was made from, bit for bit', async () => {
    const gguf = await openGguf(fixture(name));
    const plan = planTensors(gguf, new Metadata(gguf), layoutOf(name));
    const found: Golden['tensors'] = {};
    for (const tensor of plan) {
      const hash = createHash('sha256');
      for await (const values of plannedValues(tensor)) hash.update(Buffer.from(values.buffer));
      found[tensor.name] = { shape: [...tensor.shape], sha256: hash.digest('hex') };
    }
    expect(found).toEqual(expected.tensors);
  });

  test('has the config that it was made from', async () => {
    const gguf = await openGguf(fixture(name));
    const meta = new Metadata(gguf);
    const vectors = new Map<string, Float32Array>();
    for (const vector of familyOf(meta).vectors ?? []) {
      const tensor = gguf.tensors.get(vector);
      if (tensor !== undefined) vectors.set(vector, await readVector(tensor, vector));
    }
    const { architectures, dtype, bos_token_id, eos_token_id, pad_token_id, ...config } = configOf(
      meta,
      vectors,
    );
    expect(architectures).toHaveLength(1);
    const same = Object.fromEntries(Object.keys(config).map((key) => [key, expected.config[key]]));
    // The defaults of transformers that a file need not say.
    const normal = (value: Record<string, unknown>) => ({ ...value, n_inner: value['n_inner'] ?? 128 });
    const { partial_rotary_factor = 1, ...rope } = (same['rope_parameters'] ?? {}) as Record<string, unknown>;
    expect(partial_rotary_factor).toBe(1);
    if (same['rope_parameters'] !== undefined) same['rope_parameters'] = rope;
    expect(normal(config)).toEqual(normal(same));
  });

  test('cuts text as the tokenizer that it was made from', async () => {
    const meta = new Metadata(await openGguf(fixture(name)));
    const { tokenizer: json, config } = tokenizerOf(meta);
    const tokenizer = createTokenizer({ tokenizer: json as never, tokenizerConfig: config, path: name });
    const all = [...texts, 'a<think>b <|endoftext|>c'];
    let compared = 0;
    expected.ids.forEach((ids, i) => {
      if (ids === null) return;
      expect([...tokenizer.encode(all[i]!)], JSON.stringify(all[i])).toEqual(ids);
      compared++;
    });
    expect(compared).toBeGreaterThan(12);
  });

  const runs = Object.hasOwn(FAMILIES, String(expected.config['model_type']));
  test.skipIf(!runs)('has the logits of transformers, or the last stream of an encoder without', async () => {
    const model = await open(name, isLlama(name) ? { ropeLayout: layoutOf(name) } : {});
    const end = `blocks.${model.config.layers - 1}`;
    const outputs = ['logits', `${end}.hook_normalized_resid_post`, `${end}.hook_resid_post`];
    const output = outputs.find((site) => model.sites.has(site))!;
    const taps = await model.run({ tokens: [expected.tokens], taps: [output] });
    const last = taps[output]!.data.subarray(-expected.output.length);
    expect(last).toHaveLength(expected.output.length);
    expected.output.forEach((value, i) => {
      expect(Math.abs(last[i]! - value)).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(value)));
    });
    await model.close();
  });
});

async function open(name: string, options: LoadOptions = {}): Promise<Model> {
  return loadModel(fixture(name), { threads: 1, ...options });
}

describe('the layout of rotary positions', () => {
  test.for([
    ['llama', 'interleaved'],
    ['llama-half', 'half'],
  ] as const)('of %s is found to be %s, once', async ([name, layout]) => {
    const notes: string[] = [];
    let asked = 0;
    const sample = async () => {
      asked++;
      return 'Fellow-citizens of the Senate and of the House of Representatives, '.repeat(8);
    };
    const options: LoadOptions = { sample, note: (line) => notes.push(line) };
    const model = await open(name, options);
    expect(model.files.origin?.facts).toMatchObject({ format: 'gguf', ropeLayout: layout });
    expect(notes.at(-1)).toMatch(
      new RegExp(`rotary positions ${layout} \\(\\d\\.\\d+ nats a token interleaved, \\d`),
    );
    expect(asked).toBe(2);
    expect(checkpointPaths(model.files)).toEqual([fixture(name)]);
    await model.close();
    await (await open(name, options)).close();
    expect(asked).toBe(2);
  });

  test('the wrong one costs loss, and gives other logits', async () => {
    const [right, wrong] = [
      await open('llama', { ropeLayout: 'interleaved' }),
      await open('llama', { ropeLayout: 'half' }),
    ];
    const run = { tokens: [golden['llama']!.tokens], taps: ['logits'] };
    const [a, b] = [(await right.run(run))['logits']!.data, (await wrong.run(run))['logits']!.data];
    expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))).toBeGreaterThan(0.1);
    await right.close();
    await wrong.close();
  });

  test('is asked for where the losses hardly differ', async () => {
    await expectOneLine(
      () => open('llama-bpe'),
      /llama-bpe.gguf does not say how its rotary positions lie.*choose with --rope-layout/,
    );
    expect(chooseLayout('x', { interleaved: 3, half: 4 }, 1000)).toBe('interleaved');
    expect(chooseLayout('x', { interleaved: 4, half: 3 }, 1000)).toBe('half');
    for (const [interleaved, half] of [
      [Number.NaN, 3],
      [3, 3.01],
      [6.5, 8],
    ] as const) {
      await expectOneLine(
        () => chooseLayout('x', { interleaved, half }, 1000),
        /neither way reads the text better/,
      );
    }
  });

  test('is not asked for where there is none to choose', async () => {
    await expectOneLine(
      () => open('gpt2', { ropeLayout: 'half' }),
      /is of the architecture gpt2: --rope-layout is for/,
    );
    await expectOneLine(
      () => loadModel('builtin:folio-5m', { ropeLayout: 'half' }),
      /builtin:folio-5m is no GGUF file: --rope-layout is for/,
    );
  });
});

describe('the cache', () => {
  test('is made once, shares what the layouts have in common, and is mended where it is damaged', async () => {
    const notes: string[] = [];
    const options: LoadOptions = { ropeLayout: 'interleaved', note: (line) => notes.push(line) };
    const copy = join(temporaryFolder(), 'copy.gguf');
    const bytes = readFileSync(fixture('llama-mixed'));
    // Another digest, so that no other test has made it.
    writeFileSync(copy, Buffer.concat([bytes, Buffer.alloc(32)]));
    const first = await loadModel(copy, options);
    const { dir } = first.files;
    await first.close();
    expect(notes).toEqual([expect.stringMatching(/dequantising \(.*Q8_0.*\) to 0 MB in /)]);
    expect(first.files.origin?.facts['quantisation']).toMatch(/2 Q4_1/);
    const half = await loadModel(copy, { ropeLayout: 'half' });
    const shard = 'model-00001-of-00002.safetensors';
    expect(statSync(join(half.files.dir, shard)).ino).toBe(statSync(join(dir, shard)).ino);
    await half.close();

    await (await loadModel(copy, options)).close();
    expect(notes).toHaveLength(1);
    writeFileSync(join(dir, 'config.json'), '{}');
    await (await loadModel(copy, options)).close();
    expect(notes).toHaveLength(2);
    expect(readdirSync(dir).filter((name) => name.includes('incomplete'))).toEqual([]);
  });
});

test('inspected without being made into a checkpoint', async () => {
  const found = await inspectModel(fixture('llama-mixed'));
  expect(found).toMatchObject({
    modelType: 'llama',
    runs: true,
    reason: null,
    weights: { tensors: 30, types: { Q4_1: 2, Q5_0: 2, Q8_0: 1 } },
    model: { layers: 2, width: 32, mlpWidth: 64, kvHeads: 2, vocabulary: 384 },
  });
  expect(found.sites['blocks.1.mlp.hook_post']).toBe(64);
  expect(found.notes.join()).toMatch(/--rope-layout/);
});

describe('shards', () => {
  const shard = (number: number, count: number) =>
    encodeGguf({
      metadata: [
        ['general.architecture', { type: 'string', value: 'gpt2' }],
        ['split.no', { type: 'u32', value: number }],
        ['split.count', { type: 'u32', value: count }],
      ],
      tensors: [[`tensor${number}`, { shape: [8], type: 0, offset: 0 }]],
      data: new Uint8Array(32),
    });

  test('are put together, whichever is given', async () => {
    const dir = temporaryFolder();
    for (const i of [0, 1]) writeFileSync(join(dir, `x-0000${i + 1}-of-00002.gguf`), shard(i, 2));
    for (const i of [1, 2]) {
      const { tensors, files } = await openGguf(join(dir, `x-0000${i}-of-00002.gguf`));
      expect([...tensors.keys()]).toEqual(['tensor0', 'tensor1']);
      expect(files).toHaveLength(2);
    }
  });

  test('that lack one, or have another name, are one line', async () => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'x-00001-of-00002.gguf'), shard(0, 2));
    await expectOneLine(
      () => openGguf(join(dir, 'x-00001-of-00002.gguf')),
      /x-00002-of-00002.gguf is not beside it/,
    );
    writeFileSync(join(dir, 'y.gguf'), shard(0, 2));
    await expectOneLine(() => openGguf(join(dir, 'y.gguf')), /is one of 2 shards: give them the names/);
    writeFileSync(join(dir, 'x-00002-of-00002.gguf'), shard(0, 2));
    await expectOneLine(
      () => openGguf(join(dir, 'x-00001-of-00002.gguf')),
      /says that it is shard 1 of 2, not 2/,
    );
  });
});

describe('what is refused', () => {
  /** A fixture with some bytes of its text replaced by as many others. */
  const altered = (name: string, from: string, to: string): string => {
    const path = join(temporaryFolder(), `${name}.gguf`);
    const bytes = readFileSync(fixture(name));
    const at = bytes.indexOf(from);
    expect(at).toBeGreaterThan(0);
    bytes.write(to, at, 'latin1');
    writeFileSync(path, bytes);
    return path;
  };

  test.for([
    ['llama', 'llama', 'mamba', /architecture "mamba" cannot be read \(known: llama, /],
    [
      'gpt2',
      'blk.1.attn_norm',
      'blk.1.attn_more',
      /tensor "blk.1.attn_more.weight" takes no part in a gpt2 model/,
    ],
    ['gpt2', 'blk.1.attn_norm', 'blk.7.attn_norm', /takes no part in a gpt2 model of 2 layers/],
  ] as const)('%s with %s → %s is one line', async ([name, from, to, line]) => {
    await expectOneLine(() => loadModel(altered(name, from, to)), line);
  });

  test('a file that does not exist, and a folder', async () => {
    await expectOneLine(() => loadModel('nowhere.gguf'), /the model "nowhere.gguf" does not exist/);
  });

  test('an unknown way to cut words, unless the tokenizer lies beside', async () => {
    const path = altered('llama-bpe', 'llama-bpe', 'unheardof');
    await expectOneLine(
      () => loadModel(path, { ropeLayout: 'half' }),
      /tokenizer.ggml.pre is "unheardof".*put the model’s tokenizer.json beside the file/,
    );
    const { dir } = (await open('llama-bpe', { ropeLayout: 'half' })).files;
    const beside = join(path, '..', 'tokenizer.json');
    copyFileSync(join(dir, 'tokenizer.json'), beside);
    const model = await loadModel(path, { ropeLayout: 'half' });
    expect([...model.tokenizer.encode(texts[3]!)]).toEqual(golden['llama-bpe']!.ids[3]);
    expect(checkpointPaths(model.files)).toEqual([path, beside]);
    await model.close();
  });
});
