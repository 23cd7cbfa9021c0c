// MLPs however they are written out, by Python's onnx (test/fixtures/onnx/make.py), against a plain version in float64.
import { describe, expect, test } from 'vitest';
import { mlpBank } from '../../../src/bank/mlp-bank.ts';
import { type GateActivation, gateActivations } from '../../../src/embed/gate-activation.ts';
import { checkedSites, checkInvariants } from '../../../src/model/check-model.ts';
import { sitesOf } from '../../../src/model/compile.ts';
import { describeOnnx } from '../../../src/model/onnx/describe.ts';
import { openOnnx } from '../../../src/model/onnx/open-onnx.ts';
import { expectOneLine, temporaryFolder } from '../../helpers/expect.ts';
import { runRows } from '../../helpers/families.ts';
import { numbers, writeOnnx } from '../../helpers/onnx-files.ts';

const [VOCABULARY, WIDTH, UNITS] = [7, 4, 6];
const TOKENS = [3, 0, 6, 1];

/** rows·W [+ bias], of a matrix [inputs, outputs]. */
function product(rows: number[][], matrix: Float32Array, bias?: Float32Array): number[][] {
  const outputs = matrix.length / rows[0]!.length;
  return rows.map((row) =>
    Array.from({ length: outputs }, (_, o) =>
      row.reduce((sum, value, i) => sum + value * matrix[i * outputs + o]!, bias?.[o] ?? 0),
    ),
  );
}

const add = (a: number[][], b: number[][]) => a.map((row, i) => row.map((value, k) => value + b[i]![k]!));
const turned = (matrix: Float32Array, rows: number) =>
  Float32Array.from(matrix, (_, at) => matrix[(at % rows) * (matrix.length / rows) + Math.floor(at / rows)]!);
const columns = (matrix: Float32Array, all: number, from: number, to: number) =>
  matrix.filter((_, at) => at % all >= from && at % all < to);

const x = TOKENS.map((id) => Array.from(numbers(0, VOCABULARY, WIDTH).slice(id * WIDTH, (id + 1) * WIDTH)));
const logitsOf = (y: number[][]) => product(y, numbers(9, WIDTH, VOCABULARY));

/** Sites of x → act(x·W + b)·V + c, added to x or not. */
function plain(activation: GateActivation, { residual = true, factor = 1 } = {}): Record<string, number[][]> {
  const input = x.map((row) => row.map((value) => factor * value));
  const pre = product(input, numbers(1, WIDTH, UNITS), numbers(2, UNITS));
  const post = pre.map((row) => row.map((value) => gateActivations[activation](value).value));
  const out = product(post, numbers(3, UNITS, WIDTH), numbers(4, WIDTH));
  const y = residual ? add(x, out) : out;
  return {
    ...(residual && factor === 1 ? { hook_resid_mid: x, hook_resid_post: y } : {}),
    'mlp.hook_in': input,
    'mlp.hook_pre': pre,
    'mlp.hook_post': post,
    hook_mlp_out: out,
    logits: logitsOf(y),
  };
}

function gated(
  pre: number[][],
  upper: number[][],
  activation: GateActivation,
  residual: boolean,
): Record<string, number[][]> {
  const post = pre.map((row, t) =>
    row.map((value, j) => gateActivations[activation](value).value * upper[t]![j]!),
  );
  const out = product(post, numbers(3, UNITS, WIDTH));
  const y = residual ? add(x, out) : out;
  return {
    ...(residual ? { hook_resid_mid: x, hook_resid_post: y } : {}),
    'mlp.hook_in': x,
    'mlp.hook_pre': pre,
    'mlp.hook_pre_linear': upper,
    'mlp.hook_post': post,
    hook_mlp_out: out,
    logits: logitsOf(y),
  };
}

const both = numbers(8, WIDTH, 2 * UNITS);
/** The two matrices of a fused one: its left half goes through the activation. */
const halves = [0, UNITS].map((from) => product(x, columns(both, 2 * UNITS, from, from + UNITS)));

const EXPECTED: Record<string, { sites: Record<string, number[][]>; tolerance?: number }> = {
  relu: { sites: plain('relu') },
  external: { sites: plain('relu') },
  'float-data': { sites: plain('relu') },
  'relu-half': { sites: plain('relu'), tolerance: 4e-3 },
  'gelu-op': { sites: plain('gelu') },
  'gelu-erf': { sites: plain('gelu') },
  'gelu-tanh': { sites: plain('gelu_tanh') },
  silu: { sites: plain('silu') },
  'if-beside': { sites: plain('relu', { factor: 2 }) },
  gated: {
    sites: gated(
      product(x, numbers(5, WIDTH, UNITS), numbers(6, UNITS)),
      product(x, turned(numbers(7, UNITS, WIDTH), UNITS)),
      'silu',
      true,
    ),
  },
  'gated-fused': { sites: gated(halves[0]!, halves[1]!, 'gelu', false) },
};

