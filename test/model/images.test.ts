import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openImages } from '../../src/corpus/images/open-images.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { openStudy } from '../../src/study/open-study.ts';

const MNIST = '../shared/models/mnist-mlp-64';
const IMAGES = '../shared/data/mnist-t10k-images-idx3-ubyte.gz';

describe.skipIf(!existsSync(MNIST))('shared: the paper author’s MLP for MNIST', async () => {
  const model = existsSync(MNIST) ? await loadModel(MNIST, { threads: 2 }) : null!;
  afterAll(() => model?.close());

  test('shared: classifies 94 % of the test images', async () => {
    const corpus = await openImages(IMAGES);
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

  test('shared: its 64 neurons fall into the clusters that SciPy finds with the paper’s settings', async () => {
    const wanted = JSON.parse(readFileSync('test/fixtures/mnist/mlp-64.json', 'utf8')) as {
      examples: number;
      clusters: number;
      sizes: number[];
      meanDistance: number;
      maxDistance: number;
      maxActivation: number;
    }[][];
    const folder = mkdtempSync(join(tmpdir(), 'polyseme-mnist-'));
    const out = join(folder, 'mnist.db');
    await runStudy({ model, data: IMAGES, paper: true, examples: 10_000, out, threads: 2 });
    const study = openStudy(out);
    expect(wanted).toHaveLength(64);
    for (const [index, outcomes] of wanted.entries()) {
      const { features, ...unit } = study.unit('mlp.0', index);
      // Of an image at the bound of 0.75, float32 decides.
      const want = outcomes.find(({ examples }) => examples === unit.examples) ?? outcomes[0]!;
      const name = `neuron ${index}`;
      expect([unit.examples, unit.clusters], name).toEqual([want.examples, want.clusters]);
      expect(
        features.map(({ size }) => size).sort((a, b) => b - a),
        name,
      ).toEqual(want.sizes);
      // h is stored in half precision with one scale a row.
      expect(unit.meanDistance, name).toBeCloseTo(want.meanDistance, 4);
      expect(unit.maxDistance, name).toBeCloseTo(want.maxDistance, 3);
      expect(unit.maxActivation, name).toBeCloseTo(want.maxActivation, 4);
    }
    study.close();
    rmSync(folder, { recursive: true });
  });

  test('shared: has no tokenizer', () => {
    expect(() => model.tokenizer).toThrow(/mnist-mlp-64 reads images .*needs text/);
  });
});
