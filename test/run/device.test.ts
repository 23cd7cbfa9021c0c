// A study whose model ran on WebGPU: on SwiftShader, which is software, where it is there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openStudy, runStudy } from '../../src/index.ts';
import type { UnitDetail } from '../../src/study/record.ts';
import { cli } from '../helpers/cli.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';
import { softwareGpu } from '../helpers/software-gpu.ts';

const NEURONS = 400;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-device-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = writeSmallFolio(join(folder, 'model'), NEURONS);
const options = { model, layers: [1], contexts: 6, context: 32, examples: 6, sinkMultiple: 0, keepText: 0 };
const typed = Object.entries({ ...options, layers: '1' }).flatMap(([name, value]) => [
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  String(value),
]);

/** A unit's activations by where they are. */
function byPlace({ context, position, activation }: UnitDetail): Map<string, number> {
  return new Map(Array.from(activation, (value, i) => [`${context[i]} at ${position[i]}`, value]));
}

test.skipIf(softwareGpu === null)(
  'finds the same examples, says where the model ran, and does not go on elsewhere',
  async () => {
    const out = join(folder, 'webgpu.db');
    const env = softwareGpu!;
    expect(await cli(['run', ...typed, '--device', 'webgpu', '--out', out], { env })).toMatchObject({
      code: 0,
    });
    const there = join(folder, 'cpu.db');
    await runStudy({ ...options, out: there });
    const [gpu, cpu] = [openStudy(out), openStudy(there)];
    try {
      expect(gpu.info().model).toEqual({ ...cpu.info().model, device: 'webgpu' });
      expect(gpu.info().options).toEqual(cpu.info().options);
      expect(gpu.info().contentHash).not.toBe(cpu.info().contentHash);
      let compared = 0;
      for (let unit = 0; unit < NEURONS; unit++) {
        const [found, expected] = [gpu, cpu].map((study) => byPlace(study.detail('mlp.1', unit)));
        // One that is as good as 0 may be below it on the other device, and then it is no example.
        for (const place of new Set([...found!.keys(), ...expected!.keys()])) {
          const [own, other] = [found!.get(place) ?? 0, expected!.get(place) ?? 0];
          expect(Math.abs(own - other), `unit ${unit}, ${place}`).toBeLessThanOrEqual(1e-4);
          compared++;
        }
      }
      expect(compared).toBeGreaterThan(1000);
    } finally {
      gpu.close();
      cpu.close();
    }
    await expect(runStudy({ ...options, out })).rejects.toMatchObject({
      code: 'exists',
      message: expect.stringContaining('model device "webgpu" there, "cpu" asked'),
    });
  },
  120_000,
);
