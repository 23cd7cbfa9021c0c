import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import {
  type Context,
  type ContextCursor,
  type ContextOptions,
  cutContexts,
} from '../../src/corpus/contexts.ts';
import type { Corpus } from '../../src/corpus/corpus.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { shares, spread } from '../../src/corpus/share.ts';
import { documentsOf, folioTokenizer, messageOf, scratchFolder } from '../fixtures/corpus/support.ts';

const folder = scratchFolder();
const BOS = 999;
/** A token a character, counting what it encodes. */
const letters = () => {
  const counter = { texts: [] as string[] };
  const encode = (text: string) => {
    counter.texts.push(text);
    return Array.from(text, (letter) => letter.charCodeAt(0));
  };
  return { encode, bosId: BOS, counter };
};

async function corpusOf(name: string, texts: string[]): Promise<Corpus> {
  writeFileSync(join(folder, `${name}.jsonl`), texts.map((text) => `${JSON.stringify(text)}\n`).join(''));
  return openCorpus(join(folder, `${name}.jsonl`));
}

async function take(
  corpus: Corpus,
  options: ContextOptions,
  tokenizer: Parameters<typeof cutContexts>[1] = letters(),
) {
  const contexts = cutContexts(corpus, tokenizer, options);
  const all: Context[] = [];
  for await (const context of contexts) all.push(context);
  return { all, summary: contexts.summary };
}

