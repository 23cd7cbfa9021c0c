import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PolysemeError } from '../../src/errors.ts';
import { type Backend, proveBackend, type Values } from '../../src/model/backend.ts';
import { cannotLoad, onnxruntimeNode } from '../../src/model/backends/onnxruntime-node.ts';
import {
  backendReference,
  EPSILON,
  referenceWeights,
  SIZES,
  TOKENS,
} from '../../src/model/backends/reference.ts';
import { uncopied } from '../../src/model/backends/uncopied.ts';
import { openBackend } from '../../src/model/open-backend.ts';
import { encodeModel } from '../../src/onnx/proto.ts';
import { activations, add, affine, attend, linear, normalize } from '../helpers/reference-math.ts';

const { width, heads, hidden } = SIZES;

/** The reference's graph, in plain float64 arithmetic. */
function inDouble(): Float64Array {
  const weight = (seed: number, ...shape: number[]) => ({
    shape,
    data: Float64Array.from(
      referenceWeights(
        seed,
        shape.reduce((a, b) => a * b),
      ),
    ),
  });
  const embedding = weight(0, SIZES.vocabulary, width).data;
  const x = Float64Array.from(TOKENS.flatMap((id) => [...embedding.subarray(id * width, (id + 1) * width)]));
  const normed = affine(normalize(x, width, EPSILON, true), weight(1, width), weight(2, width));
  const qkv = linear(normed, weight(3, width, 3 * width), undefined, 'in_out');
  const part = (index: number) =>
    Float64Array.from(
      TOKENS.flatMap((_, t) => [...qkv.subarray((3 * t + index) * width, (3 * t + index + 1) * width)]),
    );
  const headDim = width / heads;
  const rotate = (rows: Float64Array) => {
    const out = new Float64Array(rows.length);
    for (let t = 0; t < TOKENS.length; t++) {
      for (let head = 0; head < heads; head++) {
        for (let i = 0; i < headDim / 2; i++) {
          const angle = Math.fround(t * 10 ** (-i / 2));
          const [a, b] = [t * width + head * headDim + i, t * width + head * headDim + i + headDim / 2];
          out[a] = rows[a]! * Math.cos(angle) - rows[b]! * Math.sin(angle);
          out[b] = rows[b]! * Math.cos(angle) + rows[a]! * Math.sin(angle);
        }
      }
    }
    return out;
  };
  const z = attend([rotate(part(0)), rotate(part(1)), part(2)], {
    heads,
    kvHeads: heads,
    headDim,
    scale: 1 / Math.sqrt(headDim),
  });
  const middle = add(x, z);
  const h = affine(normalize(middle, width, EPSILON, false), weight(4, width));
  const gate = linear(h, weight(5, hidden, width), undefined, 'out_in');
  const up = linear(h, weight(6, width, hidden), undefined, 'in_out');
  const post = gate.map((g, i) => {
    const u = up[i]!;
    return activations['silu']!(g) * (activations['gelu_new']!(u) + activations['gelu']!(u) - u);
  });
  return add(middle, linear(post, weight(7, hidden, width), undefined, 'in_out'));
}

/** ONNX Runtime with its outputs passed through `change`. */
async function changed(change: (values: Values) => Values): Promise<Backend> {
  const backend = await onnxruntimeNode();
  return {
    name: 'fake',
    async open(program, options) {
      const session = await backend.open(program, options);
      return {
        async run(inputs) {
          const outputs = await session.run(inputs);
          return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, change(values)]));
        },
        close: () => session.close(),
      };
    },
  };
}

