import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../../src/tokenizer/load-tokenizer.ts';
import { createTokenizer } from '../../../src/tokenizer/tokenizer.ts';

const FIXTURES = new URL('../../fixtures/tokenizer/', import.meta.url);
const INPUTS = new URL('../../../../shared/inputs/', import.meta.url);
const fragments = JSON.parse(readFileSync(new URL('fragments.json', FIXTURES), 'utf8')) as {
  words: string[];
  ranges: [number, number][];
};
const golden = JSON.parse(gunzipSync(readFileSync(new URL('hostile.json.gz', FIXTURES))).toString()) as {
  map: string;
  models: Record<string, object>;
  kinds: Record<string, { model: string }>;
  hashes: Record<string, string>;
  first: Record<string, number[][]>;
};
/** Strings that share a hash. */
const BLOCK = 10;

/** The same draws as in hostile.py. */
function mulberry32(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

function hostileStrings(count: number, seed: number): string[] {
  const draw = mulberry32(seed);
  const { words, ranges } = fragments;
  return Array.from({ length: count }, () => {
    const parts: string[] = [];
    for (let left = 1 + draw(12); left > 0; left--) {
      const kind = draw(20);
      if (kind < 12) {
        parts.push(words[draw(words.length)]);
      } else if (kind < 18 || parts.length === 0) {
        const [low, high] = ranges[draw(ranges.length)];
        const length = 1 + draw(4);
        parts.push(Array.from({ length }, () => String.fromCodePoint(low + draw(high - low + 1))).join(''));
      } else {
        const part = parts[draw(parts.length)];
        parts.push(part.repeat(1 + draw(3)));
      }
    }
    return parts.join('');
  });
}

function hash(ids: Iterable<number>, from: number): number {
  let value = from;
  for (const id of ids) value = Math.imul(value ^ id, 0x01000193);
  return Math.imul(value ^ 0xffffffff, 0x01000193);
}

function build(name: string) {
  const kind = golden.kinds[name];
  const text = JSON.stringify({ ...kind, model: golden.models[kind.model] });
  const tokenizer = JSON.parse(text.replaceAll('"MAP"', JSON.stringify(golden.map)));
  return createTokenizer({ tokenizer, path: `${name}.json` });
}

const texts = hostileStrings(5000, 12);

describe("Python's ids for 5,000 hostile strings", () => {
  test.each(Object.keys(golden.kinds))('%s', (name) => {
    const { encode } = build(name);
    texts.slice(0, golden.first[name].length).forEach((text, i) => {
      expect([...encode(text)], JSON.stringify(text)).toEqual(golden.first[name][i]);
    });
    const expected = Buffer.from(golden.hashes[name], 'base64');
    const wrong: string[][] = [];
    for (let i = 0; i < texts.length; i += BLOCK) {
      const block = texts.slice(i, i + BLOCK);
      const value = block.reduce((from, text) => hash(encode(text), from), 0x811c9dc5) >>> 0;
      if (value !== expected.readUInt32LE((i / BLOCK) * 4)) wrong.push(block);
    }
    expect(wrong.length, JSON.stringify(wrong[0])).toBe(0);
  });
});

describe('long texts', () => {
  test.each(Object.keys(golden.kinds))('%s: 200,000 equal letters, and 20,000 of others', (name) => {
    const { encode } = build(name);
    for (const [unit, count] of [
      ['a', 200_000],
      [' ', 20_000],
      ['e\u0301', 20_000],
      ['日▁', 20_000],
    ] as const) {
      expect(encode(unit.repeat(count)).length).toBeLessThanOrEqual(6 * count + 1);
    }
  });

  test('text whose spaces are ▁ is cut before them: the same ids as without the cut', () => {
    const whole = texts.join(' ');
    const cut = build('gemma').encode(whole);
    // A token that holds a ▁ after another character forbids the cut, and stands in no merge.
    const kind = golden.kinds['gemma'];
    const model = golden.models[kind.model] as { vocab: Record<string, number> };
    const vocab = { ...model.vocab, 'x▁x': Object.keys(model.vocab).length };
    const uncut = createTokenizer({ tokenizer: { ...kind, model: { ...model, vocab } }, path: 'uncut' });
    expect(cut.length).toBeGreaterThan(100_000);
    expect(Buffer.from(uncut.encode(whole).buffer).equals(Buffer.from(cut.buffer))).toBe(true);
  });
});

describe.skipIf(!existsSync(INPUTS))('shared: single-word-token', () => {
  test('an added token with single_word stands for whole words only', async () => {
    const { encode, size } = await loadTokenizer(new URL('single-word-token', INPUTS).pathname);
    const ids = [...encode('the cat concat catalogue')];
    const cat = [...encode(' cat ')].find((id) => encode('cat').includes(id));
    expect(cat).toBeLessThan(size);
    expect(ids.filter((id) => id === cat)).toHaveLength(1);
  });
});
