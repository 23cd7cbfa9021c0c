import { describe, expect, test } from 'vitest';
import { hashFraction } from '../../src/base/hash.ts';
import { createRandom } from '../../src/base/random.ts';
import { SeenTexts } from '../../src/harvest/seen-texts.ts';
import { rankedSlots, Selection, type SelectionOptions, selectionSalt } from '../../src/harvest/selection.ts';
import { suffixKeys } from '../../src/harvest/suffix-keys.ts';

interface Candidate {
  readonly score: number;
  readonly context: number;
  readonly key: number;
}

const BANK = 'mlp.0';
const SALT = selectionSalt(BANK, 0);

function candidates(seed: number, count: number, texts: number): Candidate[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, context) => ({
    score: Math.fround(0.01 + Math.ceil(random.next() * 50) / 50),
    context,
    // Keys as far apart as hashes are; few home places, so that the table's chains are long.
    key: Math.floor(random.next() * texts) * 2 ** 40 + 12345,
  }));
}

function choose(all: readonly Candidate[], options: SelectionOptions, restart = 0): number[] {
  const maxima = Float32Array.of(Math.max(...all.map(({ score }) => score)));
  const open = () => {
    const selection = new Selection(1, options, BANK);
    if (options.select === 'fraction' || options.select === 'quantiles') selection.setMaxima(maxima);
    return selection;
  };
  let selection = open();
  all.forEach(({ score, context, key }, i) => {
    if (restart > 0 && i % restart === restart - 1) {
      const saved = Object.fromEntries(Object.entries(selection.state()).map(([k, v]) => [k, v.slice()]));
      selection = open();
      selection.restore(saved);
    }
    if (score >= selection.floor[0]!) selection.offer(0, score, context, 0, key);
  });
  return Array.from(rankedSlots(selection, 0), (slot) => selection.context[slot]!);
}

const stronger = (a: Candidate, b: Candidate) => b.score - a.score || a.context - b.context;
const hash = ({ context }: Candidate) => hashFraction(SALT, 0, context, 0);
const textHash = ({ key }: Candidate) => hashFraction(SALT, 0, Math.floor(key / 2 ** 21), key % 2 ** 21);

/** One candidate of each text, the first of an order. */
function oneOfEach(all: readonly Candidate[], order: (a: Candidate, b: Candidate) => number): Candidate[] {
  const seen = new Set<number>();
  return all.toSorted(order).filter(({ key }) => !seen.has(key) && seen.add(key));
}

/** All texts first, then the choice: what the options mean. */
function bruteForce(all: readonly Candidate[], { select, examples, fraction }: SelectionOptions): number[] {
  const max = Math.max(...all.map(({ score }) => score));
  const ranked = (chosen: readonly Candidate[]) => chosen.toSorted(stronger).map(({ context }) => context);
  if (select === 'random') {
    return ranked(oneOfEach(all, (a, b) => hash(b) - hash(a)).slice(0, examples));
  }
  const texts = oneOfEach(all, stronger);
  if (select === 'top') return ranked(texts.slice(0, examples));
  const byHash = (a: Candidate, b: Candidate) => textHash(b) - textHash(a);
  if (select === 'fraction') {
    const above = texts.filter(({ score }) => score >= fraction * max);
    return ranked(above.toSorted(byHash).slice(0, examples));
  }
  const bands = Array.from({ length: 10 }, (_, band) => {
    const own = all.filter(({ score }) => Math.max(1, Math.ceil((score / max) * 10)) - 1 === band);
    const room = Math.floor(((band + 1) * examples) / 10) - Math.floor((band * examples) / 10);
    return oneOfEach(own, stronger).toSorted(byHash).slice(0, room);
  });
  return oneOfEach(bands.flat(), stronger).map(({ context }) => context);
}

describe('of examples of the same text one is kept', () => {
  const SELECTS = ['top', 'fraction', 'quantiles', 'random'] as const;
  const cases = SELECTS.flatMap((select) => [1, 8, 23, 64].map((examples) => [select, examples] as const));
  test.each(cases)(
    '%s, %i examples: as if all texts were known before the choice, in any order',
    (select, examples) => {
      const options: SelectionOptions = {
        select,
        examples,
        fraction: 0.5,
        sign: 'positive',
        everyPosition: false,
        keepDuplicates: false,
        seed: 0,
      };
      for (let seed = 1; seed <= 30; seed++) {
        const all = candidates(seed, 300, [3, 20, 90, 10_000][seed % 4]!);
        const expected = bruteForce(all, options);
        expect(choose(all, options)).toEqual(expected);
        expect(choose(all.toReversed(), options)).toEqual(expected);
        expect(choose(all, options, 37)).toEqual(expected);
      }
    },
  );

  test('a copy of every candidate changes nothing', () => {
    for (const select of SELECTS) {
      const options: SelectionOptions = {
        select,
        examples: 16,
        fraction: 0.5,
        sign: 'positive',
        everyPosition: false,
        keepDuplicates: false,
        seed: 0,
      };
      const all = candidates(5, 200, 10_000);
      const score = (contexts: readonly number[]) => contexts.map((context) => all[context % 200]!.key);
      const copied = [...all, ...all.map((one) => ({ ...one, context: one.context + 200 }))];
      if (select === 'random') expect(new Set(score(choose(copied, options))).size).toBe(16);
      else expect(choose(copied, options)).toEqual(choose(all, options));
    }
  });
});

describe('what stands for a text', () => {
  const tokens = Int32Array.from({ length: 200 }, (_, t) => (t * t) % 97);
  test('is equal where the 32 ids up to a position are, and nowhere else', () => {
    const keys = suffixKeys(tokens);
    const other = suffixKeys(Int32Array.from([9, 8, 7, ...tokens]));
    const textAt = (ids: Int32Array, end: number) => ids.slice(Math.max(0, end - 31), end + 1).join(' ');
    for (let a = 0; a < 200; a++) {
      for (let b = 0; b < 200; b++) {
        expect(keys[a] === keys[b]).toBe(textAt(tokens, a) === textAt(tokens, b));
      }
      expect(other[a + 3] === keys[a]).toBe(a >= 31);
    }
  });
  test('a repeated token tells by how often it came, up to 32', () => {
    const keys = suffixKeys(new Int32Array(50));
    expect(new Set(keys).size).toBe(32);
  });
});

test('a text is new once: not in a later context, nor at two positions of one', () => {
  const random = createRandom(5);
  const texts = Array.from({ length: 3000 }, () => Math.floor(random.next() * 2 ** 53));
  const seen = new SeenTexts();
  seen.add(texts[0]!);
  const known = new Set([texts[0]!]);
  let fresh = 0;
  let firsts = 0;
  for (let context = 0; context < 400; context++) {
    const keys = Float64Array.from({ length: 20 }, () => texts[Math.floor(random.next() * texts.length)]!);
    const isNew = seen.take(keys);
    keys.forEach((key, t) => {
      const isFirst = !known.has(key) && keys.indexOf(key) === keys.lastIndexOf(key);
      // What is old is never said to be new.
      if (!isFirst) expect(isNew[t]).toBe(0);
      fresh += isNew[t]!;
      firsts += Number(isFirst);
    });
    for (const key of keys) known.add(key);
  }
  // Of nearly all that are new it says so.
  expect(firsts).toBeGreaterThan(2000);
  expect(fresh).toBeGreaterThan(0.99 * firsts);
});
