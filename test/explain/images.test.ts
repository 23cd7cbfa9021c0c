// A study of the built-in digits, made, read, served and explained as a user would.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpack } from '../../src/base/pack.ts';
import { imageSize } from '../../src/corpus/images/decode.ts';
import { openImages } from '../../src/corpus/images/open-images.ts';
import { decodePng } from '../../src/corpus/images/png.ts';
import { classEffect } from '../../src/explain/class-effect.ts';
import { Classifier } from '../../src/explain/classify.ts';
import type { Explained } from '../../src/explain/explained.ts';
import { tokenImportance } from '../../src/explain/importance.ts';
import { patchImportance } from '../../src/explain/patch-importance.ts';
import { describeFeatures } from '../../src/features/describe.ts';
import { loadModel, type Model } from '../../src/model/load-model.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { createServer, type StudyServer } from '../../src/server/api.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { verifyStudy } from '../../src/study/verify.ts';

let out = '';
let study: Study;
let explained: Explained;
let server: StudyServer;
let model: Model;

beforeAll(async () => {
  out = join(mkdtempSync(join(tmpdir(), 'polyseme-digits-')), 'digits.db');
  model = await loadModel('builtin:digits', { threads: 1 });
  await runStudy({ model, contexts: 400, examples: 24, out, threads: 1 });
  study = openStudy(out);
  explained = openExplained(study, { threads: 1 });
  server = createServer(study, { threads: 1 });
});
afterAll(async () => {
  await server.close();
  await explained.close();
  study.close();
  await model.close();
});

