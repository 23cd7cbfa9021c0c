// What a training does when the disk is full, when it diverges, and when it would not fit in memory.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cacheActivations } from '../../src/activations/cache-activations.ts';
import { Layout } from '../../src/sae/trainer/layout.ts';
import { trainerBytes } from '../../src/sae/trainer/step-memory.ts';
import { resolveOptions, type SaeTrainerOptions } from '../../src/sae/trainer/trainer-options.ts';
import { checkMemory } from '../../src/train/memory.ts';
import { type SaeTrainHooks, type SaeTrainProgress, trainSae } from '../../src/train/train.ts';
import type { SaeTrainOptions } from '../../src/train/train-options.ts';
import { cli, expectFailure } from '../helpers/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-training-safety-'));
const at = (name: string) => join(folder, name);
const base: SaeTrainOptions = {
  activations: at('cache'),
  latents: 64,
  k: [4],
  tokens: 24 * 64,
  batch: 64,
  buffer: 600,
  logEvery: 1,
  evalTokens: 200,
  threads: 1,
};

beforeAll(async () => {
  const site = 'blocks.0.hook_resid_post';
  await cacheActivations({
    model: 'builtin:folio-5m',
    data: 'builtin:sotu',
    site,
    tokens: 300,
    out: at('cache'),
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const weights = (out: string) => hash(join(out, 'sae_weights.safetensors'));
/** Steps of the log, each line of which must be whole. */
const logged = (out: string): number[] =>
  readFileSync(join(out, 'log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).step);
/** Names and contents of the checkpoints that are there. */
const checkpoints = (out: string) => {
  const dir = join(out, 'checkpoints');
  if (!existsSync(dir)) return {};
  return Object.fromEntries(
    readdirSync(dir).map((name) => [
      name,
      readdirSync(join(dir, name)).map((file) => `${file} ${hash(join(dir, name, file))}`),
    ]),
  );
};

describe('a full disk', () => {
  const disk = at('disk');
  const mount = (size: string) =>
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk], { stdio: 'ignore' });
  const unmount = () => execFileSync('umount', [disk]);
  mkdirSync(disk, { recursive: true });
  let permitted = process.platform === 'linux';
  try {
    if (permitted) {
      mount('1m');
      unmount();
    }
  } catch {
    permitted = false;
  }
  describe.skipIf(!permitted)(
    'mount: is said in one line, and with more room the same command ends the same',
    () => {
      beforeAll(async () => {
        await trainSae({ ...base, out: at('whole') });
      });
      beforeEach(() => mount('16m'));
      afterEach(unmount);

      const out = join(disk, 'sae');
      const filler = join(disk, 'filler');
      const fill = () =>
        writeFileSync(filler, new Uint8Array(statfsSync(disk).bavail * statfsSync(disk).bsize));
      const full = /^the disk of .*sae is full; make room and run the same command again/;
      const stop = new Error('stop');
      const atStep = (step: number, act: () => void) => (progress: SaeTrainProgress) => {
        if (progress.stage === 'train' && progress.saes[0]!.step.step === step) act();
      };
      const halt = (step: number) => ({
        saveEvery: 0,
        onProgress: atStep(step, () => {
          throw stop;
        }),
      });

      const moments: Record<string, { hooks: SaeTrainHooks; kept: string[]; before?: () => void }> = {
        'run.json': { hooks: {}, before: fill, kept: [] },
        'the first checkpoint of a step': {
          hooks: { saveEvery: 0, onProgress: atStep(1, fill) },
          kept: ['checkpoint-0'],
        },
        'a later checkpoint': {
          hooks: { saveEvery: 0, onProgress: atStep(9, fill) },
          kept: ['checkpoint-8'],
        },
        'log.jsonl': { hooks: { saveEvery: 1e6, onProgress: atStep(9, fill) }, kept: ['checkpoint-7'] },
        'the weights at the end': {
          hooks: { saveEvery: 0, onProgress: atStep(24, fill) },
          kept: ['checkpoint-23'],
        },
        'the result': {
          hooks: { saveEvery: 0, onProgress: ({ stage }) => stage === 'evaluate' && fill() },
          kept: ['checkpoint-23'],
        },
      };
      it.each(Object.entries(moments))('%s', async (name, { hooks, kept, before }) => {
        const options = { ...base, out };
        if (name === 'log.jsonl') await expect(trainSae({ ...options, ...halt(8) })).rejects.toBe(stop);
        const earlier = checkpoints(out);
        before?.();
        await expect(trainSae({ ...options, ...hooks })).rejects.toThrow(full);
        expect(Object.keys(checkpoints(out))).toEqual(kept);
        if (name === 'log.jsonl') expect(checkpoints(out)).toEqual(earlier);
        rmSync(filler);
        // It goes on from what was kept, and does not begin again.
        const starts: number[] = [];
        const [ended] = await trainSae({
          ...options,
          onProgress: ({ stage, saes }) => stage === 'train' && starts.push(saes[0]!.step.step),
        });
        expect(starts[0]).toBe(kept.length === 0 ? 1 : Number(kept[0]!.split('-')[1]) + 1);
        expect(ended!.steps).toBe(24);
        expect(weights(out)).toBe(weights(join(folder, 'whole')));
        expect(logged(out)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
        expect(readdirSync(out).sort()).toEqual(readdirSync(join(folder, 'whole')).sort());
      });

      it('on the command line', async () => {
        fill();
        const args = ['--activations', base.activations!, '--latents', '64', '--k', '4', '--tokens', '640'];
        const rest = ['--batch', '64', '--buffer', '600', '--out', out];
        expectFailure(await cli(['sae', 'train', ...args, ...rest]), /the disk of .*sae is full; make room/);
      });
    },
  );
});

describe('divergence', () => {
  it.each([
    [10, 'topk'],
    [1e9, 'topk'],
    [10, 'relu'],
    [1e9, 'relu'],
    [10, 'jumprelu'],
  ] as const)(
    'at a learning rate of %f, %s: said once with its cause, and the same command is refused',
    async (learningRate, architecture) => {
      const out = at(`diverged-${architecture}-${learningRate}`);
      const k = architecture === 'topk' ? [4] : undefined;
      const options = { ...base, architecture, k, learningRate, out };
      const error = await trainSae({ ...options, saveEvery: 0 }).then(
        () => new Error('it did not diverge'),
        (reason: Error) => reason,
      );
      expect(error.message).toMatch(
        /^SAE training diverged in step \d+: .*the learning rate \d+ is likely too high: lower it, or clip gradients; with another output \(option out\), or delete \S+$/,
      );
      const step = Number(/step (\d+)/.exec(error.message)![1]);
      expect(step).toBeGreaterThan(1);
      expect(logged(out)).toEqual(Array.from({ length: step - 1 }, (_, i) => i + 1));
      const kept = checkpoints(out);
      expect(Object.keys(kept)).toEqual([`checkpoint-${step - 1}`]);
      await expect(trainSae(options)).rejects.toThrow(
        new RegExp(`this training diverged in step ${step}: .*the same command would again: give a lower`),
      );
      expect(checkpoints(out)).toEqual(kept);
      expect(readdirSync(out)).not.toContain('polyseme.lock');
    },
  );

  it('names the SAE of a sweep that it was', async () => {
    const out = at('diverged-sweep');
    const options = { ...base, k: [4], embeddingWeight: [0, 1e30], out };
    await expect(trainSae(options)).rejects.toThrow(/diverged in step \d+: .*\(embedding-1e\+30\)/);
  });
});

describe('memory', () => {
  const width = 768;
  const source = { width, blockSize: 1024 };
  const trainer = (more: Partial<SaeTrainerOptions>): SaeTrainerOptions => ({
    architecture: 'topk',
    k: 32,
    width: width,
    latents: 24_576,
    learningRate: 1e-3,
    threads: 2,
    measureEmbedding: true,
    ...more,
  });
  const options = { batch: 2048, tokens: 1e7, buffer: undefined };
  const wide: Partial<SaeTrainerOptions> = { width: 64, latents: 512 };
  it.each<[string, object, SaeTrainerOptions[], number, RegExp]>([
    [
      'latents',
      {},
      [trainer({})],
      1e9,
      /^this training needs 1\.\d+ GB, more than 90 % of the 1 GB.*0\.1\d GB for the buffer of \d+ vectors; 1\.\d+ GB for parameters, .* 1 × 24576 latents.*: lower latents$/,
    ],
    [
      'a sweep',
      {},
      Array.from({ length: 9 }, () => trainer({})),
      4e9,
      /9 × 24576 latents.*lower latents, or the number of SAEs/,
    ],
    ['batch', { batch: 1e5 }, [trainer({ latents: 512 })], 2e9, /for batches of 100000 .*lower batch$/],
    ['k', { batch: 1e5 }, [trainer({ ...wide, k: 256 })], 2e9, /lower batch or k$/],
    [
      'buffer',
      { buffer: 1e7 },
      [trainer({ latents: 512 })],
      16e9,
      /31 GB for the buffer of 10000000 vectors.*lower buffer$/,
    ],
    [
      'latents of one trainer',
      {},
      [trainer({ latents: 250_000 })],
      1e12,
      /250000 latents .* more than the 4\.29 GB of one trainer: lower latents 250000$/,
    ],
    [
      'a batch of one trainer',
      { batch: 1e6 },
      [trainer({ latents: 512 })],
      1e12,
      /of one trainer: lower batch 1000000$/,
    ],
  ])('that %s would take is refused before any of it is', (_, more, trainers, memory, message) => {
    const before = process.memoryUsage();
    expect(() => checkMemory({ ...options, ...more }, source, trainers, memory)).toThrow(message);
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(50e6);
  });

  it('is what a trainer shares between its threads, to some per cent', () => {
    const kinds: Partial<SaeTrainerOptions>[] = [
      {},
      { k: 200, auxK: { k: 300 } },
      { architecture: 'batchtopk', k: 40 },
      { architecture: 'matryoshka', k: 40, measureEmbedding: false },
      { architecture: 'relu', k: undefined, clipNorm: 1, applyBDecToInput: false },
      { architecture: 'jumprelu', k: undefined, width: 100 },
      { architecture: 'jumprelu', k: undefined, residualWeight: 0.1 },
    ];
    for (const kind of kinds) {
      const settings = resolveOptions(trainer({ latents: 2048, ...kind }));
      const layout = new Layout(settings, 2, settings.clipNorm > 0);
      layout.setBatch(1000);
      const { shared, parameters, batch } = trainerBytes(settings, 2, 1000);
      const found = Math.round((shared - layout.memory.buffer.byteLength) / 20);
      // What is left of the estimate is room for pairs.
      expect(found, JSON.stringify(kind)).toBeGreaterThan(32 * 1000);
      layout.setPairs(found - 20_000, 0);
      expect(layout.memory.buffer.byteLength / shared).toBeGreaterThan(0.97);
      expect(layout.memory.buffer.byteLength / shared).toBeLessThan(1.01);
      expect(parameters + batch).toBeGreaterThan(shared);
    }
  });

  it('is refused by a training before it makes its folder', async () => {
    const out = at('too-large');
    await expect(trainSae({ ...base, latents: 4_000_000, out })).rejects.toThrow(
      /4000000 latents.*lower latents/,
    );
    expect(existsSync(out)).toBe(false);
  });
});
