import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PolysemeError } from '../../../src/errors.ts';
import { createSaeTrainer, type SaeTrainer } from '../../../src/sae/trainer/trainer.ts';
import type { SaeTrainerOptions } from '../../../src/sae/trainer/trainer-options.ts';
import { makeBatch, makeWeights } from './reference.ts';

const d = 8;
const good: SaeTrainerOptions = {
  architecture: 'topk',
  width: d,
  latents: 32,
  k: 4,
  learningRate: 1e-3,
  threads: 1,
};

function digest(trainer: SaeTrainer): string {
  const { arrays, ...rest } = trainer.state();
  const hash = createHash('sha256').update(JSON.stringify(rest));
  for (const array of Object.values(arrays)) hash.update(new Uint8Array(array.buffer));
  return hash.digest('hex');
}

/** The one-line message of the PolysemeError that `work` ends in. */
async function refusal(work: () => Promise<unknown> | unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(PolysemeError);
    const { message } = error as PolysemeError;
    expect(message).not.toContain('\n');
    return message;
  }
  throw new Error('nothing was refused');
}

describe('options that cannot be', () => {
  const initial = makeWeights(1, d, 32);
  it.each<[string, Partial<SaeTrainerOptions>, RegExp]>([
    ['γ < 0', { embeddingWeight: -0.1 }, /embeddingWeight is -0.1.*at least 0/],
    ['γ not a number', { embeddingWeight: Number.NaN }, /embeddingWeight is NaN/],
    ['k > latents', { k: 33 }, /k is 33.*32/],
    ['no k', { k: undefined }, /topk needs k/],
    ['k of a half', { k: 0.5 }, /k is 0.5.*whole/],
    ['k = 0', { architecture: 'batchtopk', k: 0 }, /k is 0/],
    ['λ < 0', { l1: -1 }, /l1 is -1/],
    ['no latents', { latents: 0 }, /latents is 0/],
    ['no learning rate', { learningRate: 0 }, /learningRate is 0/],
    ['unknown architecture', { architecture: 'gated' as 'relu' }, /architecture is gated.*relu, topk/],
    [
      'groups that do not add up',
      { architecture: 'matryoshka', groupSizes: [8, 8] },
      /\[8, 8\].*32 latents, not to 16/,
    ],
    ['decay without an end', { learningRateDecay: 10 }, /learningRateDecay 10 needs totalSteps/],
    ['aux-k of relu', { architecture: 'relu', auxK: {} }, /auxK.*relu/],
    ['no threads', { threads: 0 }, /threads is 0/],
    ['a mean of 1', { embeddingMean: 1 }, /embeddingMean is 1/],
    ['weights of another size', { latents: 31, initial }, /initial.W_enc has 256 values, not 248/],
    [
      'NaN in weights',
      { initial: { ...initial, b_enc: initial.b_enc.with(3, Number.NaN) } },
      /initial.b_enc\[3\] is NaN/,
    ],
    ['more than memory', { width: 65536, latents: 65536 }, /65536 latents.*4 GiB/],
  ])('%s', async (_, options, message) => {
    expect(await refusal(() => createSaeTrainer({ ...good, ...options }))).toMatch(message);
  });
});

