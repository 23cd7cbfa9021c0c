// Activations for training: what is streamed and cached are the model's own, and the buffer mixes without loss.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ActivationSource, endless } from '../../src/activations/activation-source.ts';
import { ShuffleBuffer } from '../../src/activations/buffer.ts';
import { openCache, writeCache } from '../../src/activations/cache.ts';
import { streamActivations } from '../../src/activations/stream.ts';
import { toHalves } from '../../src/base/half.ts';
import { cutContexts, loadModel, type Model, openCorpus, PolysemeError } from '../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-activations-'));
const site = 'blocks.1.hook_resid_post';
let model: Model;
let source: ActivationSource;
const text = join(folder, 'text.jsonl');

beforeAll(async () => {
  const line = (i: number) =>
    JSON.stringify({ text: `The ${i} ships sailed past the harbour. `.repeat(3 + i) });
  writeFileSync(text, Array.from({ length: 9 }, (_, i) => line(i)).join('\n'));
  model = await loadModel('builtin:folio-5m', { threads: 1 });
  source = await streamActivations({ model, data: text, site, context: 16, bos: 'yes' });
});
afterAll(async () => {
  await source.close();
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

async function all(from: ActivationSource, epoch = 0, after?: unknown): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for await (const { vectors } of from.pass(epoch, after)) parts.push(vectors);
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Rows as sorted strings: equal for equal sets of vectors. */
function rowsOf(vectors: Float32Array, width: number): string[] {
  const rows = Array.from({ length: vectors.length / width }, (_, i) =>
    vectors.subarray(i * width, (i + 1) * width).join(),
  );
  return rows.sort();
}

/** A source of the numbers 0 … n − 1, as vectors of one. */
function numbers(n: number, blockSize: number): ActivationSource {
  return {
    origin: {} as ActivationSource['origin'],
    width: 1,
    blockSize,
    async *pass(_epoch, after) {
      for (let at = (after as number | undefined) ?? 0; at < n; at += blockSize) {
        const end = Math.min(n, at + blockSize);
        const vectors = Float32Array.from({ length: end - at }, (_, i) => at + i);
        yield { vectors, cursor: end, done: end / n };
      }
    },
    async close() {},
  };
}

function bufferOf(from: ActivationSource, capacity: number, seed: number, finite = true): ShuffleBuffer {
  const once = async function* () {
    for await (const { vectors, cursor } of from.pass(0))
      yield { vectors, cursor: { epoch: 0, after: cursor } };
  };
  return new ShuffleBuffer({
    width: from.width,
    capacity,
    blockSize: from.blockSize,
    seed,
    read: (cursor) => (finite ? once() : endless(from, cursor)),
  });
}

describe('streamed', () => {
  it('gives what model.run gives at text tokens, BOS and padding left out', async () => {
    const { tokenizer } = model;
    const encoder = { encode: (part: string) => tokenizer.encode(part), bosId: tokenizer.bosId! };
    const expected: number[] = [];
    for await (const { tokens } of cutContexts(await openCorpus(text), encoder, { length: 16, bos: true })) {
      const { data } = (await model.run({ tokens: [tokens], taps: [site] }))[site]!;
      expected.push(...data.subarray(source.width));
    }
    const found = await all(source);
    expect(found.length).toBe(expected.length);
    expect(found.length / source.width).toBeGreaterThan(300);
    let worst = 0;
    found.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - expected[i]!));
    });
    expect(worst).toBeLessThan(1e-4);
  });

  it('goes on after any block with the same vectors to the bit', async () => {
    const blocks = [];
    const fine = await streamActivations({ model, data: text, site, context: 600 }).catch(() => null);
    expect(fine).toBeNull(); // longer than the model's context
    for await (const block of source.pass(0)) blocks.push(block);
    const whole = await all(source);
    const first = blocks[0]!;
    expect(await all(source, 0, JSON.parse(JSON.stringify(first.cursor)))).toEqual(
      whole.slice(first.vectors.length),
    );
  });

  it('refuses a site that the model has not, in one line', async () => {
    const wrong = streamActivations({ model, data: text, site: 'blocks.99.hook_resid_post' });
    await expect(wrong).rejects.toThrow(/no site blocks\.99\.hook_resid_post/);
  });
});

