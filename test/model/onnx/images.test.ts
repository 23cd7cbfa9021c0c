// ONNX files that read pixels, by Python's onnx (test/fixtures/onnx/make.py), against a plain version in float64.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mlpBank } from '../../../src/bank/mlp-bank.ts';
import { loadModel } from '../../../src/index.ts';
import { openOnnx } from '../../../src/model/onnx/open-onnx.ts';
import { pixelInput } from '../../../src/model/onnx/pixels.ts';
import type { OnnxFile } from '../../../src/onnx/read-onnx.ts';
import { expectOneLine, temporaryFolder } from '../../helpers/expect.ts';
import { numbers, writeOnnx } from '../../helpers/onnx-files.ts';

const SIZES = [12, 5, 3, 2];
const pixels = Float32Array.from({ length: 12 }, (_, i) => Math.cos(i));

/** Sites of 12 – 5 – 3 – 2 with ReLU. */
function plain(): Record<string, number[]> {
  const sites: Record<string, number[]> = {};
  let h = [...pixels];
  for (let layer = 0; layer < 3; layer++) {
    const [inputs, outputs] = [SIZES[layer]!, SIZES[layer + 1]!];
    const [weight, bias] = [numbers(20 + layer, outputs, inputs), numbers(30 + layer, outputs)];
    const pre = Array.from(bias, (b, o) =>
      h.reduce((sum, value, i) => sum + value * weight[o * inputs + i]!, b),
    );
    if (layer < 2)
      Object.assign(sites, { [`blocks.${layer}.mlp.hook_in`]: h, [`blocks.${layer}.mlp.hook_pre`]: pre });
    h = pre.map((value) => Math.max(0, value));
    if (layer < 2) sites[`blocks.${layer}.mlp.hook_post`] = h;
    else sites['logits'] = pre;
  }
  return sites;
}

describe.each(['image', 'image-last', 'image-grey', 'image-flat'])('%s', (name) => {
  test('runs, with layers of their own widths', async () => {
    const folder = temporaryFolder();
    const path = writeOnnx(folder, name);
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ image_size: [3, 4], num_channels: 1 }));
    await using model = await loadModel(path);
    expect(model.config).toMatchObject({
      layers: 2,
      contextLength: 1,
      image: { height: 3, width: 4, channels: 1 },
    });
    expect(model.images).toMatchObject({ positions: 1, classes: ['0', '1'] });
    const expected = plain();
    const taps = await model.run({
      pixels: [{ data: pixels, shape: [1, 3, 4] }],
      taps: Object.keys(expected),
    });
    for (const [site, values] of Object.entries(expected)) {
      expect(taps[site]!.shape).toEqual([1, 1, values.length]);
      for (const [i, value] of values.entries()) expect(taps[site]!.data[i]).toBeCloseTo(value, 5);
    }
    const bank = mlpBank(model.files, 1, { layernorm: 'raw', gated: 'gradient' });
    expect([bank.units, bank.width, bank.norms]).toEqual([3, 5, null]);
    expect(await bank.weights()).toEqual(numbers(21, 3, 5));
  });
});

test.each([
  ['image-fixed', /"x" \[1,1,3,4\] has a fixed batch/],
  ['image-wide', /"x" \[batch,2,3,2\] has neither one channel nor three/],
])('%s is refused in one line', async (name, pattern) => {
  const path = writeOnnx(temporaryFolder(), name);
  await expectOneLine(() => openOnnx(path), pattern);
});

test('numbers in a row are a square image, or what config.json says', async () => {
  const row = (count: number, config = {}) => {
    const inputs = [{ name: 'x', type: 1, shape: ['batch', count] }];
    const found = pixelInput({ path: 'a.onnx', inputs } as unknown as OnnxFile, config);
    return [found!.channels, found!.height, found!.width];
  };
  expect(row(784)).toEqual([1, 28, 28]);
  expect(row(3072)).toEqual([3, 32, 32]);
  expect(row(784, { image_size: [14, 56] })).toEqual([1, 14, 56]);
  await expectOneLine(() => row(10), /"x" \[batch,10\] is no square image: say image_size/);
});
