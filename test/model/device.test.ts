// Where a model runs. No machine of the tests has a GPU: WebGPU runs on SwiftShader, which is software, where it is there.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mayHaveGpu } from '../../src/base/gpu.ts';
import { PolysemeError } from '../../src/errors.ts';
import { AGREEMENT, disagreement } from '../../src/model/agreement.ts';
import { cannotUse } from '../../src/model/backends/onnxruntime-node.ts';
import { chooseDevice, type Device } from '../../src/model/device.ts';
import { cli, cliOf, compiled, expectFailure } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/expect.ts';
import { softwareGpu } from '../helpers/software-gpu.ts';

const missing = (device: Device): never => {
  throw cannotUse(
    device,
    new Error('context.cc:136 Initialize() status was false. No supported adapters\n\n'),
  );
};

describe('the choice of a device', () => {
  it('is what was asked for, or its error', async () => {
    expect(await chooseDevice('cpu', async () => {})).toEqual({ device: 'cpu', notes: [] });
    await expect(chooseDevice('webgpu', async (device) => missing(device))).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(
        /^device webgpu cannot be used \(No supported adapters\): it needs a GPU/,
      ),
    });
  });

  it('auto takes the best that is there, and says which computes wrong values', async () => {
    const tried: Device[] = [];
    const chosen = await chooseDevice('auto', async (device) => {
      tried.push(device);
      if (device === 'cuda') missing(device);
      if (device === 'webgpu') throw new PolysemeError('webgpu computes wrong values', 'unsupported');
    });
    expect(tried).toEqual(['cuda', 'webgpu', 'cpu']);
    expect(chosen).toEqual({
      device: 'cpu',
      notes: ['webgpu computes wrong values', 'the model runs on cpu'],
    });
    expect(await chooseDevice('auto', async () => {})).toEqual({
      device: 'cuda',
      notes: ['the model runs on cuda'],
    });
  });

  it('auto fails where even the processor does', async () => {
    const broken = new PolysemeError('onnxruntime-node is not installed', 'unsupported');
    await expect(chooseDevice('auto', () => Promise.reject(broken))).rejects.toBe(broken);
  });
});

describe('what two devices give', () => {
  const WIDTH = 4;
  const tokens = Int32Array.from({ length: 200 }, (_, i) => i % 7);
  const values = (change: (i: number) => number = () => 0) => ({
    tap: {
      data: Float32Array.from({ length: tokens.length * WIDTH }, (_, i) => 3 + Math.sin(i) + change(i)),
      shape: [2, 100, WIDTH],
    },
  });

  it('agrees up to rounding', () => {
    expect(disagreement(values(), values(), tokens)).toBeNull();
    expect(
      disagreement(
        values((i) => 2e-4 * Math.cos(i)),
        values(),
        tokens,
      ),
    ).toBeNull();
    // Twice the tolerance at every position.
    expect(
      disagreement(
        values((i) => 6 * AGREEMENT * (-1) ** i),
        values(),
        tokens,
      ),
    ).toMatch(/^tap differs at 200 of 200 positions, by up to 0\.00\d+ of its length$/);
  });

  it('may differ at one position of a hundred, where scores tie', () => {
    const odd = (rows: number) => values((i) => (i < rows * WIDTH ? 1 : 0));
    expect(disagreement(odd(2), values(), tokens)).toBeNull();
    expect(disagreement(odd(3), values(), tokens)).toMatch(/^tap differs at 3 of 200 positions/);
    expect(
      disagreement(
        values((i) => (i < 12 ? Number.NaN : 0)),
        values(),
        tokens,
      ),
    ).toMatch(/up to NaN/);
  });

  it('does not count padding, and counts numbers', () => {
    const padded = tokens.map((id, i) => (i < 50 ? -1 : id));
    expect(
      disagreement(
        values((i) => (i < 50 * WIDTH ? 1 : 0)),
        values(),
        padded,
      ),
    ).toBeNull();
    expect(disagreement({}, values(), tokens)).toBe('no numbers of tap, not 800');
  });
});

it('says in one line that there is no CUDA', async () => {
  // Of all machines only those with CUDA's libraries beside ONNX Runtime could run this.
  const ended = await cli([
    'sae',
    'cache',
    '--site',
    'blocks.0.hook_resid_post',
    '--out',
    'x',
    '--device',
    'cuda',
  ]);
  expectFailure(ended, /device cuda cannot be used \(.+\): it needs an NVIDIA GPU/);
});

/** A cache of a few vectors on a device: without an `out` that is free, it fails before. */
const cacheOn = (device: string, out: string) => [
  ...['sae', 'cache', '--site', 'blocks.0.hook_resid_post', '--contexts', '2', '--tokens', '20'],
  ...['--device', device, '--out', out],
];

it.skipIf(mayHaveGpu())('says in one line that there is no WebGPU, and of auto what it takes', async () => {
  const folder = temporaryFolder();
  const refused = await cli(cacheOn('webgpu', join(folder, 'refused')));
  expectFailure(refused, /device webgpu cannot be used \(there is no Vulkan\): it needs a GPU/);
  const { code, stderr } = await cli(cacheOn('auto', join(folder, 'taken')));
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/Vulkan|dawn/i);
});

it.skipIf(softwareGpu === null)(
  'WebGPU equals transformers at every site',
  async () => {
    const names = ['gpt2', 'gemma2', 'bert'];
    const families = cliOf([compiled('test/helpers/families-on-device.mjs')]);
    const { stdout, stderr } = await families.cli(['webgpu', ...names], { env: softwareGpu! });
    expect(stderr).toBe('');
    const found = JSON.parse(stdout) as Record<string, { difference: number; site: string }>;
    expect(Object.keys(found)).toEqual(names);
    for (const [family, { difference, site }] of Object.entries(found)) {
      expect(difference, `${family}, ${site}`).toBeLessThanOrEqual(1e-4);
      expect(difference).toBeGreaterThan(0);
    }
  },
  120_000,
);