describe('cached', () => {
  it.each([7, 100, 100_000])('in 32 bits: the same vectors, in shards of %i', async (shardRows) => {
    const out = join(folder, `f32-${shardRows}`);
    const { count, complete } = await writeCache({ source, out, tokens: 1e6, dtype: 'f32', shardRows });
    const streamed = await all(source);
    expect([complete, count]).toEqual([true, streamed.length / source.width]);
    const cache = await openCache(out);
    try {
      const [one, two] = [await all(cache, 0), await all(cache, 1)];
      expect(rowsOf(one, source.width)).toEqual(rowsOf(streamed, source.width));
      expect(rowsOf(two, source.width)).toEqual(rowsOf(streamed, source.width));
      if (shardRows < 1000) expect(two).not.toEqual(one);
    } finally {
      await cache.close();
    }
  });

  it('in 16 bits: rounded to nearest', async () => {
    const out = join(folder, 'f16');
    await writeCache({ source, out, tokens: 150 });
    const cache = await openCache(out);
    const found = await all(cache);
    await cache.close();
    const streamed = await all(source);
    expect(found.length).toBe(150 * source.width);
    found.forEach((value, i) => {
      const exact = streamed[i]!;
      expect(Math.abs(value - exact)).toBeLessThanOrEqual(Math.max(Math.abs(exact) * 2 ** -11, 2 ** -25));
    });
  });

  it('halves: to nearest, ties to even; beyond them refused', () => {
    const values = [0, -0, 1, -2.5, 65504, 2 ** -24, 2 ** -25, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -14];
    const bits = [0, 0x8000, 0x3c00, 0xc100, 0x7bff, 1, 0, 0x3c00, 0x3c02, 0x0400];
    expect([...toHalves(Float32Array.from(values))]).toEqual(bits);
    expect(() => toHalves(Float32Array.of(1e5))).toThrow(PolysemeError);
  });

  it('goes on after an interruption with the same files', async () => {
    const whole = join(folder, 'whole');
    const cut = join(folder, 'cut');
    await writeCache({ source, out: whole, tokens: 1e6, shardRows: 50 });
    const broken: ActivationSource = {
      ...source,
      async *pass(epoch, after) {
        let blocks = 0;
        for await (const block of source.pass(epoch, after)) {
          yield block;
          if (++blocks === 1) throw new Error('power cut');
        }
      },
    };
    await expect(writeCache({ source: broken, out: cut, tokens: 1e6, shardRows: 50 })).rejects.toThrow(
      'power cut',
    );
    await expect(openCache(cut)).rejects.toThrow(/not finished; run sae cache again/);
    await writeCache({ source, out: cut, tokens: 1e6, shardRows: 50 });
    const manifest = JSON.parse(readFileSync(join(whole, 'manifest.json'), 'utf8'));
    expect(JSON.parse(readFileSync(join(cut, 'manifest.json'), 'utf8'))).toEqual(manifest);
    for (let s = 0; s * 50 < manifest.count; s++) {
      const name = `activations-${String(s).padStart(5, '0')}.safetensors`;
      expect(readFileSync(join(cut, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
    }
  });

  it('refuses to write over other activations, and to open what is none', async () => {
    const out = join(folder, 'f16');
    await expect(writeCache({ source, out, tokens: 151 })).rejects.toThrow(/wanted 150 there, 151 asked/);
    await expect(openCache(folder)).rejects.toThrow(/no manifest\.json/);
    expect(existsSync(join(folder, 'manifest.json'))).toBe(false);
  });
});

describe('mixed', () => {
  const drain = async (buffer: ShuffleBuffer, size: number) => {
    const out: number[] = [];
    for (let batch = await buffer.next(size); batch.length > 0; batch = await buffer.next(size))
      out.push(...batch);
    return out;
  };

  it('is a permutation, seeded, and bounded', async () => {
    const from = numbers(1003, 10);
    const out = await drain(bufferOf(from, 100, 3), 7);
    expect([...out].sort((a, b) => a - b)).toEqual(Array.from({ length: 1003 }, (_, i) => i));
    expect(await drain(bufferOf(from, 100, 3), 7)).toEqual(out);
    expect(await drain(bufferOf(from, 100, 4), 7)).not.toEqual(out);
    // A vector cannot come before it fits in the buffer …
    out.forEach((value, place) => {
      expect(value).toBeLessThan(place + 100 + 7);
    });
    // … and neighbours part: on average by a good part of the buffer.
    const places = new Map(out.map((value, place) => [value, place]));
    let apart = 0;
    for (let i = 0; i < 1002; i++) apart += Math.abs(places.get(i)! - places.get(i + 1)!) / 1002;
    expect(apart).toBeGreaterThan(40);
  });

  it('goes on from a state to the same batches, over the ends of passes', async () => {
    const from = numbers(57, 10);
    const one = bufferOf(from, 40, 1, false);
    for (let i = 0; i < 9; i++) await one.next(8);
    const { vectors, batches, cursor } = one.state();
    const state = { vectors: vectors.slice(), batches, cursor: JSON.parse(JSON.stringify(cursor)) };
    const two = bufferOf(from, 40, 1, false);
    two.restore(state);
    for (let i = 0; i < 40; i++) expect(await two.next(8)).toEqual(await one.next(8));
    expect(two.state().cursor!.epoch).toBeGreaterThan(3);
  });

  it('refuses sizes that cannot work', async () => {
    expect(() => bufferOf(numbers(100, 10), 19, 0)).toThrow(/too small/);
    await expect(bufferOf(numbers(100, 10), 20, 0).next(11)).rejects.toThrow(/more than half/);
  });
});
