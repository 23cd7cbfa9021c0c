import { afterAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../src/model/load-model.ts';
import type { TapData } from '../../src/model/session.ts';
import { streamTaps, type TapBlock, type TapRun } from '../../src/model/taps.ts';

/** Gives each position its id, as a tap of one number. */
const echo: TapRun = async (tokens, rows, length) => ({
  id: { data: Float32Array.from(tokens), shape: [rows, length, 1] },
});

const contextsOf = (...lengths: number[]) =>
  lengths.map((length, c) => ({ id: c, tokens: Int32Array.from({ length }, (_, t) => 10 * c + t) }));

async function all<C extends { tokens: Int32Array }>(
  stream: AsyncIterable<TapBlock<C>>,
): Promise<TapBlock<C>[]> {
  const blocks: TapBlock<C>[] = [];
  for await (const block of stream) blocks.push(block);
  return blocks;
}

/** Lets everything that can go on without the receiver go on. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('the stream of taps', () => {
  it('gives blocks in the order of the contexts, whatever order the runs end in', async () => {
    let pause = 8;
    const slower: TapRun = async (...request) => {
      pause /= 2;
      await new Promise((resolve) => setTimeout(resolve, pause));
      return echo(...request);
    };
    const blocks = await all(streamTaps(contextsOf(3, 3, 3, 3, 3), slower, { rows: 2 }));
    expect(blocks.map(({ contexts }) => contexts.map(({ id }) => id))).toEqual([[0, 1], [2, 3], [4]]);
    expect(blocks.map(({ taps }) => taps['id']!.data[0])).toEqual([0, 20, 40]);
  });

  it('pads on the right and says which positions are text', async () => {
    const [block] = await all(streamTaps(contextsOf(2, 4), echo, { rows: 2, specialIds: new Set([11, 0]) }));
    expect(block!.length).toBe(4);
    expect([...block!.tokens]).toEqual([0, 1, -1, -1, 10, 11, 12, 13]);
    expect([...block!.text]).toEqual([0, 1, 0, 0, 1, 0, 1, 1]);
  });

  it('runs copies of the contexts, one set after the other', async () => {
    const [block] = await all(streamTaps(contextsOf(1, 2), echo, { rows: 2, copies: 3 }));
    expect(block!.taps['id']!.shape).toEqual([6, 2, 1]);
    expect([...block!.taps['id']!.data]).toEqual([0, -1, 10, 11, 0, -1, 10, 11, 0, -1, 10, 11]);
    expect([...block!.tokens]).toEqual([0, -1, 10, 11]);
  });

  it('gives the inputs of edits by row, padded, of all copies alike or of each its own', async () => {
    let given: Parameters<TapRun>[4] = {};
    const take: TapRun = (...request) => {
      given = request[4];
      return echo(...request);
    };
    const contexts = [
      { tokens: Int32Array.of(1), inputs: { a: Float32Array.of(5), b: Float32Array.of(1, 2) } },
      { tokens: Int32Array.of(2, 3), inputs: { a: Float32Array.of(6, 7), b: Float32Array.of(3, 4, 5, 6) } },
    ];
    await all(streamTaps(contexts, take, { rows: 2, copies: 2 }));
    expect(given['a']!.shape).toEqual([4, 2]);
    expect([...given['a']!.data]).toEqual([5, 0, 6, 7, 5, 0, 6, 7]);
    expect([...given['b']!.data]).toEqual([1, 0, 3, 4, 2, 0, 5, 6]);
  });

  it('takes contexts of many lengths up to a number of tokens', async () => {
    const blocks = await all(streamTaps(contextsOf(2, 3, 3, 4, 9, 1, 1), echo, { tokens: 8 }));
    expect(blocks.map(({ contexts }) => contexts.map(({ tokens }) => tokens.length))).toEqual([
      [2, 3],
      [3, 4],
      [9],
      [1, 1],
    ]);
    const copied = await all(streamTaps(contextsOf(2, 2, 2), echo, { tokens: 8, copies: 2 }));
    expect(copied.map(({ contexts }) => contexts.length)).toEqual([2, 1]);
  });

  it('takes as many contexts a run as make about 1,024 tokens', async () => {
    const blocks = await all(streamTaps(contextsOf(...Array(9).fill(300)), echo));
    expect(blocks.map(({ contexts }) => contexts.length)).toEqual([3, 3, 3]);
  });

  it('is two runs ahead of its receiver, no more', async () => {
    let read = 0;
    let runs = 0;
    async function* contexts() {
      for (const context of contextsOf(...Array(20).fill(2))) {
        read++;
        yield context;
      }
    }
    const stream = streamTaps(
      contexts(),
      (...request) => {
        runs++;
        return echo(...request);
      },
      { rows: 2 },
    );
    expect([read, runs]).toEqual([0, 0]);
    for (let taken = 1; taken <= 4; taken++) {
      await stream.next();
      await settle();
      expect([read, runs]).toEqual([2 * (taken + 1), taken + 1]);
    }
    await stream.return();
    await settle();
    expect(runs).toBe(5);
  });

  it('passes an error on, of a run or of the contexts, after what came before it', async () => {
    let runs = 0;
    const broken: TapRun = async (...request) => {
      if (++runs === 2) throw new Error('no memory');
      return echo(...request);
    };
    const stream = streamTaps(contextsOf(1, 1, 1), broken, { rows: 1 });
    expect((await stream.next()).value!.contexts[0]!.id).toBe(0);
    await expect(stream.next()).rejects.toThrow('no memory');

    async function* unreadable() {
      yield* contextsOf(1);
      throw new Error('no file');
    }
    await expect(all(streamTaps(unreadable(), echo))).rejects.toThrow('no file');
  });
});

describe('an aborted stream', () => {
  it('rejects with the code aborted, and starts no run', async () => {
    const control = new AbortController();
    let runs = 0;
    const count: TapRun = (...request) => {
      runs++;
      return echo(...request);
    };
    const stream = streamTaps(contextsOf(1, 1, 1, 1), count, { rows: 1, signal: control.signal });
    await stream.next();
    control.abort();
    await expect(stream.next()).rejects.toMatchObject({ code: 'aborted' });
    expect(runs).toBe(2);
    expect((await stream.next()).done).toBe(true);
    await expect(streamTaps(contextsOf(1), count, { signal: control.signal }).next()).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  it('ends though it waits for a context that never comes', async () => {
    const control = new AbortController();
    let ended = false;
    const never = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<{ tokens: Int32Array }>>(() => {}),
        return: () => {
          ended = true;
          return new Promise<never>(() => {});
        },
      }),
    };
    const waiting = streamTaps(never, echo, { signal: control.signal }).next();
    await settle();
    control.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    expect(ended).toBe(true);
  });

  it('ends though it waits for a run, once the run has ended', async () => {
    const control = new AbortController();
    let end = (_: Record<string, TapData>): void => {};
    const held: TapRun = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    const waiting = streamTaps(contextsOf(1), held, { signal: control.signal }).next();
    await settle();
    control.abort();
    await settle();
    end({});
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('the stream of a model', () => {
  const model = loadModel('builtin:folio-5m', { threads: 1 });
  afterAll(async () => (await model).close());
  const site = 'blocks.1.mlp.hook_post';

  it('gives the bits of runs without padding', async () => {
    const { tokenizer, stream, run } = await model;
    const contexts = ['The captain of the ship', 'A', 'The house on the hill was empty and cold'].map(
      (text) => ({ tokens: tokenizer.encode(text) }),
    );
    const [block] = await all(stream(contexts, [site], { rows: 3 }));
    const { data, shape } = block!.taps[site]!;
    const width = shape[2]!;
    for (const [row, { tokens }] of contexts.entries()) {
      const alone = await run({ tokens: [tokens], taps: [site] });
      const from = row * block!.length * width;
      expect(data.slice(from, from + tokens.length * width)).toEqual(alone[site]!.data);
    }
  });

  it('serves two streams at a time, and later ones', async () => {
    const { tokenizer, stream, openTaps } = await model;
    const contexts = [{ tokens: tokenizer.encode('The captain of the ship') }];
    const open = openTaps([site]);
    const [first, second] = await Promise.all([
      all(open.stream(contexts)),
      all(stream(contexts, ['logits', site])),
    ]);
    const third = await all(open.stream(contexts));
    await open.close();
    expect(second[0]!.taps[site]!.data).toEqual(first[0]!.taps[site]!.data);
    expect(third[0]!.taps[site]!.data).toEqual(first[0]!.taps[site]!.data);
  });
});

it('writes taps of later blocks to memory that the receiver gives back, the same to the bit', async () => {
  const model = await loadModel('builtin:folio-5m', { threads: 1 });
  const open = model.openTaps(['blocks.0.mlp.hook_post', 'blocks.1.hook_resid_post']);
  const contexts = contextsOf(7, 7, 7, 7, 7);
  const fresh = await all(open.stream(contexts, { rows: 1 }));
  const spare: ArrayBuffer[] = [];
  let given = 0;
  let at = 0;
  for await (const { taps } of open.stream(contexts, { rows: 1, spare })) {
    for (const [tap, { data, shape }] of Object.entries(taps)) {
      expect(data).toEqual(fresh[at]!.taps[tap]!.data);
      expect(shape).toEqual(fresh[at]!.taps[tap]!.shape);
    }
    at++;
    given += Number(spare.length === 0 && at > 1);
    const buffers = Object.values(taps).map(({ data }) => data.buffer as ArrayBuffer);
    // What is left of the values must not be what is read.
    for (const buffer of buffers) new Float32Array(buffer).fill(Number.NaN);
    spare.splice(0, spare.length, ...buffers);
  }
  expect(at).toBe(5);
  // The stream took what it was given.
  expect(given).toBeGreaterThan(0);
  await open.close();
  await model.close();
});
