import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { saeBank } from '../../src/bank/sae-bank.ts';
import { cutContexts } from '../../src/corpus/contexts.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { loadModel, openStudy, type RunOptions, runStudy } from '../../src/index.ts';
import { compile } from '../../src/model/compile.ts';
import { sameModelName } from '../../src/model/names.ts';
import { siteNamed } from '../../src/model/sites.ts';
import { attachSae } from '../../src/sae/attach.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import { saveSae } from '../../src/sae/save.ts';
import { rowMajor } from '../../src/tensors/matrix.ts';
import { POLYSEME } from '../helpers/cli.ts';
import { identitySae, randomSae, savedSae } from '../helpers/saes.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

const D = 256;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-sae-bank-'));
const model = await loadModel('builtin:folio-5m');
afterAll(() => model.close());

let files = 0;
const small = (more: RunOptions): RunOptions => ({
  out: join(folder, `${files++}.db`),
  layers: [],
  contexts: 12,
  context: 32,
  examples: 8,
  keepDuplicates: true,
  ...more,
});

/** The contexts of `small`. */
async function contextsOf(bos: boolean): Promise<Int32Array[]> {
  const encoder = { encode: (text: string) => model.tokenizer.encode(text), bosId: model.tokenizer.bosId! };
  const cut = cutContexts(await openCorpus('builtin:sotu'), encoder, { length: 32, bos, count: 12, seed: 0 });
  const contexts: Int32Array[] = [];
  for await (const { tokens } of cut) contexts.push(tokens);
  return contexts;
}

const [withBos, withoutBos] = [await contextsOf(true), await contextsOf(false)];

/** x − mean(x) of every row. */
function centred(rows: Float32Array, width: number): Float32Array {
  return rows.map((value, i) => {
    const row = rows.subarray(i - (i % width), i - (i % width) + width);
    return value - row.reduce((sum, x) => sum + x, 0) / width;
  });
}

