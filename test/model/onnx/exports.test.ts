// ONNX files that torch wrote of tiny checkpoints, against transformers in float64 and against the checkpoints themselves:
// test/fixtures/onnx/make.py.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { mlpBank } from '../../../src/bank/mlp-bank.ts';
import { loadModel } from '../../../src/index.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { compile, type GraphEdit, type ModelFiles, readModel, sitesOf } from '../../../src/model/compile.ts';
import {
  maskNodes,
  positionInput,
  scaleUnitNodes,
  textMask,
  tokenLoss,
  zerosLike,
} from '../../../src/model/edits.ts';
import { openOnnx } from '../../../src/model/onnx/open-onnx.ts';
import { openBackend } from '../../../src/model/open-backend.ts';
import { Session } from '../../../src/model/session.ts';
import { streamTaps, type TapBlock } from '../../../src/model/taps.ts';
import { temporaryFolder } from '../../helpers/expect.ts';
import { farthest, readFixture, runRows } from '../../helpers/families.ts';
import { familyOf, writeOnnx } from '../../helpers/onnx-files.ts';
import { tinyTokenizer } from '../../helpers/tiny-checkpoint.ts';

const TEXT = [
  'gpt2-traced',
  'gpt2-traced-11',
  'gpt2-dynamo',
  'llama-traced',
  'llama-dynamo',
  'bert-traced-11',
];
const EXPORTS = [...TEXT, 'vit-traced'];
const TOLERANCE = 1e-4;
/** What two sums of the same float32 products may differ by here. */
const ROUNDING = 1e-5;

describe.each(EXPORTS)('%s', (name) => {
  const { dir, rows, expected } = readFixture(familyOf(name));
  const opened = async (): Promise<{ onnx: ModelFiles; checkpoint: ModelFiles }> => ({
    onnx: await openOnnx(writeOnnx(temporaryFolder(), name)),
    checkpoint: readModel(await openCheckpoint(dir)),
  });

  test('has the sites of the checkpoint, and equals transformers at every one', async () => {
    const { onnx, checkpoint } = await opened();
    const sites = [...sitesOf(onnx)];
    const wanted = [...sitesOf(checkpoint)].filter(([site]) => !/hook_z|hook_normalized/.test(site));
    expect(sites.sort()).toEqual(wanted.sort());
    const { bidirectional, contextLength, gated, mlpWidth, vocabulary } = checkpoint.model;
    expect(onnx.model).toMatchObject({ bidirectional, contextLength, gated, mlpWidth, vocabulary });
    const names = sites.map(([site]) => site);
    const found = [];
    for (const row of rows) found.push(...(await runRows(onnx, [row], names)));
    const { difference, site } = farthest(found, expected);
    expect(difference, site).toBeLessThanOrEqual(TOLERANCE);
  });

  test('its neurons have the weights of the checkpoint, bit for bit', async () => {
    const { onnx, checkpoint } = await opened();
    for (let layer = 0; layer < checkpoint.model.layers; layer++) {
      const [own, its] = [onnx, checkpoint].map((files) =>
        mlpBank(files, layer, { layernorm: 'raw', gated: 'gradient' }),
      );
      expect(own!.embedding).toEqual(its!.embedding);
      expect(await own!.weights()).toEqual(await its!.weights());
    }
  });

  if (!TEXT.includes(name)) return;
  test('an edit has the same effect', async () => {
    const { onnx, checkpoint } = await opened();
    const [tokens] = rows.map((row) => row.tokens);
    const run = async (files: ModelFiles) => {
      const program = compile(files, ['logits', 'loss', 'text', 'blocks.1.mlp.hook_post'], edits(files));
      const session = await Session.open(await openBackend(), program, 1);
      const at = (value: (t: number) => number) => Float32Array.from(tokens!, (_, t) => value(t));
      const inputs = {
        index: at((t) => t % 5),
        factor: at((t) => (t % 2) - 0.5),
        shift: at((t) => t / 4),
        mask: at((t) => Number(t === 2)),
      };
      const blocks = streamTaps([{ tokens: tokens!, inputs }], (ids, batch, length, _, given) =>
        session.run(ids, batch, length, given),
      );
      const { value } = await blocks.next();
      await session.close();
      return (value as TapBlock).taps;
    };
    const [own, its] = [await run(onnx), await run(checkpoint)];
    for (const [tap, { data }] of Object.entries(its)) {
      const most = Math.max(...data.map(Math.abs));
      const worst = Math.max(...data.map((value, i) => Math.abs(value - own[tap]!.data[i]!)));
      expect(worst, tap).toBeLessThanOrEqual(ROUNDING * Math.max(1, most));
    }
  });
});

/** One of each kind of node that edits are made of, at every kind of site. */
function edits(files: ModelFiles): GraphEdit[] {
  const special = new Float32Array(files.model.vocabulary);
  special[2] = 1;
  return [
    {
      site: 'blocks.0.mlp.hook_post',
      apply: (graph, wire) => {
        const [index, factor, shift] = ['index', 'factor', 'shift'].map((name) => positionInput(graph, name));
        return {
          replacement: scaleUnitNodes(graph, wire, { index: index!, factor: factor!, shift: shift! }),
        };
      },
    },
    {
      site: 'blocks.1.mlp.hook_in',
      apply: (graph, wire) => {
        const mask = positionInput(graph, 'mask');
        return { replacement: maskNodes(graph, mask, zerosLike(graph, wire), wire) };
      },
    },
    {
      site: 'blocks.1.hook_resid_pre',
      apply: (graph, wire) => {
        const centred = graph.op('Sub', [wire, graph.op('ReduceMean', [wire, graph.integers(-1)])]);
        const length = graph.op('ReduceL2', [centred, graph.integers(-1)]);
        const [left, right] = graph.ops('Split', 2, [wire], { axis: -1, num_outputs: 2 });
        const turned = graph.op('Concat', [right!, left!], { axis: -1 });
        return { replacement: graph.op('Div', [turned, graph.op('Max', [length, graph.scalar(1)])]) };
      },
    },
    {
      site: 'logits',
      apply: (graph, wire) => {
        const logp = graph.op('LogSoftmax', [wire], { axis: -1 });
        const ids = graph.input('tokens', 'int32', ['batch', 'position']);
        const text = graph.op('Unsqueeze', [textMask(graph, ids, special), graph.integers(-1)]);
        const loss = graph.op('Gelu', [tokenLoss(graph, logp, 'next')], { approximate: 'tanh' });
        return { taps: { loss: { wire: loss, width: 1 }, text: { wire: text, width: 1 } } };
      },
    },
  ];
}

describe('rows of several lengths', () => {
  const closing: (() => Promise<void>)[] = [];
  afterAll(() => Promise.all(closing.map((close) => close())));

  test('give at each position what they give alone, bit for bit', async () => {
    const folder = temporaryFolder();
    const path = writeOnnx(folder, 'gpt2-traced');
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tinyTokenizer(32)));
    const model = await loadModel(path);
    closing.push(() => model.close());
    const rows = [[5], [1, 2, 3], [9, 8, 7, 6, 5, 4, 3], [4, 4, 1], [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]];
    const taps = ['logits', 'blocks.1.mlp.hook_post'];
    const together = await model.run({ tokens: rows, taps });
    for (const [at, row] of rows.entries()) {
      const alone = await model.run({ tokens: [row], taps });
      for (const tap of taps) {
        const { data, shape } = together[tap]!;
        const start = at * shape[1]! * shape[2]!;
        expect(data.subarray(start, start + row.length * shape[2]!)).toEqual(alone[tap]!.data);
      }
    }
  });
});
