// A study of a vision transformer over a folder of pictures, against every activation of it, looked through by hand.
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bankOf } from '../../src/bank/given.ts';
import { mlpBank } from '../../src/bank/mlp-bank.ts';
import type { Image } from '../../src/corpus/images/image.ts';
import { imageContexts } from '../../src/corpus/images/image-contexts.ts';
import { openImages } from '../../src/corpus/images/open-images.ts';
import { decodePng, encodePng } from '../../src/corpus/images/png.ts';
import { splitBank } from '../../src/harvest/split-given.ts';
import { loadModel, type Model } from '../../src/model/load-model.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { createServer } from '../../src/server/api.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { FAMILIES } from '../helpers/families.ts';

const COUNT = 40;
const EXAMPLES = 6;
const dir = mkdtempSync(join(tmpdir(), 'polyseme-vit-'));
const checkpoint = join(dir, 'model');
const data = join(dir, 'pictures');
const PROCESSOR = {
  image_processor_type: 'ViTImageProcessor',
  size: { height: 8, width: 8 },
  image_mean: [0.4, 0.5, 0.6],
  image_std: [0.2, 0.25, 0.3],
};

/** A picture that no other number gives, in the size that the model reads. */
function picture(seed: number): Image {
  const bytes = Uint8Array.from(
    { length: 192 },
    (_, i) => (Math.imul(i + 1, 2654435761 + 97 * seed) >>> 13) % 256,
  );
  return { width: 8, height: 8, channels: 3, data: bytes };
}

/** What the model reads of it, by the formula. */
function pixelsOf({ data: bytes }: Image) {
  const values = new Float32Array(192);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < 64; i++) {
      const [mean, std] = [PROCESSOR.image_mean[c], PROCESSOR.image_std[c]];
      values[64 * c + i] = (bytes[3 * i + c] / 255 - mean) / std;
    }
  }
  return { data: values, shape: [3, 8, 8] as const };
}

let model: Model;
let study: Study;
/** By image: the inputs and activations of each layer's neurons [position, …]. */
let taps: Record<string, { data: Float32Array; shape: readonly number[] }>;

