import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openBackend } from '../../src/model/open-backend.ts';
import { GraphBuilder } from '../../src/onnx/graph.ts';
import { type SaeConfig, saeConfig } from '../../src/sae/config.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import { Sae, type SaeTensors } from '../../src/sae/sae.ts';
import { decodeNodes, encodeNodes } from '../../src/sae/sae-nodes.ts';
import { saveSae } from '../../src/sae/save.ts';
import { rowMajor } from '../../src/tensors/matrix.ts';

const fixtures = new URL('../fixtures/sae/', import.meta.url).pathname;

interface Golden {
  dIn: number;
  inputs: number[];
  cases: Record<string, { latents: number[]; outputs: number[]; path?: string }>;
}
const golden = JSON.parse(await readFile(`${fixtures}golden.json`, 'utf8')) as Golden;
const inputs = Float32Array.from(golden.inputs);

// Written by the real packages (fixtures/sae/make.py): what we read must encode and decode as they do.
describe.each(Object.entries(golden.cases))('%s', (name, { latents, outputs, path }) => {
  const source = `${fixtures}golden/${path ?? name}`;

  test('encodes and decodes as the package that wrote it', async () => {
    const sae = await loadSae(source);
    expectClose(await sae.encode(inputs), latents);
    expectClose(await sae.reconstruct(inputs), outputs);
    expectClose(await sae.decode(Float32Array.from(latents), { inputs }), outputs);
    await sae.dispose();
  });

  test('agrees with the formulas in double precision', async () => {
    const sae = await loadSae(source);
    const plain = encode64(sae, inputs);
    expectClose(await sae.encode(inputs), plain.latents);
    expectClose(await sae.latentInputs(inputs), plain.h);
    expectClose(await sae.reconstruct(inputs), decode64(sae, plain.latents, inputs));
    await sae.dispose();
  });

  test('is the same after saving in our own format and loading again', async () => {
    const sae = await loadSae(source);
    if (sae.config.transcoder || sae.config.architecture === 'groupmax' || sae.tensors.W_skip) return;
    const folder = await mkdtemp(join(tmpdir(), 'sae-'));
    await saveSae(sae, folder);
    const again = await loadSae(folder);
    expectClose(await again.encode(inputs), latents);
    expectClose(await again.reconstruct(inputs), outputs);
    const { dtype, format, metadata, ...same } = sae.config;
    expect(again.config).toMatchObject(same);
  });
});

describe('decoding', () => {
  test.each([
    'sl-standard-layer-norm',
    'sl-standard-constant-norm',
    'oa-topk/resid_post_mlp_v5_32k/autoencoders/8.pt',
  ])('%s needs the inputs, and says so', async (path) => {
    const sae = await loadSae(`${fixtures}golden/${path}`);
    const latents = await sae.encode(inputs);
    const failure = await sae.decode(latents).catch((error) => error);
    expect(failure.message).toMatch(
      /normalises each input \((layer_norm|constant_norm_rescale)\): pass the inputs/,
    );
    expect(failure.message).not.toContain('\n');
  });

  test('a skip connection needs them too', async () => {
    const sae = await loadSae(`${fixtures}golden/sl-skip-transcoder`);
    await expect(sae.decode(new Float32Array(20))).rejects.toThrow('skip connection');
  });

  test('refuses rows that are not whole', async () => {
    const sae = await loadSae(`${fixtures}golden/sl-standard`);
    await expect(sae.encode(new Float32Array(7))).rejects.toThrow(
      '7 numbers of inputs are no whole rows of 6',
    );
  });
});