describe('latents in a study equal those of the SAE alone', () => {
  test.each([
    ['standard', randomSae({ dIn: D, dSae: 96, hookName: 'blocks.1.hook_resid_post' }, { bias: -1 }), {}],
    [
      'jumprelu with BOS, by its config',
      randomSae(
        { architecture: 'jumprelu', dIn: D, dSae: 80, hookName: 'blocks.2.hook_mlp_out', prependBos: true },
        { seed: 20 },
      ),
      {},
    ],
    [
      'topk on hook_z',
      randomSae(
        {
          architecture: 'topk',
          k: 7,
          dIn: D,
          dSae: 64,
          hookName: 'blocks.0.attn.hook_z',
          reshapeActivations: 'hook_z',
        },
        { seed: 30 },
      ),
      {},
    ],
    [
      'gated, normalised, of a module',
      randomSae(
        {
          architecture: 'gated',
          dIn: D,
          dSae: 64,
          hookName: 'transformer.h.3',
          normalizeActivations: 'layer_norm',
        },
        { seed: 40 },
      ),
      {},
    ],
    [
      'centred, by its config',
      randomSae(
        {
          dIn: D,
          dSae: 64,
          hookName: 'blocks.1.hook_resid_pre',
          centerWritingWeights: true,
          applyBDecToInput: false,
        },
        { seed: 50, bias: -0.5 },
      ),
      { centred: true },
    ],
    [
      'not centred, against its config',
      randomSae(
        {
          dIn: D,
          dSae: 64,
          hookName: 'blocks.1.hook_resid_pre',
          centerWritingWeights: true,
          applyBDecToInput: false,
        },
        { seed: 50, bias: -0.5 },
      ),
      { options: { centerWriting: 'no' } as const },
    ],
    [
      'of one head',
      randomSae({ dIn: 32, dSae: 40, hookName: 'blocks.2.attn.hook_z', hookHeadIndex: 5 }, { seed: 60 }),
      { head: 5 },
    ],
  ])('%s', async (_, sae, how: { centred?: boolean; options?: RunOptions; head?: number }) => {
    const options = small({ sae: [await savedSae(sae)], ...how.options });
    const info = await runStudy(options);
    const bos = sae.config.prependBos === true;
    const site = siteNamed(sae.config.hookName!, model.sites, false)!;
    expect(info.banks).toMatchObject([
      { name: 'sae/small', site, units: sae.config.dSae, width: sae.config.dIn },
    ]);
    expect(info.options).toMatchObject({ bos });

    const contexts = bos ? withBos : withoutBos;
    const { dIn, dSae } = sae.config;
    const latents: Float32Array[] = [];
    const inputs: Float32Array[] = [];
    for (const tokens of contexts) {
      const { data } = (await model.run({ tokens: [tokens], taps: [site] }))[site]!;
      let x = how.centred ? centred(data, D) : data;
      if (how.head !== undefined) {
        const start = how.head * dIn;
        x = Float32Array.from(
          { length: tokens.length * dIn },
          (_, i) => data[Math.floor(i / dIn) * D + start + (i % dIn)]!,
        );
      }
      latents.push(await sae.encode(x));
      inputs.push(await sae.latentInputs(x));
    }
    const first = bos ? 1 : 0;
    const total = contexts.reduce((sum, { length }) => sum + length - first, 0);
    expect(info.tokens).toBe(total);
    const study = openStudy(options.out!);
    let live = 0;
    for (const summary of study.units()) {
      // The unit's largest activation in each context, by the SAE alone.
      const peaks = latents
        .map((z, context) => {
          const own = Array.from({ length: z.length / dSae }, (_, t) => z[t * dSae + summary.index]!).slice(
            first,
          );
          const activation = Math.max(...own);
          return { context, activation, position: first + own.indexOf(activation) };
        })
        .filter(({ activation }) => activation > 0)
        .sort((a, b) => b.activation - a.activation);
      expect(summary.examples).toBe(Math.min(8, peaks.length));
      if (peaks.length === 0) continue;
      live++;
      expect(summary.maxActivation).toBeCloseTo(peaks[0]!.activation, 4);
      const unit = study.unit('sae/small', summary.index);
      const examples = unit.features.flatMap((feature) => feature.examples).sort((a, b) => a.id - b.id);
      const stored = study.inputs('sae/small', summary.index);
      expect(Array.from(stored.weights)).toEqual(Array.from(sae.encoderColumn(summary.index)));
      for (const { id, context, position, activation } of examples) {
        const exact = latents[context]![position * dSae + summary.index]!;
        expect(Math.abs(activation - exact)).toBeLessThan(1e-4 * Math.max(1, exact));
        expect(Math.abs(activation - peaks[id]!.activation)).toBeLessThan(1e-4 * Math.max(1, exact));
        const h = inputs[context]!.subarray(position * dIn, (position + 1) * dIn);
        const most = Math.max(...h.map(Math.abs));
        const apart = h.map((value, k) => Math.abs(stored.inputs[id * dIn + k]! - value));
        expect(Math.max(...apart)).toBeLessThan(1e-3 * most);
      }
    }
    expect(live).toBeGreaterThan(sae.config.dSae / 4);
    study.close();
  });
});

