import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGivenFolder } from '../../src/activations/given-folder.ts';
import { mlpBank } from '../../src/bank/mlp-bank.ts';
import { toHalves } from '../../src/base/half.ts';
import { type Context, cutContexts } from '../../src/corpus/contexts.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import type { SplitUnit } from '../../src/features/split-unit.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { openStudy } from '../../src/study/open-study.ts';
import { bytesOf, writeRaw } from '../helpers/safetensors.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-given-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Tensor = readonly [dtype: string, shape: readonly number[], data: ArrayBufferView];
type Tensors = Readonly<Record<string, Tensor>>;

function writeTensors(path: string, tensors: Tensors): void {
  let end = 0;
  const header: Record<string, object> = {};
  for (const [name, [dtype, shape, data]] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  writeRaw(path, header, Buffer.concat(Object.values(tensors).map(([, , data]) => bytesOf(data))));
}

function writeFolder(name: string, bank: unknown, weights: Tensors, parts: readonly Tensors[]): string {
  const dir = join(folder, name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  writeFileSync(join(dir, 'bank.json'), typeof bank === 'string' ? bank : JSON.stringify(bank));
  writeTensors(join(dir, 'weights.safetensors'), weights);
  parts.forEach((part, i) => {
    writeTensors(join(dir, `part-${String(i).padStart(5, '0')}.safetensors`), part);
  });
  return dir;
}

const floats = (shape: readonly number[], data: Float32Array): Tensor => ['F32', shape, data];

describe('a layer of folio-5m, written by us as somebody else would', () => {
  const LENGTH = 40;
  const COUNT = 26;
  const WANTED = [0, 3, 64, 100, NEURONS - 1];
  const dirs: Record<string, string> = {};
  let checkpoint = '';

  beforeAll(async () => {
    checkpoint = writeSmallFolio(join(folder, 'model'), NEURONS);
    const model = await loadModel(checkpoint);
    const { tokenizer, config } = model;
    const contexts: Context[] = [];
    const options = { length: LENGTH, bos: tokenizer.addsBos, count: COUNT, seed: 0 };
    for await (const context of cutContexts(await openCorpus('builtin:sotu'), tokenizer, options)) {
      contexts.push(context);
    }
    const taps = ['blocks.1.mlp.hook_in', 'blocks.1.mlp.hook_post'] as const;
    const weights = await mlpBank(model.files, 1, { layernorm: 'raw', gated: 'gradient' }).weights();
    const given = { weights: floats([config.mlpWidth, config.width], weights) };
    const bank = {
      name: 'mlp.1',
      site: taps[0],
      tokenizer: checkpoint,
    };
    const padded: Tensors[] = [];
    const flat: Tensors[] = [];
    for (let first = 0; first < COUNT; first += 10) {
      const rows = contexts.slice(first, first + 10);
      const lengths = Int32Array.from(rows, ({ tokens }) => tokens.length);
      const T = Math.max(...lengths);
      const run = await model.run({ tokens: rows.map(({ tokens }) => tokens), taps: [...taps] });
      const [h, a] = taps.map((tap) => run[tap]!.data) as [Float32Array, Float32Array];
      const tokens = new Int32Array(rows.length * T);
      rows.forEach((context, i) => {
        tokens.set(context.tokens, i * T);
      });
      padded.push({
        inputs: floats([rows.length, T, config.width], h),
        activations: floats([rows.length, T, config.mlpWidth], a),
        tokens: ['I64', [rows.length, T], BigInt64Array.from(tokens, BigInt)],
        lengths: ['I64', [rows.length], BigInt64Array.from(lengths, BigInt)],
      });
      const n = lengths.reduce((x, y) => x + y);
      const pick = (values: Float32Array | Int32Array, width: number) => {
        const out = new (values.constructor as typeof Float32Array)(n * width);
        let at = 0;
        lengths.forEach((length, i) => {
          out.set(values.subarray(i * T * width, (i * T + length) * width), at);
          at += length * width;
        });
        return out;
      };
      flat.push({
        inputs: floats([n, config.width], pick(h, config.width)),
        activations: floats([n, config.mlpWidth], pick(a, config.mlpWidth)),
        tokens: ['I32', [n], pick(tokens, 1)],
        lengths: ['I32', [rows.length], lengths],
      });
    }
    dirs['padded'] = writeFolder('padded', bank, given, padded);
    dirs['flat'] = writeFolder('flat', bank, given, flat);
    await model.close();
  });

  test.each([
    ['padded', { select: 'top', examples: 10 }],
    ['flat', { select: 'fraction', examples: 8, everyPosition: true }],
  ] as const)('%s shards give the examples, trees, words and metrics of the model', async (name, options) => {
    const [mine, theirs] = [join(folder, `${name}.db`), join(folder, `${name}-model.db`)];
    await runStudy({
      ...options,
      model: checkpoint,
      layers: [1],
      context: LENGTH,
      contexts: COUNT,
      out: theirs,
    });
    const info = await runStudy({ ...options, activations: dirs[name], out: mine });
    const [given, run] = [openStudy(mine), openStudy(theirs)];
    const plain = (unit: SplitUnit) => ({
      ...unit,
      features: unit.features.map((feature) => ({
        ...feature,
        examples: feature.examples.map(({ document, ...example }) => example),
      })),
    });
    for (const unit of WANTED) {
      expect(plain(given.unit('mlp.1', unit))).toEqual(plain(run.unit('mlp.1', unit)));
      expect(given.inputs('mlp.1', unit)).toEqual(run.inputs('mlp.1', unit));
      expect(given.histogram('mlp.1', unit)).toEqual(run.histogram('mlp.1', unit));
    }
    expect(given.units()).toEqual(run.units());
    expect([info.status, info.contexts, info.tokens]).toEqual(['complete', COUNT, run.info().tokens]);
    expect(given.unit('mlp.1', 3).features[0]!.examples[0]!.document).toMatch(
      /^part-0000\d\.safetensors:\d+$/,
    );
    given.close();
    run.close();
  });

  test('a run that was stopped is resumed to the same study', async () => {
    const out = join(folder, 'resumed.db');
    const whole = await runStudy({ activations: dirs['flat'], examples: 10, out: join(folder, 'whole.db') });
    let seen = 0;
    const stop = runStudy({
      activations: dirs['flat'],
      examples: 10,
      out,
      saveEvery: 0,
      onProgress() {
        seen++;
        if (seen === 2) throw new Error('stopped');
      },
    });
    await expect(stop).rejects.toThrow('stopped');
    const info = await runStudy({ activations: dirs['flat'], examples: 10, out });
    expect(info.contentHash).toBe(whole.contentHash);
  });
});

describe('small folders', () => {
  const weights = { weights: floats([2, 3], Float32Array.of(1, 2, 3, -1, 0.5, 1)) };
  const numbers = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => 1 + (i % 5));
  const bank = { name: 'mine', site: 'somewhere' };
  const part = (): Record<string, Tensor> => ({
    inputs: floats([4, 3], numbers(12)),
    activations: floats([4, 2], numbers(8)),
  });

  test('half precisions are read as what they are', async () => {
    const bf16 = Uint16Array.from(new Uint32Array(numbers(12).buffer), (bits) => bits >>> 16);
    const dir = writeFolder('halves', bank, { weights: ['F16', [2, 3], toHalves(numbers(6))] }, [
      { inputs: ['BF16', [4, 3], bf16], activations: ['F16', [4, 2], toHalves(numbers(8))] },
      part(),
    ]);
    const out = join(folder, 'halves.db');
    const { contexts, banks } = await runStudy({ activations: dir, out });
    expect([contexts, banks[0]!.units, banks[0]!.kind]).toEqual([8, 2, 'given']);
    const study = openStudy(out);
    // Without tokens no two examples are of the same text.
    expect(study.unit('mine', 0).examples).toBe(8);
    const { inputs, weights: row } = study.inputs('mine', 0);
    expect([...row]).toEqual([1, 2, 3]);
    expect(new Set(inputs)).toEqual(new Set([1, 2, 3, 4, 5]));
    study.close();
  });

  test('gated weights, token ids without a tokenizer, special ids', async () => {
    const gated = {
      gate: floats([2, 3], numbers(6)),
      up: floats([2, 3], numbers(6)),
      up_bias: floats([2], Float32Array.of(7, 8)),
    };
    const tokens: Tensor = ['I32', [2, 2], Int32Array.of(5, 6, 5, 7)];
    const dir = writeFolder('gated', { ...bank, activation: 'silu', specialIds: [5] }, gated, [
      { inputs: floats([2, 2, 3], numbers(12)), activations: floats([2, 2, 2], numbers(8)), tokens },
    ]);
    const out = join(folder, 'gated.db');
    const { tokens: counted } = await runStudy({ activations: dir, out });
    expect(counted).toBe(2);
    const study = openStudy(out);
    const unit = study.unit('mine', 1);
    expect(unit.features[0]!.examples[0]!.tokens[0]).toBe('<id 5>');
    expect(unit.features[0]!.words).toEqual([]);
    expect([...study.inputs('mine', 1).weights]).toEqual([4, 5, 1, 4, 5, 1, 0, 8]);
    study.close();
  });

  const integers = (shape: readonly number[], ...values: number[]): Tensor => [
    'I32',
    shape,
    Int32Array.from(values),
  ];
  test.each<[string, string, () => string]>([
    ['no folder', 'there is no such folder', () => join(folder, 'nowhere')],
    ['no parts', 'has no part-*.safetensors', () => writeFolder('a', bank, weights, [])],
    ['no JSON', 'is not valid JSON', () => writeFolder('a', '{', weights, [part()])],
    ['no name', 'name is missing', () => writeFolder('a', {}, weights, [part()])],
    ['a bad name', 'name is "a b"', () => writeFolder('a', { name: 'a b' }, weights, [part()])],
    ['a bad site', 'site is 3', () => writeFolder('a', { name: 'a', site: 3 }, weights, [part()])],
    [
      'a bad special id',
      'specialIds is [-1]',
      () => writeFolder('a', { name: 'a', specialIds: [-1] }, weights, [part()]),
    ],
    [
      'an unknown activation',
      'activation is "tanh"',
      () => writeFolder('a', { name: 'a', activation: 'tanh' }, weights, [part()]),
    ],
    [
      'a tokenizer that is not there',
      'no folder with tokenizer.json',
      () => writeFolder('a', { ...bank, tokenizer: '.' }, weights, [part()]),
    ],
    [
      'no weights',
      'has no tensor weights',
      () => writeFolder('a', bank, { other: weights.weights }, [part()]),
    ],
    [
      'weights of one row',
      'has the shape [6]',
      () => writeFolder('a', bank, { weights: floats([6], numbers(6)) }, [part()]),
    ],
    [
      'gate without up',
      'has no tensor up',
      () => writeFolder('a', bank, { gate: weights.weights }, [part()]),
    ],
    [
      'gate without activation',
      'names no activation',
      () => writeFolder('a', bank, { gate: weights.weights, up: weights.weights }, [part()]),
    ],
    [
      'no inputs',
      'has no tensor inputs',
      () => writeFolder('a', bank, weights, [{ activations: part()['activations']! }]),
    ],
    [
      'inputs of another width',
      'inputs has the shape [3, 4]',
      () => writeFolder('a', bank, weights, [{ ...part(), inputs: floats([3, 4], numbers(12)) }]),
    ],
    [
      'activations of another bank',
      'activations has the shape [4, 3]',
      () => writeFolder('a', bank, weights, [{ ...part(), activations: floats([4, 3], numbers(12)) }]),
    ],
    [
      'tokens that do not fit',
      'tokens has the shape [3]',
      () => writeFolder('a', bank, weights, [{ ...part(), tokens: integers([3], 1, 2, 3) }]),
    ],
    [
      'tokens that are floats',
      'tokens has the element type F32',
      () => writeFolder('a', bank, weights, [{ ...part(), tokens: floats([4], numbers(4)) }]),
    ],
    [
      'inputs that are integers',
      'inputs has the element type I32',
      () => writeFolder('a', bank, weights, [{ ...part(), inputs: integers([4, 3], ...numbers(12)) }]),
    ],
    [
      'an unknown element type',
      'F4',
      () => writeFolder('a', bank, weights, [{ ...part(), inputs: ['F4', [4, 3], numbers(12)] }]),
    ],
    [
      'lengths that do not add up',
      'lengths adds up to 3, but inputs holds 4',
      () => writeFolder('a', bank, weights, [{ ...part(), lengths: integers([2], 1, 2) }]),
    ],
    [
      'a length of 0',
      'lengths holds 0 for context 1',
      () => writeFolder('a', bank, weights, [{ ...part(), lengths: integers([2], 4, 0) }]),
    ],
    [
      'a negative length',
      'lengths holds -1',
      () => writeFolder('a', bank, weights, [{ ...part(), lengths: integers([2], -1, 5) }]),
    ],
    [
      'scalars',
      'inputs has the shape [12]',
      () => writeFolder('a', bank, weights, [{ ...part(), inputs: floats([12], numbers(12)) }]),
    ],
    [
      'no contexts',
      '0 contexts',
      () =>
        writeFolder('a', bank, weights, [
          { inputs: floats([0, 3], numbers(0)), activations: floats([0, 2], numbers(0)) },
        ]),
    ],
  ])('%s is one line of error', async (_, message, make) => {
    const error = await openGivenFolder(make()).catch((caught) => caught);
    expect(error.name).toBe('PolysemeError');
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('\n');
  });

  test('too many units for the memory of a scanner are refused before anything is read', async () => {
    const units = 600_000;
    const dir = writeFolder('many', bank, { weights: ['F16', [units, 1], new Uint16Array(units)] }, [
      {
        inputs: ['F16', [1, 900, 1], new Uint16Array(900)],
        activations: ['F16', [1, 900, units], new Uint16Array(0)],
      },
    ]);
    await expect(openGivenFolder(dir)).rejects.toThrow('its shape [1,900,600000] of F16 needs');
    writeTensors(join(dir, 'part-00000.safetensors'), {
      inputs: ['F16', [2, 1], new Uint16Array(2)],
      activations: ['F16', [2, units], new Uint16Array(2 * units)],
      lengths: ['I32', [1], Int32Array.of(2)],
    });
    await expect(openGivenFolder(dir)).resolves.toMatchObject({ contexts: 1, longest: 2 });
  });

  test.each<[string, string, Record<string, Tensor>, Tensors?]>([
    [
      'inputs',
      'inputs of context 1 hold NaN at position 0, element 2',
      { inputs: floats([4, 3], numbers(12).fill(Number.NaN, 5, 6)) },
    ],
    [
      'activations',
      'activations of context 3 hold Infinity',
      { activations: floats([4, 2], numbers(8).fill(Number.POSITIVE_INFINITY, 6, 7)) },
    ],
    ['weights', 'weights holds NaN at 1', {}, { weights: floats([2, 3], numbers(6).fill(Number.NaN, 1, 2)) }],
    ['token ids', 'tokens of context 2 hold -4', { tokens: integers([4], 1, 2, -4, 3) }],
  ])('%s that are no numbers end the run', async (name, message, change, other = weights) => {
    const dir = writeFolder(`bad-${name.slice(0, 4)}`, bank, other, [{ ...part(), ...change }]);
    const out = join(folder, `bad-${name.slice(0, 4)}.db`);
    await expect(runStudy({ activations: dir, out })).rejects.toThrow(message);
  });

  test('a token id beyond the tokenizer is refused', async () => {
    const tokenizer = new URL('../../models/folio-5m', import.meta.url).pathname;
    const dir = writeFolder('beyond', { ...bank, tokenizer }, weights, [
      { ...part(), tokens: integers([4], 1, 2, 3, 99_999) },
    ]);
    await expect(runStudy({ activations: dir, out: join(folder, 'beyond.db') })).rejects.toThrow(
      "is it another model's?",
    );
  });

  test('options of a model are refused beside activations', async () => {
    const options = { activations: 'x', layers: [0], data: 'builtin:sotu', out: join(folder, 'no.db') };
    await expect(runStudy(options)).rejects.toThrow('with activations no model runs: leave out data, layers');
  });
});
