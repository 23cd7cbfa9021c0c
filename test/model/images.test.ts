import { existsSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { openImages } from '../../src/corpus/images/open-images.ts';
import { loadModel } from '../../src/model/load-model.ts';

const MNIST = '../shared/models/mnist-mlp-64';

describe.skipIf(!existsSync(MNIST))('shared: the paper author’s MLP for MNIST', async () => {
  const model = existsSync(MNIST) ? await loadModel(MNIST, { threads: 2 }) : null!;
  afterAll(() => model?.close());

  test('shared: classifies 94 % of the test images', async () => {
    const corpus = await openImages('../shared/data/mnist-t10k-images-idx3-ubyte.gz');
    const labels: string[] = [];
    const pixels = [];
    for await (const { label, load } of corpus.images()) {
      labels.push(label!);
      pixels.push(model.images!.read(await load()));
    }
    const { logits } = await model.run({ pixels, taps: ['logits'] });
    expect(logits!.shape).toEqual([10_000, 1, 10]);
    const right = labels.filter((label, i) => {
      const own = logits!.data.subarray(10 * i, 10 * i + 10);
      return own.indexOf(Math.max(...own)) === Number(label);
    });
    expect(right.length).toBe(9399);
  });

  test('shared: has no tokenizer', () => {
    expect(() => model.tokenizer).toThrow(/mnist-mlp-64 reads images .*needs text/);
  });
});