beforeAll(async () => {
  cpSync(join(FAMILIES, 'vit'), checkpoint, { recursive: true });
  writeFileSync(join(checkpoint, 'preprocessor_config.json'), JSON.stringify(PROCESSOR));
  for (let i = 0; i < COUNT; i++) {
    const folder = join(data, i % 2 === 0 ? 'even' : 'odd');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${String(i).padStart(2, '0')}.png`), encodePng(picture(i)));
  }
  const out = join(dir, 'vit.db');
  model = await loadModel(checkpoint, { threads: 1 });
  await runStudy({ model, data, examples: EXAMPLES, center: 'none', sinkMultiple: 0, out, threads: 1 });
  study = openStudy(out);
  const sites = [0, 1].flatMap((l) => [`blocks.${l}.mlp.hook_in`, `blocks.${l}.mlp.hook_post`]);
  taps = await model.run({ pixels: order.map((i) => pixelsOf(picture(i))), taps: sites });
});
afterAll(async () => {
  study.close();
  await model.close();
});

/** Pictures in the order of their names: `even/…`, then `odd/…`. */
const order = [...Array(COUNT).keys()].sort((a, b) => (a % 2) - (b % 2) || a - b);

describe('a study of a vision transformer', () => {
  test('has each unit’s strongest position of its strongest images, with h', () => {
    for (const layer of [0, 1]) {
      const post = taps[`blocks.${layer}.mlp.hook_post`]!;
      const [images, positions, units] = post.shape as [number, number, number];
      expect([images, positions, units]).toEqual([COUNT, 5, 24]);
      const h = taps[`blocks.${layer}.mlp.hook_in`]!.data;
      for (let unit = 0; unit < units; unit++) {
        const best = order.map((_, image) => {
          let position = 0;
          const at = (p: number) => post.data[(image * positions + p) * units + unit]!;
          for (let p = 1; p < positions; p++) if (at(p) > at(position)) position = p;
          return { image, position, activation: at(position) };
        });
        const wanted = best
          .filter(({ activation }) => activation > 0)
          .sort((a, b) => b.activation - a.activation || a.image - b.image)
          .slice(0, EXAMPLES);
        const { context, position, activation } = study.detail(`mlp.${layer}`, unit);
        expect([...context]).toEqual(wanted.map(({ image }) => image));
        expect([...position]).toEqual(wanted.map((one) => one.position));
        expect([...activation]).toEqual(wanted.map((one) => one.activation));
        const { inputs, weights } = study.inputs(`mlp.${layer}`, unit);
        wanted.forEach(({ image, position: p }, i) => {
          const own = h.subarray((image * positions + p) * 16, (image * positions + p + 1) * 16);
          const stored = inputs.subarray(16 * i, 16 * i + 16);
          // Half precision with one scale a row; the neuron embedding is their product with w.
          own.forEach((value, k) => {
            expect(Math.abs(stored[k]! * weights[k]! - value * weights[k]!)).toBeLessThan(
              2e-3 * Math.max(...own.map(Math.abs)) * Math.abs(weights[k]!) + 1e-9,
            );
          });
        });
      }
    }
  });

  test('keeps its images, labels and the places of its patches', async () => {
    expect(study.info().model['image']).toMatchObject({
      height: 8,
      width: 8,
      patch: 4,
      whole: 1,
      registers: 0,
    });
    const server = createServer(study, { threads: 1 });
    const boxes = new Map<number, unknown>();
    for (let unit = 0; unit < 24; unit++) {
      const answer = await server.fetch(new Request(`http://localhost/api/units/mlp.1/${unit}`));
      const { features } = await answer.json();
      for (const { context, document, image, position, tokens } of features.flatMap(
        (f: { examples: unknown[] }) => f.examples,
      )) {
        const number = order[context]!;
        expect(document).toBe(`${number % 2 === 0 ? 'even' : 'odd'}/${String(number).padStart(2, '0')}.png`);
        expect(image.label).toBe(number % 2 === 0 ? 'even' : 'odd');
        expect(tokens).toEqual(['[CLS]', '1,1', '1,2', '2,1', '2,2']);
        expect(decodePng(study.image(context)!)).toEqual(picture(number));
        boxes.set(position, image.box);
      }
    }
    await server.close();
    const all: [number, unknown][] = [
      [0, null],
      [1, [0, 0, 4, 4]],
      [2, [4, 0, 4, 4]],
      [3, [0, 4, 4, 4]],
      [4, [4, 4, 4, 4]],
    ];
    expect([...boxes].sort(([a], [b]) => a - b)).toEqual(all.filter(([position]) => boxes.has(position)));
    expect(boxes.size).toBeGreaterThan(2);
  });

  test('without the processor’s config, or with one of another size, nothing is run', async () => {
    const bare = join(dir, 'bare');
    cpSync(join(FAMILIES, 'vit'), bare, { recursive: true });
    await expectOneLine(
      () => loadModel(bare),
      /bare has no preprocessor_config\.json, which says how a vit model reads/,
    );
    writeFileSync(
      join(bare, 'preprocessor_config.json'),
      JSON.stringify({ ...PROCESSOR, size: { height: 16, width: 8 } }),
    );
    await expectOneLine(
      () => loadModel(bare),
      /makes images of 8 × 16 pixels, but config\.json says .* 8 × 8/,
    );
  });
});

test('a plain MLP gives what its activations give as one’s own', async () => {
  const digits = await loadModel('builtin:digits', { threads: 1 });
  try {
    const out = join(dir, 'digits.db');
    const options = {
      select: 'fraction',
      fraction: 0.75,
      examples: 100,
      center: 'none',
      features: 'cut',
    } as const;
    await runStudy({
      model: digits,
      data: 'builtin:digits',
      contexts: 600,
      keepDuplicates: true,
      out,
      ...options,
    });
    const corpus = await openImages('builtin:digits');
    const chosen = openStudy(out);
    const pixels = [];
    for await (const { image } of imageContexts(corpus, digits.images!, { count: 600, seed: 0 })) {
      pixels.push(digits.images!.read(image!));
    }
    const run = await digits.run({ pixels, taps: ['blocks.0.mlp.hook_post'] });
    const weights = (
      await mlpBank(digits.files, 0, { layernorm: 'raw', gated: 'gradient' }).weights()
    ).slice();
    const inputs = new Float32Array(600 * 784);
    pixels.forEach(({ data: values }, i) => {
      inputs.set(values, 784 * i);
    });
    const bank = bankOf({ name: 'mlp.0', inputs, activations: run['blocks.0.mlp.hook_post']!.data, weights });
    for await (const { index, merges, ...unit } of splitBank(bank, options)) {
      const own = chosen.unit('mlp.0', index);
      expect(own.merges).toEqual(merges);
      const numbers = [
        'examples',
        'clusters',
        'meanDistance',
        'silhouette',
        'maxActivation',
        'density',
      ] as const;
      for (const name of numbers) expect(own[name], `${index} ${name}`).toBe(unit[name]);
    }
    chosen.close();
  } finally {
    await digits.close();
  }
});