const plain = ({ cursor: _, tokens, ...rest }: Context) => ({ ...rest, tokens: [...tokens] });
const abc = (length: number) => Array.from({ length }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');

describe('all contexts', () => {
  it('do not overlap, begin with BOS, and keep a last window of two tokens or more', async () => {
    const corpus = await corpusOf('all', [abc(10), 'x', abc(8), abc(9), abc(2)]);
    const { all, summary } = await take(corpus, { length: 5, bos: true });
    expect(all.map((c) => [c.id, c.document, c.start, String.fromCharCode(...c.tokens.slice(1))])).toEqual([
      [0, 0, 0, 'abcd'],
      [1, 0, 4, 'efgh'],
      [2, 0, 8, 'ij'],
      [3, 2, 0, 'abcd'],
      [4, 2, 4, 'efgh'],
      [5, 3, 0, 'abcd'],
      [6, 3, 4, 'efgh'],
      [7, 4, 0, 'ab'],
    ]);
    expect(all.every(({ tokens }) => tokens[0] === BOS)).toBe(true);
    expect(all[2]!.documentName).toBe('all.jsonl:1');
    expect(summary).toEqual({ documents: 5, skipped: 1, duplicates: 0, contexts: 8, tokens: 28 });
    const bare = await take(corpus, { length: 4, bos: false });
    expect(bare.all.map(({ tokens }) => [BOS, ...tokens])).toEqual(all.map(({ tokens }) => [...tokens]));
    expect(bare.summary).toEqual(summary);
  });

  it('of an encoder stand between its special tokens, which count in their length', async () => {
    const corpus = await corpusOf('framed', [abc(10), 'x', abc(7)]);
    const encoder = { ...letters(), frame: { before: [1, 2], after: [3] } };
    const { all, summary } = await take(corpus, { length: 7, bos: false }, encoder);
    expect(all.map(({ start, tokens }) => [start, ...tokens])).toEqual([
      [0, 1, 2, 97, 98, 99, 100, 3],
      [4, 1, 2, 101, 102, 103, 104, 3],
      [8, 1, 2, 105, 106, 3],
      [0, 1, 2, 97, 98, 99, 100, 3],
      [4, 1, 2, 101, 102, 103, 3],
    ]);
    expect(summary).toEqual({ documents: 3, skipped: 1, duplicates: 0, contexts: 5, tokens: 17 });
    const chosen = await take(corpus, { length: 7, bos: false, count: 2 }, encoder);
    expect(chosen.all.map(({ tokens }) => [tokens[1], tokens.at(-1)])).toEqual([
      [2, 3],
      [2, 3],
    ]);
    await expect(take(corpus, { length: 4, bos: false }, encoder)).rejects.toThrow(
      'context length 4: must be a whole number of at least 5 (3 special tokens count)',
    );
    await expect(take(corpus, { length: 7, bos: true }, encoder)).rejects.toThrow(
      'contexts cannot begin with BOS: the model is an encoder, which reads each context between the special tokens',
    );
  });

  it('with the tokenizer of the bundled model: every token of the addresses', async () => {
    const corpus = await openCorpus('builtin:sotu');
    const tokenizer = folioTokenizer();
    const few = { ...corpus, documents: () => first(corpus, 12) };
    const { all, summary } = await take(few, { length: 128, bos: true }, tokenizer);
    const texts = (await documentsOf(few)).map(({ text }) => Array.from(tokenizer.encode(text)));
    for (const [i, text] of texts.entries()) {
      const own = all
        .filter(({ document }) => document === i)
        .flatMap(({ tokens }) => [...tokens.subarray(1)]);
      expect(own).toEqual(text.slice(0, text.length - (text.length % 127 === 1 ? 1 : 0)));
    }
    expect(summary.documents).toBe(12);
    expect(all.every(({ tokens }) => tokens[0] === 0 && tokens.length <= 128 && tokens.length >= 3)).toBe(
      true,
    );
  });

  it('of a stream: the first N, reading no further', async () => {
    const corpus: Corpus = { ...(await corpusOf('stream', Array(50).fill(abc(8)))), kind: 'stream' };
    const tokenizer = letters();
    const { all, summary } = await take(corpus, { length: 4, bos: false, count: 5 }, tokenizer);
    const everything = await take(corpus, { length: 4, bos: false });
    const undone = (context: Context) => ({ ...plain(context), done: 0 });
    expect(all.map(undone)).toEqual(everything.all.slice(0, 5).map(undone));
    expect(all.map(({ done }) => done)).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
    expect(summary).toEqual({ documents: 3, skipped: 0, duplicates: 0, contexts: 5, tokens: 20 });
    expect(tokenizer.counter.texts.length).toBe(3);
  });
});

describe('a cursor', () => {
  it('continues after its context, without tokenising earlier documents', async () => {
    const lengths = [9, 1, 30, 2, 1, 17, 12, 1];
    const texts = lengths.map(abc);
    const corpus = await corpusOf('resume', texts);
    const options = { length: 6, bos: true };
    const { all, summary } = await take(corpus, options);
    for (const [i, { document, cursor }] of all.entries()) {
      const from: ContextCursor = JSON.parse(JSON.stringify(cursor));
      const tokenizer = letters();
      const rest = await take(corpus, { ...options, from }, tokenizer);
      expect(rest.all).toEqual(all.slice(i + 1));
      expect(rest.summary).toEqual(summary);
      expect(tokenizer.counter.texts).toEqual(texts.slice(document));
    }
  });

  it('continues a choice of contexts, and the first N of a stream', async () => {
    const finite = await corpusOf('resume-count', [5, 40, 1, 22, 9, 31].map(abc));
    const stream: Corpus = { ...finite, kind: 'stream' };
    for (const corpus of [finite, stream]) {
      const options = { length: 4, bos: false, count: 11, seed: 3 };
      const { all, summary } = await take(corpus, options);
      expect(all.length).toBe(11);
      for (const [i, { cursor }] of all.entries()) {
        const rest = await take(corpus, { ...options, from: JSON.parse(JSON.stringify(cursor)) });
        expect(rest.all).toEqual(all.slice(i + 1));
        expect(rest.summary).toEqual(summary);
      }
    }
  });
});

describe('a number of contexts', () => {
  const perDocument = (all: Context[], documents: number) => {
    const counts = Array(documents).fill(0);
    for (const { document } of all) counts[document]++;
    return counts;
  };

  it('is exact, in corpus order, the same for the same seed', async () => {
    const corpus = await corpusOf('exact', [40, 1, 8, 100, 4, 60, 1].map(abc));
    const everything = await take(corpus, { length: 4, bos: false });
    const identity = new Set(everything.all.map(({ document, start }) => `${document}:${start}`));
    const available = everything.all.length;
    expect(available).toBe(10 + 2 + 25 + 1 + 15);
    for (const count of [1, 2, 5, 6, 7, 20, 52, 53, 54, 1000]) {
      const { all, summary } = await take(corpus, { length: 4, bos: false, count, seed: 1 });
      expect(all.length).toBe(Math.min(count, available));
      expect(summary).toMatchObject({ documents: 7, contexts: all.length });
      expect(all.map(({ id }) => id)).toEqual(all.map((_, i) => i));
      const keys = all.map(({ document, start }) => document * 1e6 + start);
      expect(keys).toEqual([...new Set(keys)].sort((a, b) => a - b));
      expect(all.every(({ document, start }) => identity.has(`${document}:${start}`))).toBe(true);
      const again = await take(corpus, { length: 4, bos: false, count, seed: 1 });
      expect(again.all).toEqual(all);
    }
    const seeds = new Set<string>();
    for (let seed = 0; seed < 10; seed++) {
      seeds.add(
        JSON.stringify((await take(corpus, { length: 4, bos: false, count: 12, seed })).all.map(plain)),
      );
    }
    expect(seeds.size).toBeGreaterThan(5);
  });

  it('is shared equally; what short documents lack is taken from the others', async () => {
    const corpus = await corpusOf('equal', [4, 400, 12, 400, 400].map(abc));
    const options = { length: 4, bos: false, seed: 5 };
    const counts = async (count: number) => perDocument((await take(corpus, { ...options, count })).all, 5);
    expect(await counts(5)).toEqual([1, 1, 1, 1, 1]);
    expect(await counts(13)).toEqual([1, 3, 3, 3, 3]);
    expect(await counts(64)).toEqual([1, 20, 3, 20, 20]);
    const [one, ...rest] = await counts(66);
    expect([one, ...rest.sort((a, b) => a - b)]).toEqual([1, 3, 20, 21, 21]);
  });

  it('is spread evenly inside a document', async () => {
    const corpus = await corpusOf('even', [abc(4000)]);
    const firsts = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const { all } = await take(corpus, { length: 4, bos: false, count: 50, seed });
      const windows = all.map(({ start }) => start / 4);
      // Fifty of a thousand windows: one in each twenty.
      expect(windows.map((window) => Math.floor(window / 20))).toEqual(windows.map((_, i) => i));
      firsts.add(windows[0]!);
    }
    expect(firsts.size).toBeGreaterThan(8);
  });

  it('below the number of documents: one each, spread over the corpus; no other is tokenised', async () => {
    const corpus = await corpusOf('many', Array(1000).fill(abc(40)));
    const tokenizer = letters();
    const { all } = await take(corpus, { length: 4, bos: false, count: 20, seed: 2 }, tokenizer);
    expect(all.map(({ document }) => Math.floor(document / 50))).toEqual(all.map((_, i) => i));
    expect(new Set(all.map(({ start }) => start)).size).toBeGreaterThan(3);
    expect(tokenizer.counter.texts.length).toBe(20);
  });

  it('is reached although most documents are too short', async () => {
    const texts = Array.from({ length: 1000 }, (_, i) => (i % 10 === 3 ? abc(8) : 'x'));
    const corpus = await corpusOf('short', texts);
    const options = { length: 4, bos: false, seed: 7 };
    const { all } = await take(corpus, { ...options, count: 90 });
    expect(all.length).toBe(90);
    expect(new Set(all.map(({ document }) => document)).size).toBe(90);
    expect(all.every(({ document }) => document % 10 === 3)).toBe(true);
    const more = await take(corpus, { ...options, count: 150 });
    expect(more.all.length).toBe(150);
    expect(more.summary).toMatchObject({ documents: 1000, skipped: 900 });
    expect((await take(corpus, { ...options, count: 500 })).all.length).toBe(200);
  });

  it('tokenises a small corpus once', async () => {
    const texts = [400, 100, 300].map(abc);
    const tokenizer = letters();
    await take(await corpusOf('once', texts), { length: 4, bos: false, count: 20 }, tokenizer);
    expect(tokenizer.counter.texts).toEqual(texts);
  });
});