describe('a bank of latents', () => {
  test('computes no layer that it does not need', () => {
    const sae = randomSae({ dIn: D, dSae: 32, hookName: 'blocks.1.hook_resid_pre' });
    const bank = saeBank('small', sae, attachSae(model, sae));
    const { weights } = compile(model.files, [bank.inputs, bank.activations], bank.edits);
    expect([...weights.keys()].some((name) => /h\.0\./.test(name))).toBe(true);
    expect([...weights.keys()].filter((name) => /h\.[123]\./.test(name))).toEqual([]);
  });

  test('stands beside neurons that read the same site, and changes nothing in their bank', async () => {
    const sae = identitySae({ dIn: D, hookName: 'blocks.1.mlp.hook_in', applyBDecToInput: false });
    const beside = writeSmallFolio(join(folder, 'model'));
    const both = small({ model: beside, layers: [1], sae: [`same=${await savedSae(sae)}`] });
    const alone = small({ model: beside, layers: [1] });
    const info = await runStudy(both);
    await runStudy(alone);
    expect(info.banks.map(({ name }) => name)).toEqual(['mlp.1', 'sae/same']);
    const [a, b] = [openStudy(both.out!), openStudy(alone.out!)];
    expect(a.units({ bank: 'mlp.1' })).toEqual(b.units({ bank: 'mlp.1' }));
    a.close();
    b.close();
  });

  test('is the same on one thread, and when its SAE comes in another format', async () => {
    const config = {
      architecture: 'topk',
      k: 5,
      dIn: D,
      dSae: 48,
      hookName: 'blocks.0.hook_resid_post',
    } as const;
    const path = await savedSae(randomSae(config));
    const other = join(folder, 'runs', 'layers.0');
    await saveSae(await loadSae(path), other, { format: 'sparsify' });
    const first = await runStudy(small({ sae: [path] }));
    const second = await runStudy(small({ sae: [`small=${other}`], threads: 1 }));
    expect(second.contentHash).toBe(first.contentHash);
  });

  test('counts dead latents, in info and in the closing lines', async () => {
    const b_enc = new Float32Array(40).fill(-1);
    b_enc.fill(-1e6, 10, 13);
    const sae = randomSae(
      { dIn: D, dSae: 40, hookName: 'blocks.1.hook_resid_post', modelName: 'gpt2-small' },
      { tensors: { b_enc } },
    );
    const out = join(folder, 'dead.db');
    const path = await savedSae(sae);
    const call = (...args: string[]) => promisify(execFile)(process.execPath, [...POLYSEME, ...args]);
    const run = ['run', '--layers', 'none', '--sae', `mine=${path}`, '--contexts', '12', '--context', '32'];
    const { stdout, stderr } = await call(...run, '--out', out);
    const study = openStudy(out);
    const dead = study.units().filter(({ examples }) => examples === 0).length;
    study.close();
    expect(dead).toBeGreaterThanOrEqual(3);
    expect(stdout).toContain(`sae/mine: 40 latents at blocks.1.hook_resid_post, ${dead} dead`);
    expect(stderr).toContain('made for the model gpt2-small, and is used with builtin:folio-5m');
    const info = JSON.parse((await call('info', out, '--json')).stdout);
    expect(info.banks).toMatchObject([{ name: 'sae/mine', dead }]);
  });
});