describe('a batch that cannot be', () => {
  let trainer: SaeTrainer;
  beforeAll(async () => {
    trainer = await createSaeTrainer({ ...good, inputScale: 'sqrt-d', decoderBias: 'mean' });
  });
  afterAll(() => trainer.close());

  it.each([
    ['no whole number of vectors', new Float32Array(2 * d + 1), /17 numbers.*vectors of 8/],
    ['empty', new Float32Array(0), /0 numbers/],
    ['NaN', makeBatch(1, 5, d).with(3 * d + 2, Number.NaN), /step 1.*NaN in row 3, column 2/],
    ['infinite', makeBatch(1, 70, d).with(66 * d, Number.NEGATIVE_INFINITY), /-Infinity in row 66, column 0/],
  ])('%s', async (_, batch, message) => {
    expect(await refusal(() => trainer.step(batch))).toMatch(message);
  });

  it('changes nothing', async () => {
    const before = trainer.state();
    await refusal(() => trainer.step(makeBatch(1, 5, d).fill(Number.NaN)));
    expect(trainer.state()).toEqual(before);
    expect((await trainer.step(makeBatch(1, 40, d))).step).toBe(1);
  });

  it('more than memory, and then a smaller one', async () => {
    const wide = await createSaeTrainer({ ...good, width: 2048 });
    const batch = new Float32Array(2048 * 200_000);
    const message = await refusal(() => wide.step(batch));
    expect(message).toMatch(/batch of 200000.*4 GiB.*smaller batch/);
    expect(await refusal(() => wide.step(batch))).toBe(message);
    expect((await wide.step(makeBatch(1, 10, 2048, 20))).step).toBe(1);
    await wide.close();
  });

  it('more active pairs than memory holds: refused, and a smaller batch then trains as if nothing had been', async () => {
    // 512 groups leave room for some 4,057 tokens: their errors fit, their pairs do not.
    const latents = 512;
    const options: SaeTrainerOptions = {
      ...good,
      architecture: 'matryoshka',
      width: 512,
      latents,
      k: 64,
      groupSizes: Array.from({ length: latents }, () => 1),
      inputScale: 'sqrt-d',
      decoderBias: 'mean',
    };
    const batch = makeBatch(1, 40, 512, 20);
    const [one, two] = [await createSaeTrainer(options), await createSaeTrainer(options)];
    const large = new Float32Array(4054 * 512).map((_, i) => batch[i % batch.length]!);
    // Before the first step, and after one.
    for (let step = 1; step <= 2; step++) {
      const before = digest(one);
      const message = await refusal(() => one.step(large));
      expect(message).toMatch(/\d+ active pairs in a batch of 4054 \(64 a token\).*smaller batch/);
      expect(digest(one)).toBe(before);
      expect(await one.step(batch)).toEqual(await two.step(batch));
      expect(digest(one)).toBe(digest(two));
    }
    await Promise.all([one.close(), two.close()]);
  });

  it('a second step beside a running one', async () => {
    const running = trainer.step(makeBatch(2, 40, d));
    expect(await refusal(() => trainer.step(makeBatch(2, 40, d)))).toMatch(/still running/);
    await running;
  });
});

describe('divergence', () => {
  it('stops with the step and the likely cause, and goes on from an earlier state', async () => {
    const trainer = await createSaeTrainer({ ...good, architecture: 'relu', learningRate: 100 });
    const healthy = trainer.state();
    let steps = 0;
    const message = await refusal(async () => {
      for (; steps < 50; steps++) await trainer.step(makeBatch(steps, 40, d));
    });
    expect(steps).toBeGreaterThan(0);
    expect(message).toMatch(new RegExp(`diverged in step ${steps + 1}:.*learning rate 100.*checkpoint`));
    expect(await refusal(() => trainer.step(makeBatch(0, 40, d)))).toBe(message);
    trainer.restore(healthy);
    expect((await trainer.step(makeBatch(0, 40, d))).step).toBe(1);
    await trainer.close();
  });

  it('of the first step is laid to weights or inputs', async () => {
    const initial = makeWeights(1, d, 32);
    const trainer = await createSaeTrainer({
      ...good,
      initial: { ...initial, W_enc: initial.W_enc.map((w) => w * 1e30) },
    });
    expect(await refusal(() => trainer.step(makeBatch(0, 40, d)))).toMatch(
      /step 1:.*starting weights or the inputs/,
    );
    await trainer.close();
  });
});

describe('a state', () => {
  it('of another configuration is refused, naming what differs', async () => {
    const [one, two] = [await createSaeTrainer(good), await createSaeTrainer({ ...good, k: 5 })];
    const state = one.state();
    expect(await refusal(() => two.restore(state))).toMatch(/k 4; this one has 5/);
    const short = { ...state, arrays: { ...state.arrays, bEnc: new Float32Array(3) } };
    expect(await refusal(() => one.restore(short))).toMatch(/bEnc has 3 values, not 32/);
    await Promise.all([one.close(), two.close()]);
  });

  it('of a closed trainer can still be read, but no step be made', async () => {
    const trainer = await createSaeTrainer(good);
    await trainer.close();
    await trainer.close();
    expect(trainer.state().counters.step).toBe(0);
    expect(await refusal(() => trainer.step(makeBatch(0, 4, d)))).toMatch(/closed/);
  });
});