describe('ties and edges', () => {
  const identity = (architecture: SaeConfig['architecture'], k: number, more: Partial<SaeConfig> = {}) => {
    const eye = () =>
      rowMajor(
        Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
        4,
        4,
      );
    const tensors: SaeTensors = {
      W_enc: eye(),
      W_dec: eye(),
      b_enc: new Float32Array(4),
      b_dec: new Float32Array(4),
      ...(architecture === 'jumprelu' ? { threshold: Float32Array.of(1, 1, -1, Infinity) } : {}),
    };
    return new Sae(saeConfig({ architecture, dIn: 4, dSae: 4, k, ...more }), tensors);
  };

  test('of equal values at the border the top k keep the lower indices', async () => {
    const sae = identity('topk', 2);
    expect([...(await sae.encode(Float32Array.of(1, 3, 1, 1, 2, 2, 2, 2)))]).toEqual([
      1, 3, 0, 0, 2, 2, 0, 0,
    ]);
  });

  test('abstopk keeps signs, and ranks by size', async () => {
    expect([...(await identity('abstopk', 2).encode(Float32Array.of(-3, 1, 2, -2)))]).toEqual([-3, 0, 2, 0]);
  });

  test('of a group the first of equal ones is kept', async () => {
    expect([...(await identity('groupmax', 2).encode(Float32Array.of(1, 1, -2, -1)))]).toEqual([1, 0, 0, 0]);
  });

  test('a threshold must be exceeded, and may be negative or infinite', async () => {
    const sae = identity('jumprelu', 1);
    expect([...(await sae.encode(Float32Array.of(1, 1.5, 0.5, 9)))]).toEqual([0, 1.5, 0.5, 0]);
  });

  test('fewer than k positive ones give fewer than k latents', async () => {
    expect([...(await identity('topk', 3).encode(Float32Array.of(-1, 2, -3, -4)))]).toEqual([0, 2, 0, 0]);
  });

  test('a zero input stays zero where inputs are rescaled to one norm', async () => {
    const sae = identity('standard', 1, { normalizeActivations: 'constant_norm_rescale' });
    expect([...(await sae.reconstruct(new Float32Array(4)))]).toEqual([0, 0, 0, 0]);
  });

  test('many rows come out as few at a time do', async () => {
    const sae = await loadSae(`${fixtures}golden/sl-topk`);
    const copies = 200_000;
    const many = new Float32Array(copies * inputs.length);
    for (let i = 0; i < copies; i++) many.set(inputs, i * inputs.length);
    const latents = await sae.encode(many);
    const first = latents.slice(0, 70);
    expect(latents.slice(-70)).toEqual(first);
    expect(latents.length).toBe(copies * 70);
  });

  test('no rows give no rows', async () => {
    const sae = identity('topk', 2);
    expect(await sae.encode(new Float32Array(0))).toEqual(new Float32Array(0));
  });

  test('the input weights of a latent are its encoder column, however stored', async () => {
    for (const path of ['dl-topk', 'sl-topk']) {
      const sae = await loadSae(`${fixtures}golden/${path}`);
      const column = sae.encoderColumn(3);
      expect([...column]).toEqual(Array.from({ length: 6 }, (_, d) => sae.W_enc[d * 10 + 3]));
      expect(() => sae.encoderColumn(10)).toThrow('latent 10 is not among its 0 … 9');
    }
  });
});

describe('in a graph', () => {
  const paths = [
    'sl-topk-rescale',
    'dl-strided',
    'sp-groupmax/layers.1',
    'sl-gated',
    'sl-abstopk',
    'sl-jumprelu-layer-norm',
  ];

  test('inputs may have any leading axes, and several SAEs may share it', async () => {
    const graph = new GraphBuilder();
    const input = graph.input('x', 'float', ['batch', 'position', 6]);
    const saes = await Promise.all(paths.map((path) => loadSae(`${fixtures}golden/${path}`)));
    const wires = saes.map((sae) => {
      const { latents, latentInputs } = encodeNodes(graph, sae, input);
      return { latents, latentInputs, output: decodeNodes(graph, sae, latents, input) };
    });
    const outputs = wires.flatMap(({ latents, latentInputs, output }) => [latents, latentInputs, output]);
    const names = outputs.map((wire) => graph.op('Identity', [wire]));
    const program = graph.encode(names);
    expect(program.weights.size).toBe(2 * paths.length);
    const session = await (await openBackend()).open(program);
    const results = await session.run({ x: { data: inputs, shape: [1, 7, 6] } });
    for (const [i, sae] of saes.entries()) {
      const [latents, h, output] = names.slice(3 * i, 3 * i + 3).map((name) => results[name]!);
      expect(latents!.shape).toEqual([1, 7, 10]);
      expectClose(latents!.data as Float32Array, encode64(sae, inputs).latents);
      expectClose(h!.data as Float32Array, encode64(sae, inputs).h);
      expectClose(output!.data as Float32Array, decode64(sae, encode64(sae, inputs).latents, inputs));
    }
    await session.close();
  });

  test('decoding without an input that is needed is refused when the graph is built', async () => {
    const sae = await loadSae(`${fixtures}golden/sl-standard-layer-norm`);
    const graph = new GraphBuilder();
    expect(() => decodeNodes(graph, sae, graph.input('z', 'float', ['n', 10]))).toThrow('pass the inputs');
  });
});

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!)));
  }
  expect(worst).toBeLessThan(1e-5);
}