describe('bad input', () => {
  const failure = (corpus: Corpus, options: ContextOptions, tokenizer?: Parameters<typeof cutContexts>[1]) =>
    messageOf(() => take(corpus, options, tokenizer));

  it('no document of two tokens', async () => {
    const corpus = await corpusOf('empty', ['x', 'y', ' ']);
    for (const count of [undefined, 5]) {
      expect(await failure(corpus, { length: 4, bos: false, count })).toBe(
        `${corpus.source}: the corpus is empty (no text of 2 tokens in 2 documents)`,
      );
    }
    const none = await corpusOf('none', []);
    expect(await failure(none, { length: 4, bos: false, count: 5 })).toContain(
      'the corpus is empty (no text)',
    );
  });

  it('options', async () => {
    const corpus = await corpusOf('options', [abc(9)]);
    expect(await failure(corpus, { length: 2, bos: true })).toContain(
      'context length 2: must be a whole number of at least 3',
    );
    expect(await failure(corpus, { length: 1.5, bos: false })).toContain('context length 1.5');
    expect(await failure(corpus, { length: 4, bos: false, count: 0 })).toContain('number of contexts 0');
    expect(await failure(corpus, { length: 4, bos: true }, { encode: letters().encode })).toContain(
      'the tokenizer has none',
    );
  });
});