describe('the proof of a backend', () => {
  it('compares with values computed in float64', () => {
    const { outputs } = backendReference();
    const [stored] = Object.values(outputs);
    const computed = inDouble();
    expect(stored).toHaveLength(computed.length);
    computed.forEach((value, i) => {
      expect(stored![i]).toBeCloseTo(value, 8);
    });
  });

  it('is passed by ONNX Runtime', async () => {
    expect((await openBackend()).name).toBe('onnxruntime-node');
    expect(openBackend()).toBe(openBackend());
  });

  it('refuses a backend of which one value is wrong', async () => {
    const wrong = await changed(({ data, shape }) => ({
      data: (data as Float32Array).map((value, i) => (i === 17 ? value + 1e-4 * Math.max(1, value) : value)),
      shape,
    }));
    const error = await proveBackend(wrong, backendReference()).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(PolysemeError);
    expect(error).toMatchObject({ code: 'unsupported' });
    expect((error as Error).message).toMatch(
      /^the fake runtime computes wrong values on this machine \(\w+\[17\] is /,
    );
  });

  it('refuses NaN, and too few values', async () => {
    const nan = await changed(({ data, shape }) => ({
      data: (data as Float32Array).fill(Number.NaN),
      shape,
    }));
    await expect(proveBackend(nan, backendReference())).rejects.toThrow('is NaN, not');
    const few = await changed(({ data, shape }) => ({ data: (data as Float32Array).slice(1), shape }));
    await expect(proveBackend(few, backendReference())).rejects.toThrow('31 numbers of');
  });
});

describe('memory that is given for outputs', () => {
  const numbers = (size: number) => ({
    data: Float32Array.from({ length: size }, (_, i) => i),
    shape: [size],
  });

  /** Doubles its input, with operators of a set. */
  async function doubling(opset: number) {
    const backend = await openBackend();
    return backend.open({
      bytes: encodeModel({
        nodes: [{ op: 'Add', domain: '', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
        initializers: [],
        inputs: [{ name: 'x', type: 'float', shape: ['n'] }],
        outputs: [{ name: 'y', type: 'float' }],
        opsets: new Map([['', opset]]),
      }),
    });
  }

  // Operator set 10 has no sequences, which spare the copy.
  it.each([23, 10])(
    'takes them, and what is asked for without it is the same: operator set %i',
    async (opset) => {
      const session = await doubling(opset);
      const x = numbers(100);
      const into = { y: numbers(100) };
      const { y } = await session.run({ x }, into);
      const fresh = await session.run({ x });
      await session.close();
      expect(Object.keys(fresh)).toEqual(['y']);
      expect(y).toEqual(fresh['y']);
      expect(into.y.data).toEqual(y!.data);
      expect(y!.data.at(-1)).toBe(198);
    },
  );

  it('is not copied', async () => {
    const session = await doubling(23);
    const x = numbers(2 ** 20);
    const into = { y: numbers(2 ** 20) };
    const before = process.memoryUsage().arrayBuffers;
    const { y } = await session.run({ x }, into);
    const grown = process.memoryUsage().arrayBuffers - before;
    await session.close();
    expect(y!.data).toBe(into.y.data);
    expect(grown).toBeLessThan(2 ** 20);
  });

  it('is filled where the runtime leaves it as it was', async () => {
    const given = { data: new Float32Array(3), dims: [3] };
    const session = await uncopied(new Uint8Array(), async () => ({
      outputNames: ['untold', 'y'],
      run: async (_, fetches) => {
        if (!Array.isArray(fetches)) throw Error('Non tensor type is temporarily not supported.');
        return { y: { data: Float32Array.of(1, 2, 3), dims: [3] } };
      },
      release: async () => {},
    }));
    await session.run({}, { y: given });
    expect([...given.data]).toEqual([1, 2, 3]);
  });

  it('does not hide an error of the run', async () => {
    const session = await doubling(23);
    await expect(session.run({ x: numbers(100) }, { y: numbers(2) })).rejects.toThrow(/shape|dim/i);
    await session.close();
  });
});

describe('a runtime that cannot be loaded', () => {
  it('is told in one line that says how to install it', () => {
    const error = cannotLoad(
      Object.assign(new Error("Cannot find package 'onnxruntime-node'"), { code: 'ERR_MODULE_NOT_FOUND' }),
      'linux',
      'x64',
    );
    expect(error.code).toBe('unsupported');
    expect(error.message).toBe(
      'onnxruntime-node, which runs models, is not installed: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node',
    );
  });

  it('says why a library that is there does not load', () => {
    const error = cannotLoad(new Error('libstdc++.so.6: version not found\nstack'), 'linux', 'x64');
    expect(error.message).toContain('cannot be loaded (libstdc++.so.6: version not found)');
  });

  it('says that there is none for Intel Macs', () => {
    expect(cannotLoad(new Error('x'), 'darwin', 'x64').message).toContain('no binary for Intel Macs');
    expect(cannotLoad(new Error('x'), 'darwin', 'arm64').message).not.toContain('Intel');
  });
});

it('is imported by one file of the sources', () => {
  const importing = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => /(from|import\() ?'onnxruntime/.test(readFileSync(join('src', file), 'utf8')));
  expect(importing.sort()).toEqual(
    ['onnxruntime-node.ts', 'onnxruntime-web.ts'].map((file) => join('model', 'backends', file)),
  );
});