/** The formulas of `SaeArchitecture` and `SaeNormalization`, written plainly. */
function encode64(sae: Sae, x: Float32Array): { h: number[]; latents: number[] } {
  const { config, tensors } = sae;
  const { dIn, dSae, k } = config;
  const hs: number[] = [];
  const latents: number[] = [];
  for (let row = 0; row < x.length; row += dIn) {
    const { normalized } = normalize64(config, [...x.subarray(row, row + dIn)]);
    const h = normalized.map((value, i) => (config.applyBDecToInput ? value - tensors.b_dec[i]! : value));
    hs.push(...h);
    const product = Array.from({ length: dSae }, (_, j) =>
      h.reduce((sum, value, i) => sum + value * sae.W_enc[i * dSae + j]!, 0),
    );
    if (config.architecture === 'gated') {
      latents.push(
        ...product.map((q, j) =>
          q + tensors.b_gate![j]! > 0
            ? Math.max(0, q * Math.exp(tensors.r_mag![j]!) + tensors.b_mag![j]!)
            : 0,
        ),
      );
      continue;
    }
    const p = product.map(
      (q, j) => (q + tensors.b_enc![j]!) * (config.rescaleActsByDecoderNorm ? norm64(sae, j) : 1),
    );
    const ranked = (key: (value: number) => number) =>
      p
        .map((_, j) => j)
        .sort((a, b) => key(p[b]!) - key(p[a]!) || a - b)
        .slice(0, k!);
    const kept = {
      standard: () => p.map(() => true),
      jumprelu: () => p.map((value, j) => value > tensors.threshold![j]!),
      topk: () => p.map((_, j) => ranked((value) => value).includes(j)),
      abstopk: () => p.map((_, j) => ranked(Math.abs).includes(j)),
      groupmax: () => {
        const size = dSae / k!;
        return p.map((value, j) => {
          const group = p.slice(j - (j % size), j - (j % size) + size);
          return group.indexOf(Math.max(...group)) === j % size && value > 0;
        });
      },
    }[config.architecture]();
    latents.push(
      ...p.map((value, j) =>
        kept[j] ? (config.architecture === 'abstopk' ? value : Math.max(0, value)) : 0,
      ),
    );
  }
  return { h: hs, latents };
}

function decode64(sae: Sae, latents: readonly number[], x: Float32Array): number[] {
  const { config, tensors } = sae;
  const { dIn, dSae, dOut } = config;
  const outputs: number[] = [];
  for (let row = 0; row * dSae < latents.length; row++) {
    const input = [...x.subarray(row * dIn, (row + 1) * dIn)];
    const { scale, mean } = config.transcoder ? { scale: 1, mean: 0 } : normalize64(config, input);
    for (let o = 0; o < dOut; o++) {
      let sum = tensors.b_dec[o]!;
      for (let j = 0; j < dSae; j++) {
        const latent = latents[row * dSae + j]! / (config.rescaleActsByDecoderNorm ? norm64(sae, j) : 1);
        sum += latent * sae.W_dec[j * dOut + o]!;
      }
      const skip =
        tensors.W_skip === undefined
          ? 0
          : input.reduce((s, v, i) => s + v * tensors.W_skip!.data[o * dIn + i]!, 0);
      outputs.push(sum * scale + mean + skip);
    }
  }
  return outputs;
}

function normalize64(
  { normalizeActivations, dIn }: SaeConfig,
  x: number[],
): { normalized: number[]; scale: number; mean: number } {
  if (normalizeActivations === 'layer_norm') {
    const mean = x.reduce((sum, value) => sum + value, 0) / dIn;
    const std = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (dIn - 1));
    return { normalized: x.map((value) => (value - mean) / (std + 1e-5)), scale: std, mean };
  }
  if (normalizeActivations === 'constant_norm_rescale') {
    const scale = Math.hypot(...x) / Math.sqrt(dIn);
    return { normalized: x.map((value) => value / scale), scale, mean: 0 };
  }
  return { normalized: x, scale: 1, mean: 0 };
}

function norm64(sae: Sae, j: number): number {
  const { dOut } = sae.config;
  return Math.hypot(...sae.W_dec.subarray(j * dOut, (j + 1) * dOut));
}