describe('sharing out', () => {
  it('equals sharing one by one', () => {
    const random = createRandom(11);
    for (let round = 0; round < 300; round++) {
      const available = Int32Array.from({ length: random.integer(12) }, () => random.integer(9));
      const total = random.integer(60);
      const out = shares(available, total, createRandom(round));
      // Round after round, everyone who has something left gives one: the levels are forced, the last round is free.
      const given = available.map(() => 0);
      let rest = total;
      for (;;) {
        const able = [...available.keys()].filter((i) => given[i]! < available[i]!);
        if (able.length === 0 || able.length > rest) break;
        for (const i of able) given[i]!++;
        rest -= able.length;
      }
      expect(
        out.every((share, i) => share >= given[i]! && share <= Math.min(given[i]! + 1, available[i]!)),
      ).toBe(true);
      const sum = available.reduce((a, b) => a + b, 0);
      expect(out.reduce((a, b) => a + b, 0)).toBe(Math.min(total, sum));
    }
  });

  it('spreads without repeats', () => {
    for (let n = 0; n < 40; n++) {
      for (let count = 0; count <= n + 2; count++) {
        const chosen = [...spread(count, n, createRandom(n, count))];
        expect(chosen.length).toBe(Math.min(count, n));
        expect(chosen).toEqual([...new Set(chosen)].sort((a, b) => a - b));
        expect(chosen.every((i) => i >= 0 && i < n)).toBe(true);
      }
    }
  });
});

async function* first(corpus: Corpus, count: number) {
  let left = count;
  for await (const document of corpus.documents()) {
    if (left-- === 0) return;
    yield document;
  }
}

describe('documents whose text came before', () => {
  const texts = [abc(10), abc(7), abc(10), 'x', abc(12), 'x', abc(7), abc(10)];
  const once = [0, 1, 4];

  it('are left out and counted, and their copies change no other context', async () => {
    const options = { length: 5, bos: false, skipDuplicates: true };
    const { all, summary } = await take(await corpusOf('copies', texts), options);
    expect([...new Set(all.map(({ document }) => document))]).toEqual(once);
    expect(summary).toMatchObject({ documents: 8, duplicates: 4, skipped: 1 });
    const bare = await take(
      await corpusOf(
        'bare',
        [...once, 3].map((i) => texts[i]!),
      ),
      options,
    );
    const cut = ({ id, start, tokens }: Context) => ({ id, start, tokens: [...tokens] });
    expect(all.map(cut)).toEqual(bare.all.map(cut));
    expect(summary.tokens).toBe(bare.summary.tokens);
  });

  it('stay where they are wanted', async () => {
    const { all, summary } = await take(await corpusOf('kept', texts), { length: 5, bos: false });
    expect(new Set(all.map(({ document }) => document)).size).toBe(6);
    expect(summary.duplicates).toBe(0);
  });

  it('are left out alike after a stop at any context', async () => {
    const corpus = await corpusOf('stopped', texts);
    const options = { length: 5, bos: false, skipDuplicates: true };
    const whole = await take(corpus, options);
    for (let stop = 1; stop < whole.all.length; stop++) {
      // What was read ahead of the stop is known too, and must not count.
      for (const ahead of [0, 1, 4]) {
        const contexts = cutContexts(corpus, letters(), options);
        const read: Context[] = [];
        for await (const context of contexts) if (read.push(context) >= stop + ahead) break;
        const { cursor } = read[Math.min(stop, read.length) - 1]!;
        const digests = contexts.digests!(cursor);
        const rest = await take(corpus, { ...options, from: JSON.parse(JSON.stringify(cursor)), digests });
        expect(rest.all.map(plain)).toEqual(whole.all.slice(stop).map(plain));
        expect(rest.summary).toEqual(whole.summary);
      }
    }
  });

  it('are not chosen with a count', async () => {
    const many = Array.from({ length: 40 }, (_, i) => `${abc(6)}${i % 10}`);
    const { all, summary } = await take(await corpusOf('many', many), {
      length: 8,
      bos: false,
      count: 20,
      skipDuplicates: true,
    });
    expect(all.map(({ document }) => document)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(summary).toMatchObject({ documents: 40, duplicates: 30 });
  });
});
