// A model that runs in groups of layers, for weights that are larger than memory, gives what it gives whole.
import { readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { compileGroups, type LayerGroup, readModel, sitesOf } from '../../src/model/compile.ts';
import { streamGroups } from '../../src/model/layer-groups.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { Spill } from '../../src/model/spill.ts';
import type { GroupProgress, TapRun } from '../../src/model/taps.ts';
import { expectOneLine, temporaryFolder } from '../helpers/expect.ts';
import { farthest, fixtureNames, readFixture, runRows } from '../helpers/families.ts';
import { writeOnnx } from '../helpers/onnx-files.ts';
import { llamaShapes } from '../helpers/reference-llama.ts';
import { randomTensors, tinyTokenizer, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

const LLAMA = {
  model_type: 'llama',
  hidden_size: 24,
  intermediate_size: 20,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 37,
  max_position_embeddings: 100,
};

const GROUPED = { layersAtOnce: 1 };

describe('a model in groups of one layer', () => {
  it.each(fixtureNames())('gives the sites of %s, together to the bit', async (name) => {
    const { dir, rows } = readFixture(name);
    const files = readModel(await openCheckpoint(dir));
    const sites = [...sitesOf(files).keys()];
    const [whole, grouped] = [await runRows(files, rows, sites), await runRows(files, rows, sites, GROUPED)];
    grouped.forEach((taps, row) => {
      expect([...taps.keys()].sort()).toEqual([...sites].sort());
      for (const [site, values] of taps) expect(values, site).toEqual(whole[row]!.get(site));
    });
  });

  // Of values that nobody asks for, the runtime may add parts in another order where it sees a sum and a LayerNorm together.
  it.each(['llama', 'gemma3-text', 'qwen3-moe', 'gpt2', 'gpt-neox', 'bert', 'dinov2'])(
    'gives what neurons of the last layer of %s read, alone',
    async (name) => {
      const { dir, rows } = readFixture(name);
      const files = readModel(await openCheckpoint(dir));
      const tap = `blocks.${files.model.layers - 1}.mlp.hook_in`;
      const [whole, grouped] = [
        await runRows(files, rows, [tap]),
        await runRows(files, rows, [tap], GROUPED),
      ];
      grouped.forEach((taps, row) => {
        const expected = Float64Array.from(whole[row]!.get(tap)!);
        expect(farthest([taps], [new Map([[tap, expected]])]).difference).toBeLessThan(
          files.model.norm.kind === 'rmsnorm' ? Number.MIN_VALUE : 1e-5,
        );
      });
    },
  );
});

/** Each layer adds one to the stream, which begins as the ids; layers l are tapped as `a.l`. */
function countingGroups(layers: number, tapped: readonly number[], events: string[] = []) {
  return Array.from({ length: layers }, (_, l) => {
    const [from, to] = [l === 0 ? null : `s${l}`, l === layers - 1 ? null : `s${l + 1}`];
    const taps = tapped.includes(l) ? [`a.${l}`] : [];
    const outputs = Object.fromEntries([...taps, ...(to === null ? [] : [to])].map((tap) => [tap, tap]));
    const widths = Object.fromEntries(Object.keys(outputs).map((tap) => [tap, 1]));
    const group = { layers: { first: l, last: l }, from, to, taps, outputs, widths } as unknown as LayerGroup;
    const run: TapRun = async (tokens, rows, length, contexts, inputs) => {
      events.push(`${l}: ${contexts.length}`);
      const data = Float32Array.from(from === null ? tokens : inputs[from]!.data, (value) => value + 1);
      return Object.fromEntries(
        Object.keys(outputs).map((tap) => [tap, { data: data.slice(), shape: [rows, length, 1] }]),
      );
    };
    return { group, run, release: async () => void events.push(`${l} released`) };
  });
}

const contextsOf = (...lengths: number[]) =>
  lengths.map((length, c) => ({ tokens: Int32Array.from({ length }, (_, t) => 10 * c + t) }));

describe('the stream of groups', () => {
  it('runs a block through one group after the other, and gives the taps of all, in order', async () => {
    const events: string[] = [];
    const progress: GroupProgress[] = [];
    const options = { rows: 2, onGroup: (now: GroupProgress) => progress.push(now) };
    const found: (readonly number[])[] = [];
    const groups = countingGroups(3, [0, 2], events);
    for await (const { taps } of streamGroups(contextsOf(2, 2, 2, 2, 1), groups, options, {
      tokens: 8,
      bytes: 1e6,
    })) {
      expect(Object.keys(taps).sort()).toEqual(['a.0', 'a.2']);
      found.push([...taps['a.0']!.data], [...taps['a.2']!.data]);
    }
    expect(found).toEqual([[1, 2, 11, 12], [3, 4, 13, 14], [21, 22, 31, 32], [23, 24, 33, 34], [41], [43]]);
    const block = (size: string[]) =>
      ['0', '1', '2'].flatMap((l) => [...size.map((n) => `${l}: ${n}`), `${l} released`]);
    expect(events).toEqual([...block(['2', '2']), ...block(['1'])]);
    expect(
      progress.slice(0, 9).map(({ at, contexts, ahead }) => [at, contexts, Math.round(ahead * 3)]),
    ).toEqual([
      ['layer 0', 4, 0],
      ['layer 0', 4, 2],
      ['layer 0', 4, 4],
      ['layer 1', 4, 4],
      ['layer 1', 4, 6],
      ['layer 1', 4, 8],
      ['layer 2', 4, 8],
      ['layer 2', 4, 4],
      ['layer 2', 4, 0],
    ]);
  });

  it('keeps no more on disk than its limit, but what one run needs', async () => {
    const events: string[] = [];
    // Eight bytes a token: the stream, and the tap of layer 0.
    const groups = countingGroups(2, [0, 1], events);
    for await (const _ of streamGroups(
      contextsOf(4, 4, 4, 4),
      groups,
      { rows: 1 },
      { tokens: 1e6, bytes: 64 },
    )) {
    }
    expect(events.filter((event) => event === '0 released')).toHaveLength(2);
    events.length = 0;
    for await (const _ of streamGroups(contextsOf(4, 4), groups, { rows: 1 }, { tokens: 1e6, bytes: 1 })) {
    }
    expect(events.filter((event) => event === '0 released')).toHaveLength(2);
  });

  it('stops when it is aborted', async () => {
    const control = new AbortController();
    const options = { rows: 1, signal: control.signal, onGroup: () => control.abort() };
    const stream = streamGroups(contextsOf(1, 1), countingGroups(2, [1]), options);
    await expect(stream.next()).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('option weightsAtOnce', () => {
  it('gives what the model gives whole, and reads halves as they lie on disk', async () => {
    const folder = temporaryFolder();
    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      const dir = join(folder, dtype);
      writeCheckpoint(dir, { config: LLAMA, tensors: randomTensors(llamaShapes(LLAMA)), dtype });
    }
    const tokens = [
      [0, 3, 9, 11, 4],
      [5, 6],
    ];
    const taps = ['blocks.0.mlp.hook_post', 'blocks.1.hook_resid_pre', 'blocks.2.mlp.hook_in', 'logits'];
    const whole = await loadModel(join(folder, 'F32'));
    const expected = await whole.run({ tokens, taps });
    await whole.close();
    for (const [dtype, weightsAtOnce] of [
      ['F16', 1],
      ['BF16', 2],
      ['BF16', 1],
      ['F32', 3],
    ] as const) {
      const model = await loadModel(join(folder, dtype), { weightsAtOnce });
      expect(await model.run({ tokens, taps }), `${dtype}, ${weightsAtOnce}`).toEqual(expected);
      // Layers after the last tap are not there.
      const read = compileGroups(model.files, taps.slice(0, 2), [], weightsAtOnce).flatMap(({ weights }) => [
        ...weights.keys(),
      ]);
      expect(read.filter((name) => /layers\.[12]\./.test(name))).toEqual([]);
      expect(read.some((name) => name.includes('layers.0.'))).toBe(true);
      await model.close();
    }
  });

  it('refuses what is no number of layers, and a graph that cannot be cut', async () => {
    const folder = temporaryFolder();
    writeCheckpoint(folder, { config: LLAMA, tensors: randomTensors(llamaShapes(LLAMA)) });
    for (const weightsAtOnce of [0, -1, 1.5, Number.NaN]) {
      const model = await loadModel(folder, { weightsAtOnce });
      await expectOneLine(() => model.openTaps(['logits']), /^option weightsAtOnce is (0|-1|1.5|NaN): /);
      await model.close();
    }
    const path = writeOnnx(join(folder, 'onnx'), 'llama-traced');
    writeFileSync(join(folder, 'onnx', 'tokenizer.json'), JSON.stringify(tinyTokenizer(32)));
    const model = await loadModel(path, { weightsAtOnce: 1 });
    await expectOneLine(() => model.openTaps(['logits']), /onnx cannot be cut into groups of layers/);
    await model.close();
  });
});

describe('values that wait on disk', () => {
  afterEach(() => vi.restoreAllMocks());

  it('come back as they were, and leave no file, whatever happens to the process', async () => {
    const folder = temporaryFolder();
    const dead = `.polyseme-layers.${hostname().replaceAll(/[^A-Za-z0-9]/g, '_')}-999999999-0.incomplete`;
    writeFileSync(join(folder, dead), 'left by a process that was killed');
    const spill = await Spill.open(folder);
    // Windows lets no file lose its name while it is open.
    if (process.platform !== 'win32') expect(readdirSync(folder)).toEqual([]);
    const [a, b] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6)];
    const first = await spill.put(a, [2, 2]);
    const second = await spill.put(b, [2]);
    expect(await spill.get(first)).toEqual(a);
    const over = await spill.put(Float32Array.of(7, 8, 9, 10), [2, 2], first);
    expect([...(await spill.get(over))]).toEqual([7, 8, 9, 10]);
    expect(await spill.get(second)).toEqual(b);
    // What was written over is not taken for what it was.
    await expect(spill.get(first)).rejects.toMatchObject({ code: 'damaged' });
    await spill.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('say which disk is full, and how to go on', async () => {
    const folder = temporaryFolder();
    const spill = await Spill.open(folder);
    const probe = await open(join(folder, 'probe'), 'w');
    vi.spyOn(Object.getPrototypeOf(probe), 'write').mockRejectedValue(
      Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
    );
    await expect(spill.put(Float32Array.of(1), [1])).rejects.toMatchObject({
      code: 'no-space',
      message: expect.stringMatching(/^the disk of .*polyseme-layers.* is full.*TMPDIR/),
    });
    await Promise.all([spill.close(), probe.close()]);
    await expect(Spill.open(join(folder, 'none'))).rejects.toThrow(/^cannot write .*TMPDIR/);
  });
});