const post = async (path: string, body: object) => {
  const answer = await server.fetch(
    new Request(`http://localhost${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );
  return { status: answer.status, body: await answer.json() };
};

/** The matrix and biases of the layer that makes logits, read with nothing of the code under test. */
async function lastLayer() {
  const zeros = { data: new Float32Array(784), shape: [1, 28, 28] as const };
  const { logits } = await model.run({ pixels: [zeros], taps: ['logits', 'blocks.0.mlp.hook_post'] });
  return logits!.data;
}

describe('a study of images', () => {
  test('comes from the built-in images without being asked for', () => {
    const info = study.info();
    expect(info.data['source']).toBe('builtin:digits');
    expect(info.contexts).toBe(400);
    expect(info.model['image']).toMatchObject({
      height: 28,
      width: 28,
      patch: null,
      classes: [...'0123456789'],
    });
    expect(verifyStudy(out).contentHash).toBe(info.contentHash);
  });

  test('keeps each image of an example once, bit for bit, and what it shows', async () => {
    const corpus = await openImages('builtin:digits');
    const images = [];
    for await (const { label, load } of corpus.images()) images.push({ label, image: await load() });
    const { features } = study.unit('mlp.0', 3);
    expect(features.length).toBeGreaterThan(0);
    for (const { context, document, label, activation, position } of features.flatMap((f) => f.examples)) {
      const number = Number(document.split(':')[1]);
      expect(label).toBe(images[number]!.label);
      expect(decodePng(study.image(context)!)).toEqual(images[number]!.image);
      expect(position).toBe(0);
      // The activation by hand.
      const { inputs } = study.inputs('mlp.0', 3);
      expect(inputs).toHaveLength(784 * features.reduce((sum, f) => sum + f.size, 0));
      expect(activation).toBeGreaterThan(0);
    }
  });

  test('names features by what their images show', () => {
    const words = study.units().flatMap(({ bank, index }) => study.words(bank, index).flat());
    expect(words.length).toBeGreaterThan(64);
    expect([...new Set(words)].every((word) => /^\d$/.test(word))).toBe(true);
  });

  test('the same again is the same study', async () => {
    const again = `${out}.again.db`;
    const info = await runStudy({
      model,
      data: 'builtin:digits',
      contexts: 400,
      examples: 24,
      out: again,
      threads: 2,
    });
    expect(info.contentHash).toBe(study.info().contentHash);
  });

  test('refuses text in one line, and text refuses images', async () => {
    const run = (options: object) => runStudy({ out: `${out}.x.db`, threads: 1, ...options });
    await expect(run({ model, data: 'builtin:sotu' })).rejects.toThrow(
      /the model reads images, and the built-in ones/,
    );
    await expect(run({ model, context: 16 })).rejects.toThrow(
      /option context is 16: an image is one context/,
    );
    await expect(run({ model, bos: 'yes' })).rejects.toThrow(/images have no BOS/);
    await expect(
      run({ model: 'builtin:folio-5m', data: await openImages('builtin:digits') }),
    ).rejects.toThrow(/folio-5m reads text, and builtin:digits are images/);
    await expect(tokenImportance(explained, { bank: 'mlp.0', index: 0 })).rejects.toThrow(
      /reads images .* needs text/,
    );
  });
});

describe('explanations of images', () => {
  test('a picture’s logits are the biases and what every unit adds', async () => {
    const context = study.detail('mlp.0', 3).context[0]!;
    const classifier = new Classifier(explained);
    const found = await classifier.classify({ context, embeddings: [{ bank: 'mlp.0', index: 3 }] });
    const { data } = decodePng(study.image(context)!);
    const pixels = { data: Float32Array.from(data, (value) => value / 255), shape: [1, 28, 28] as const };
    const taps = await model.run({ pixels: [pixels], taps: ['logits', 'blocks.0.mlp.hook_post'] });
    expect(found.logits).toEqual([...taps['logits']!.data]);
    expect(found.probabilities!.reduce((a, b) => a + b)).toBeCloseTo(1, 10);
    // Σ shares + bias = logits; the bias by an image of which the share is known.
    const zero = await classifier.classify({ pixels: Array(784).fill(0) });
    const bias = zero.logits!.map(
      (logit, c) => logit - zero.units.reduce((sum, unit) => sum + unit.shares![c]!, 0),
    );
    found.logits!.forEach((logit, c) => {
      const sum = found.units.reduce((total, unit) => total + unit.shares![c]!, bias[c]!);
      expect(sum).toBeCloseTo(logit, 3);
    });
    expect(found.units.map(({ index }) => index).sort((a, b) => a - b)).toEqual([...Array(64).keys()]);
    const own = found.units.find(({ index }) => index === 3)!;
    // An example of the unit falls in its own feature, and its embedding is (h − μ) ⊙ w.
    expect(own.feature).toBe(study.tree('mlp.0', 3).featureOf[0]);
    const { weights, centre } = study.inputs('mlp.0', 3);
    own.embedding!.forEach((value, k) => {
      expect(value).toBeCloseTo((pixels.data[k]! - centre![k]!) * weights[k]!, 4);
    });
    expect(await lastLayer()).toHaveLength(10);
    await classifier.close();
  });

  test('a patch counts as much as the activation falls without it', async () => {
    const { rows, columns, patch, examples } = await patchImportance(explained, {
      bank: 'mlp.0',
      index: 3,
      examples: [1],
    });
    expect([rows, columns, patch]).toEqual([7, 7, { height: 4, width: 4 }]);
    const [{ context, activation, drops }] = examples as [(typeof examples)[0]];
    const { data } = decodePng(study.image(context)!);
    const mean = Math.round(data.reduce((a, b) => a + b) / 784);
    const masked = data.slice();
    for (let y = 12; y < 16; y++) for (let x = 8; x < 12; x++) masked[y * 28 + x] = mean;
    const run = async (bytes: Uint8Array) => {
      const pixels = { data: Float32Array.from(bytes, (value) => value / 255), shape: [1, 28, 28] as const };
      const taps = await model.run({ pixels: [pixels], taps: ['blocks.0.mlp.hook_post'] });
      return taps['blocks.0.mlp.hook_post']!.data[3]!;
    };
    expect(activation).toBeCloseTo(await run(data), 5);
    expect(drops[3 * 7 + 2]).toBeCloseTo(activation - (await run(masked)), 5);
  });

  test('a unit’s effect on a class is its activation times its output weight', async () => {
    const { classes, effects, images } = await classEffect(explained, { bank: 'mlp.0', index: 3 });
    const bank = await explained.bank('mlp.0');
    const matrix = await bank.classWeights!();
    const { activation } = study.detail('mlp.0', 3);
    const mean = activation.reduce((a, b) => a + b) / activation.length;
    expect(images).toBe(activation.length);
    classes.forEach((_, c) => {
      expect(effects[c]).toBeCloseTo(mean * matrix[c * 64 + 3]!, 4);
    });
  });
});

describe('the API of images', () => {
  test('gives the image of a context with an ETag', async () => {
    const context = study.detail('mlp.0', 3).context[0]!;
    const get = (headers = {}) =>
      server.fetch(new Request(`http://localhost/api/contexts/${context}/image`, { headers }));
    const answer = await get();
    expect(answer.headers.get('content-type')).toBe('image/png');
    expect(imageSize(new Uint8Array(await answer.arrayBuffer()), 'x')).toEqual({ width: 28, height: 28 });
    expect((await get({ 'if-none-match': answer.headers.get('etag')! })).status).toBe(304);
    const missing = await server.fetch(new Request('http://localhost/api/contexts/99999/image'));
    expect((await missing.json()).detail).toBe('the study has no image of context 99999');
  });

  const get = (path: string) => server.fetch(new Request(`http://localhost${path}`));

  test('gives a unit’s weights and embeddings, as the distances are made of them', async () => {
    const answer = await get('/api/units/mlp.0/3/vectors?examples=4,0');
    const found = unpack(new Uint8Array(await answer.arrayBuffer()), 'vectors') as Record<
      string,
      Float32Array
    >;
    const { inputs, weights, centre } = study.inputs('mlp.0', 3);
    expect(found['weights']).toEqual(weights);
    expect(found['mean']).toEqual(centre);
    expect(found['embeddings']).toHaveLength(2 * 784);
    [4, 0].forEach((example, i) => {
      for (let k = 0; k < 784; k++) {
        const want = (inputs[784 * example + k]! - centre![k]!) * weights[k]!;
        expect(found['embeddings']![784 * i + k]).toBeCloseTo(want, 5);
      }
    });
    expect((await (await get('/api/units/mlp.0/3/vectors?examples=99')).json()).detail).toBe(
      'unit mlp.0/3 has no example 99: it has 24, from 0',
    );
  });

  test('lists the images, all or by what they show', async () => {
    const all = await (await get('/api/images?limit=1000')).json();
    expect(all.total).toBe(study.images().length);
    expect(all.labels.map(({ label }: { label: string }) => label)).toEqual([...'0123456789']);
    const sevens = await (await get('/api/images?label=7&limit=3&offset=1')).json();
    const wanted = all.images.filter(({ label }: { label: string }) => label === '7');
    expect([sevens.total, sevens.images]).toEqual([wanted.length, wanted.slice(1, 4)]);
    expect(all.labels[7].images).toBe(wanted.length);
  });

  test('says of each listed feature which image is its central one', async () => {
    const { units } = await (await get('/api/units?limit=64')).json();
    for (const { bank, index, features } of units as {
      bank: string;
      index: number;
      features: { image: number }[];
    }[]) {
      const detail = study.detail(bank, index);
      const { features: own } = describeFeatures({
        ...study.features(detail),
        activations: detail.activation,
        words: null,
      });
      expect(features.map(({ image }) => image)).toEqual(
        own.slice(0, features.length).map(({ central }) => detail.context[central]),
      );
    }
    const { units: found } = await (await get('/api/search?q=7')).json();
    expect(found[0].matches[0].image).toEqual(expect.any(Number));
  });

  test('says of each example what it shows, and where', async () => {
    const answer = await server.fetch(new Request('http://localhost/api/units/mlp.0/3?examples=2'));
    const { features } = await answer.json();
    for (const { image } of features[0].examples)
      expect(image).toEqual({ label: expect.stringMatching(/^\d$/), box: null });
  });

  test('classifies, draws weights and refuses what it cannot', async () => {
    const { body } = await post('/api/classify', { pixels: Array(784).fill(0) });
    expect(body.units).toHaveLength(64);
    const { classWeights } = await explained.bank('mlp.0');
    const matrix = await classWeights!();
    const { body: outputs } = await post('/api/units/mlp.0/3/output-weights', {});
    expect(outputs.classes).toEqual([...'0123456789']);
    (outputs.output as number[]).forEach((value, c) => {
      expect(value).toBeCloseTo(matrix[64 * c + 3]!, 3);
    });
    expect((await post('/api/units/mlp.0/3/patch-importance', { examples: [0] })).body.examples).toHaveLength(
      1,
    );
    expect((await post('/api/units/mlp.0/3/class-effect', {})).body.effects).toHaveLength(10);
    const bad = await post('/api/classify', { pixels: [1, 2, 3] });
    expect([bad.status, bad.body.detail]).toEqual([
      422,
      'pixels holds 3 values; an image of 28 × 28 pixels with 1 channels has 784',
    ]);
    expect((await post('/api/probe', { text: 'a' })).body.detail).toMatch(/reads images/);
  });
});