describe('what is wrong is said in one line', () => {
  const at = (sae: Parameters<typeof savedSae>[0], name?: string): Promise<string> => savedSae(sae, name);
  const plain = (more = {}) => randomSae({ dIn: D, dSae: 16, hookName: 'blocks.0.hook_resid_post', ...more });
  const failure = async (options: RunOptions): Promise<string> => {
    const error = await runStudy(small(options)).then(
      () => null,
      (e: Error) => e,
    );
    expect(error).toBeInstanceOf(Error);
    expect(error!.message).not.toContain('\n');
    return error!.message;
  };

  test('an SAE of another width', async () => {
    const sae = randomSae({ dIn: 128, dSae: 16, hookName: 'blocks.0.hook_resid_post' });
    expect(await failure({ sae: [await at(sae)] })).toMatch(
      /reads width 128, but blocks.0.hook_resid_post of .* has 256/,
    );
  });

  test('two SAEs of one name', async () => {
    const paths = [await at(plain()), await at(plain())];
    expect(await failure({ sae: paths })).toMatch(/two SAEs are named small .*option sae NAME=PATH/);
    expect(await failure({ sae: paths.map((path) => `x=${path}`) })).toMatch(/two SAEs are named x/);
  });

  test('SAEs that disagree on BOS', async () => {
    const saes = [
      await at(plain({ prependBos: true }), 'with'),
      await at(plain({ prependBos: false }), 'without'),
    ];
    expect(await failure({ sae: saes })).toMatch(
      /SAE with was made with BOS .* SAE without without: choose option bos yes or no/,
    );
    const info = await runStudy(small({ sae: saes, bos: 'no' }));
    expect(info.options).toMatchObject({ bos: false });
  });

  test('a site that the model has not, or that nobody names', async () => {
    expect(await failure({ sae: [await at(plain({ hookName: 'blocks.9.hook_resid_post' }))] })).toMatch(
      /reads blocks.9.hook_resid_post, which is no site of this model of 4 layers/,
    );
    expect(await failure({ sae: [await at(plain({ hookName: null }))] })).toMatch(
      /does not say which site.*option site/,
    );
  });

  test('nothing to harvest, a name that cannot be one, an SAE that is not there', async () => {
    expect(await failure({})).toMatch(/nothing to harvest: no layers, and no SAE/);
    expect(await failure({ sae: [`a,b=${await at(plain())}`] })).toMatch(/"a,b" cannot be an SAE's name/);
    expect(await failure({ sae: [`a\u202eb=${await at(plain())}`] })).toMatch(
      /cannot be an SAE's name .*invisible/,
    );
    expect(await failure({ sae: ['nowhere'] })).toMatch(/no SAE at nowhere/);
  });

  test('another SAE of the same name, on going on', async () => {
    const options = small({ sae: [`mine=${await at(plain())}`] });
    const { contentHash } = await runStudy(options);
    expect((await runStudy(options)).contentHash).toBe(contentHash);
    const other = randomSae({ dIn: D, dSae: 16, hookName: 'blocks.0.hook_resid_post' }, { seed: 99 });
    await expect(runStudy({ ...options, sae: [`mine=${await at(other)}`] })).rejects.toThrow(
      /is a study with other options \(sae .*sha256/,
    );
  });

  test('a bad tensor, in the loader’s words', async () => {
    const W_enc = rowMajor(new Float32Array(D * 16), D, 16);
    W_enc.data[5] = Number.NaN;
    expect(() => randomSae({ dIn: D, dSae: 16 }, { tensors: { W_enc } })).toThrow(
      /W_enc holds NaN \(element 5\)/,
    );
  });
});

test('sites by their other names', () => {
  const names: [string, string | null][] = [
    ['blocks.3.hook_resid_pre', 'blocks.3.hook_resid_pre'],
    ['blocks.3.hook_mlp_in', 'blocks.3.hook_resid_mid'],
    ['blocks.3.mlp.hook_out', 'blocks.3.hook_mlp_out'],
    ['blocks.3.hook_out', 'blocks.3.hook_resid_post'],
    ['blocks.3.attn.o.hook_in', 'blocks.3.attn.hook_z'],
    ['transformer.h.3.mlp', 'blocks.3.hook_mlp_out'],
    ['transformer.h.3', 'blocks.3.hook_resid_post'],
    ['h.3', 'blocks.3.hook_resid_post'],
    ['layers.3.mlp', 'blocks.3.hook_mlp_out'],
    ['model.layers.3', 'blocks.3.hook_resid_post'],
    ['model.layers.0.self_attn', 'blocks.0.hook_attn_out'],
    ['gpt_neox.layers.2.mlp', 'blocks.2.hook_mlp_out'],
    ['gpt_neox.layers.2.mlp.dense_h_to_4h', 'blocks.2.mlp.hook_pre'],
    ['model.decoder.layers.2.fc2', 'blocks.2.hook_mlp_out'],
    ['transformer.h.1.mlp.act', 'blocks.1.mlp.hook_post'],
    ['model.layers.4', null],
    ['blocks.4.hook_resid_pre', null],
    ['blocks.0.constructor', null],
    ['h.0.toString', null],
    ['embed_tokens', null],
    ['', null],
  ];
  for (const [name, site] of names) expect([name, siteNamed(name, model.sites, false)]).toEqual([name, site]);
  const gated = new Map([...model.sites, ['blocks.3.mlp.hook_pre_linear', 1024]]);
  expect(siteNamed('blocks.3.mlp.in.hook_out', model.sites, false)).toBe('blocks.3.mlp.hook_pre');
  expect(siteNamed('blocks.3.mlp.in.hook_out', gated, false)).toBe('blocks.3.mlp.hook_pre_linear');
  expect(siteNamed('blocks.3.mlp.gate.hook_out', gated, false)).toBe('blocks.3.mlp.hook_pre');
  expect(siteNamed('model.embed_tokens', model.sites, true)).toBe('blocks.0.hook_resid_pre');
});

test('model names that mean the same', () => {
  for (const name of ['gpt2', 'openai-community/gpt2', 'GPT2', '/models/gpt2/', 'gpt2@main'])
    expect([name, sameModelName('gpt2-small', name)]).toEqual([name, true]);
  expect(sameModelName('EleutherAI/pythia-70m-deduped', 'pythia-70m-deduped')).toBe(true);
  expect(sameModelName('tiny-stories-33M', 'roneneldan/TinyStories-33M')).toBe(true);
  expect(sameModelName('folio-5m', 'builtin:folio-5m')).toBe(true);
  expect(sameModelName('gpt2-small', 'gpt2-medium')).toBe(false);
});
