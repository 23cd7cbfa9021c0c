// SAEs on models of images: a latent is a unit like a neuron, at the positions of the image.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../src/corpus/images/png.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { saveSae } from '../../src/sae/save.ts';
import { createServer } from '../../src/server/api.ts';
import { openStudy } from '../../src/study/open-study.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { FAMILIES } from '../helpers/families.ts';
import { identitySae } from '../helpers/saes.ts';

const dir = mkdtempSync(join(tmpdir(), 'polyseme-images-sae-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The SAE whose first d latents are what it reads, where that is positive, saved as a folder. */
async function identityAt(hookName: string, dIn: number): Promise<string> {
  const path = join(dir, hookName);
  await saveSae(identitySae({ dIn, hookName }), path);
  return path;
}

describe('of a plain MLP', () => {
  test('latents that are its neurons have the examples of its neurons', async () => {
    const sae = await identityAt('blocks.0.mlp.hook_post', 64);
    const out = join(dir, 'digits.db');
    const options = {
      model: 'builtin:digits',
      contexts: 150,
      examples: 6,
      center: 'none',
      threads: 1,
    } as const;
    await runStudy({ ...options, sae: [`same=${sae}`], out });
    const study = openStudy(out);
    expect(study.info().banks.map(({ name, width, units }) => [name, width, units])).toContainEqual([
      'sae/same',
      64,
      128,
    ]);
    const neurons = join(dir, 'neurons.db');
    await runStudy({ ...options, out: neurons });
    const own = openStudy(neurons);
    let compared = 0;
    for (let unit = 0; unit < 64; unit++) {
      const [latent, neuron] = [study.detail('sae/same', unit), own.detail('mlp.0', unit)];
      expect([...latent.context], `${unit}`).toEqual([...neuron.context]);
      latent.activation.forEach((value, i) => {
        expect(value).toBeCloseTo(neuron.activation[i]!, 4);
      });
      compared += latent.context.length;
    }
    expect(compared).toBeGreaterThan(200);
    // What is served of it: images, and no pixels that it would read.
    const server = createServer(study, { threads: 1, sae: [`same=${sae}`] });
    const answer = await server.fetch(
      new Request('http://localhost/api/classify', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ context: study.detail('sae/same', 3).context[0] }),
      }),
    );
    const found = await answer.json();
    const units = found.units as { bank: string; index: number; activation: number }[];
    const latents = units.filter(({ bank }) => bank === 'sae/same');
    const [best] = latents;
    expect(best!.activation).toBeGreaterThan(0);
    expect(latents).toHaveLength(128);
    await server.close();
    study.close();
    own.close();
  });

  test('of another width, or at a site that it has not, it is refused in one line', async () => {
    const wide = await identityAt('blocks.0.mlp.hook_in', 16);
    const run = (sae: string) =>
      runStudy({ model: 'builtin:digits', contexts: 20, sae: [sae], out: join(dir, 'never.db'), threads: 1 });
    await expectOneLine(() => run(wide), /16/);
    const resid = await identityAt('blocks.0.hook_resid_post', 64);
    await expectOneLine(() => run(resid), /hook_resid_post/);
  });
});

test('of a vision transformer: each latent’s strongest patch, as brute force finds it', async () => {
  const checkpoint = join(dir, 'vit');
  cpSync(join(FAMILIES, 'vit'), checkpoint, { recursive: true });
  const processor = { image_processor_type: 'ViTImageProcessor', size: { height: 8, width: 8 } };
  const normalised = { ...processor, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
  writeFileSync(join(checkpoint, 'preprocessor_config.json'), JSON.stringify(normalised));
  const data = join(dir, 'pictures');
  mkdirSync(data);
  const pixels = Array.from({ length: 20 }, (_, n) => {
    const bytes = Uint8Array.from(
      { length: 192 },
      (_, i) => (Math.imul(i + 1, 2654435761 + 97 * n) >>> 13) % 256,
    );
    writeFileSync(
      join(data, `${String(n).padStart(2, '0')}.png`),
      encodePng({ width: 8, height: 8, channels: 3, data: bytes }),
    );
    const values = Float32Array.from({ length: 192 }, (_, k) => {
      const [c, i] = [Math.floor(k / 64), k % 64];
      return bytes[3 * i + c]! / 127.5 - 1;
    });
    return { data: values, shape: [3, 8, 8] as const };
  });
  const site = 'blocks.1.hook_resid_post';
  const sae = await identityAt(site, 16);
  const model = await loadModel(checkpoint, { threads: 1 });
  const out = join(dir, 'vit.db');
  await runStudy({
    model,
    data,
    sae: [`same=${sae}`],
    layers: [1],
    examples: 5,
    sinkMultiple: 0,
    out,
    threads: 1,
  });
  const { data: values, shape } = (await model.run({ pixels, taps: [site] }))[site]!;
  const study = openStudy(out);
  for (let unit = 0; unit < 16; unit++) {
    const best = pixels.map((_, image) => {
      let position = 0;
      const at = (p: number): number => values[(image * shape[1]! + p) * 16 + unit]!;
      for (let p = 1; p < shape[1]!; p++) if (at(p) > at(position)) position = p;
      return { image, position, activation: at(position) };
    });
    const wanted = best
      .filter(({ activation }) => activation > 0)
      .sort((a, b) => b.activation - a.activation || a.image - b.image)
      .slice(0, 5);
    const { context, position, activation } = study.detail('sae/same', unit);
    expect([...context]).toEqual(wanted.map(({ image }) => image));
    expect([...position]).toEqual(wanted.map((one) => one.position));
    activation.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i]!.activation, 4);
    });
  }
  study.close();
  await model.close();
});