describe.each(Object.entries(EXPECTED))('%s', (name, { sites, tolerance = 1e-5 }) => {
  const named = Object.entries(sites).map(([site, values]): [string, number[][]] => [
    site === 'logits' ? site : `blocks.0.${site}`,
    values,
  ]);

  test('has its sites, with their values', async () => {
    const files = await openOnnx(writeOnnx(temporaryFolder(), name));
    expect([...sitesOf(files).keys()].sort()).toEqual(named.map(([site]) => site).sort());
    const [found] = await runRows(
      files,
      [{ tokens: Int32Array.from(TOKENS) }],
      named.map(([site]) => site),
    );
    for (const [site, values] of named) {
      const own = found!.get(site)!;
      expect(own.length).toBe(values.flat().length);
      const worst = Math.max(
        ...values.flat().map((value, i) => Math.abs(value - own[i]!) / Math.max(1, Math.abs(value))),
      );
      expect(worst, site).toBeLessThanOrEqual(tolerance);
    }
  });

  test('holds what holds in every model', async () => {
    const files = await openOnnx(writeOnnx(temporaryFolder(), name));
    const [found] = await runRows(files, [{ tokens: Int32Array.from(TOKENS) }], checkedSites(files));
    await checkInvariants(files, found!, TOKENS.length);
  });

  test('its bank gives the pre-activations', async () => {
    const files = await openOnnx(writeOnnx(temporaryFolder(), name));
    const bank = mlpBank(files, 0, { layernorm: 'raw', gated: 'gradient' });
    const weights = await bank.weights();
    const isGated = sites['mlp.hook_pre_linear'] !== undefined;
    const row = isGated ? 2 * WIDTH + 2 : WIDTH;
    expect([bank.units, bank.width, weights.length]).toEqual([UNITS, WIDTH, UNITS * row]);
    for (const [part, site] of (isGated
      ? ['mlp.hook_pre', 'mlp.hook_pre_linear']
      : ['mlp.hook_pre']
    ).entries()) {
      for (let unit = 0; unit < UNITS; unit++) {
        const own = weights.subarray(unit * row, (unit + 1) * row);
        const rest = sites['mlp.hook_in']!.map(
          (h, t) =>
            sites[site]![t]![unit]! - h.reduce((sum, value, k) => sum + value * own[part * WIDTH + k]!, 0),
        );
        const bias = isGated ? own[2 * WIDTH + part]! : rest[0]!;
        for (const value of rest) expect(Math.abs(value - bias)).toBeLessThan(tolerance);
      }
    }
  });
});

describe('files that cannot be run say why in one line', () => {
  test.each([
    ['quantised', /node "\/mlp\/up_Q4" \(MatMulNBits\) holds quantised weights.*float weights/],
    ['fixed-axes', /"ids" is fixed at \[1,8\]: export the file with dynamic axes/],
    ['unknown-input', /its input "temperature" \(float \[batch\]\) is none that can be filled/],
    ['one-by-one', /tensor "W" is written number by number|tensor "E" is written number by number/],
    ['fused-bias-gelu', /node "\/mlp\/BiasGelu" \(BiasGelu\) holds several operators in one/],
    ['if-around', /no MLP outside node "optimum::if" \(If\).*merged/],
    ['no-mlp', /has no MLP/],
    ['tanh', /has no MLP/],
  ])('%s', async (name, pattern) => {
    const path = writeOnnx(temporaryFolder(), name);
    await expectOneLine(() => describeOnnx(path), pattern);
  });
});

test('every input that is not token ids is filled', async () => {
  const files = await openOnnx(writeOnnx(temporaryFolder(), 'inputs'));
  expect(files.model).toMatchObject({ contextLength: 5, bidirectional: false });
  const [found] = await runRows(files, [{ tokens: Int32Array.from(TOKENS) }], ['blocks.0.mlp.hook_in']);
  const [places, segments] = [numbers(10, 5, WIDTH), numbers(11, 2, WIDTH)];
  const wanted = x.flatMap((row, t) => row.map((value, k) => value + places[t * WIDTH + k]! + segments[k]!));
  expect(
    wanted.map((value, i) => Math.abs(value - found!.get('blocks.0.mlp.hook_in')![i]!) < 1e-6),
  ).not.toContain(false);
});

test('a norm that is fused with the sum before it hides the stream, not the MLP', async () => {
  const path = writeOnnx(temporaryFolder(), 'skip-norm');
  const { notes, sites } = describeOnnx(path);
  expect(notes).toEqual([
    expect.stringMatching(/node "\/ln\/Skip", SkipLayerNormalization, adds and normalises in one/),
  ]);
  const names = ['mlp.hook_in', 'mlp.hook_pre', 'mlp.hook_post'].map((name) => `blocks.0.${name}`);
  expect(sites.map(({ site }) => site)).toEqual([...names, 'logits']);
  const files = await openOnnx(path);
  const [found] = await runRows(files, [{ tokens: Int32Array.from(TOKENS) }], names);
  const sum = add(x, product(x, numbers(12, WIDTH, WIDTH)));
  const h = sum.map((row) => {
    const mean = row.reduce((a, b) => a + b) / WIDTH;
    const variance = row.reduce((total, value) => total + (value - mean) ** 2, 0) / WIDTH;
    return row.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
  });
  const pre = product(h, numbers(1, WIDTH, UNITS), numbers(2, UNITS));
  const own = found!.get('blocks.0.mlp.hook_pre')!;
  expect(Math.max(...pre.flat().map((value, i) => Math.abs(value - own[i]!)))).toBeLessThan(1e-5);
});

test('layernorm folded is refused in one line', async () => {
  const files = await openOnnx(writeOnnx(temporaryFolder(), 'relu'));
  await expectOneLine(() => mlpBank(files, 0, { layernorm: 'folded', gated: 'gradient' }), /folded/);
});
