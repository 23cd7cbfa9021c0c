import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { featureTitle, nameScores } from '../../src/features/feature-title.ts';
import { bestPattern, common, exampleSet, UnitFacts } from '../../src/features/name-search.ts';
import { type FeatureName, nameFeatures } from '../../src/features/names.ts';
import { NamingTexts, type TextPlace } from '../../src/features/naming.ts';
import { KINDS, kindOf, PlaceIndex } from '../../src/features/places.ts';
import { classesOf, stemOf, WORD_CLASSES } from '../../src/features/word-forms.ts';

/** Tokens of a text: words with the space before them, and newlines; the peak stands between « and ». */
function place(text: string): TextPlace {
  const pieces = text.match(/\n|«| ?[^\s«»|]+|\|[^\s«»|]+/g)!;
  const position = pieces.indexOf('«');
  return { texts: pieces.filter((piece) => piece !== '«').map((piece) => piece.replace('|', '')), position };
}

const WORDS = 'the of a ship sailed court ruled river law people state war peace trade bank year'.split(' ');
const random = createRandom(1);
const filler = (count: number): string =>
  Array.from({ length: count }, () => WORDS[random.integer(WORDS.length)]!).join(' ');
const corpus = Array.from({ length: 400 }, () => {
  const texts = filler(20)
    .split(' ')
    .map((word) => ` ${word}`);
  return { texts, position: random.integer(20) };
});

/** Names features given by the passages of their examples. */
function named(
  features: readonly (readonly string[])[],
  stray: Uint8Array | null = null,
): (FeatureName | null)[] {
  const naming = new NamingTexts(corpus);
  const examples = features.flat().map((text, i) => {
    const { texts, position } = place(text);
    return naming.example(i, position, () => texts);
  });
  let next = 0;
  const members = features.map((own) => own.map(() => next++));
  return nameFeatures({ features: members, examples, corpus: naming, stray });
}

const several = (count: number, make: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => make(i));
const other = several(12, () => `${filler(6)} «${WORDS[3 + random.integer(12)]} ${filler(6)}`);
const first = (features: readonly string[][]): FeatureName | null => named(features)[0]!;

describe('a name is the pattern that tells the examples apart', () => {
  test('the word itself, in any of its inflected forms', () => {
    const treaties = several(
      12,
      (i) => `${filler(6)} « ${['treaty', 'treaties', 'Treaty'][i % 3]} ${filler(6)}`,
    );
    expect(first([treaties, other])).toEqual({
      text: '‹treaty/treaties›',
      precision: 1,
      recall: 1,
      falseAlarms: 0,
    });
  });

  test('alternatives', () => {
    const words = several(12, (i) => `${filler(6)} « ${['lemon', 'melon'][i % 2]} ${filler(6)}`);
    expect(first([words, other])?.text).toMatch(/^‹(lemon|melon)› or ‹(lemon|melon)›$/);
  });

  test('a word after others, where the word alone does not do', () => {
    const after = several(12, () => `${filler(5)} beyond the « sea ${filler(6)}`);
    const without = several(12, () => `${filler(6)} by « sea ${filler(6)}`);
    const [name, rest] = named([after, without]);
    expect(name!.text).toMatch(/^(‹sea› )?(soon |two words )?after "(the|beyond|beyond the)"$/);
    expect(name).toMatchObject({ precision: 1, recall: 1 });
    expect(rest!.text).toMatch(/"by"/);
  });

  test.each([
    ['newline', several(27, () => `${filler(6)} « \n ${filler(6)}`), 'newline'],
    ['newline after a quote', several(12, () => `${filler(6)} » " « \n ${filler(6)}`), 'newline'],
    ['digits', several(12, (i) => `${filler(6)} « ${17 * i + 3} ${filler(6)}`), 'digits'],
    ['year', several(12, (i) => `${filler(6)} « ${1801 + 7 * i} ${filler(6)}`), /^(year|digits)$/],
    [
      'capitals',
      several(12, (i) => `${filler(6)} « ${'ABCDEFGHIJKL'[i]}OE ${filler(6)}`),
      'word in capitals',
    ],
    ['quote', several(12, (i) => `${filler(6)} « ${['“', '"', '”'][i % 3]} ${filler(6)}`), 'quote'],
  ])('%s', (_, examples, text) => {
    const name = first([examples, other])!;
    expect(name.text).toMatch(text);
    expect(name).toMatchObject({ precision: 1, recall: 1, falseAlarms: 0 });
  });

  test('what tells newlines from newlines, digits from digits, and starts of texts', () => {
    const quoted = several(12, () => `${filler(6)} » ” « \n ${filler(6)}`);
    const bare = several(12, () => `${filler(6)} « \n ${filler(6)}`);
    expect(first([quoted, bare])!.text).toBe('newline after ‹”›');
    const dates = several(12, (i) => `${filler(6)} on March « ${i + 1} ${filler(6)}`);
    const sums = several(12, (i) => `${filler(6)} about « ${i + 100} ${filler(6)}`);
    expect(first([dates, [...sums, ...other]])!.text).toMatch(
      /^(digits )?(after a month|in dates|after "march")$/,
    );
    const starts = several(12, (i) => `« ${WORDS[i]} ${filler(6)}`);
    expect(first([starts, other])!.text).toBe('at the start of the text');
    const lines = several(12, (i) => `${filler(4)} \n « ${WORDS[i]} ${filler(6)}`);
    expect(first([lines, other])!.text).toBe('after a newline');
    const both = several(12, (i) => `${filler(6)} » ${['”', '"'][i % 2]} « \n ${filler(6)}`);
    expect(first([both, bare])!.text).toBe('newline after a quote');
  });

  test('pieces of words, and the token that comes next', () => {
    const pieces = several(12, (i) => `${filler(6)} «${['seek', 'hunt', 'fish'][i % 3]} |ing ${filler(4)}`);
    expect(first([pieces, other])!.text).toBe('before "-ing"');
    const ends = several(12, (i) => `${filler(6)} ${['seek', 'hunt', 'fish'][i % 3]} «|ing ${filler(4)}`);
    expect(first([ends, other])!.text).toBe('‹-ing›');
  });
});

describe('what a name is worth', () => {
  test('random examples have no name, or a poor one', () => {
    const [a, b] = named([
      other.slice(0, 6).concat(several(20, () => `${filler(6)} « ${filler(7)}`)),
      several(26, () => `${filler(6)} « ${filler(7)}`),
    ]);
    for (const name of [a, b]) if (name !== null && name !== undefined) expect(name.recall).toBeLessThan(0.8);
  });

  test('a feature of few examples is not scored, of one has no name; a unit with one feature has no precision', () => {
    const few = several(5, () => `${filler(6)} « zebra ${filler(6)}`);
    const [name, single] = named([few, [`${filler(6)} « yak ${filler(6)}`], other]);
    expect(name).toEqual({ text: '‹zebra›', precision: null, recall: null, falseAlarms: 0 });
    expect(single).toBeNull();
    const alone = named([several(12, () => `${filler(6)} « zebra ${filler(6)}`)]);
    expect(alone).toEqual([{ text: '‹zebra›', precision: null, recall: 1, falseAlarms: 0 }]);
  });

  test('strays take no part; a feature of strays alone has no name', () => {
    const own = several(9, (i) => `${filler(6)} « ${i === 8 ? 'court' : 'zebra'} ${filler(6)}`);
    const strays = several(4, () => `${filler(6)} « yak ${filler(6)}`);
    const mask = Uint8Array.from({ length: 9 + 4 + other.length }, (_, i) => (i >= 8 && i < 13 ? 1 : 0));
    const [name, none] = named([own, strays, other], mask);
    expect(name).toMatchObject({ text: '‹zebra›', recall: 1 });
    expect(none).toBeNull();
  });

  test('precision and recall are of examples that the choice has not seen', () => {
    // Each word stands in two examples: chosen on one half it says nothing of the other where it is not there.
    const words = several(16, (i) => `${filler(6)} « word${'abcdefgh'[i >> 1]} ${filler(6)}`);
    const [name] = named([words, other]);
    if (name !== null) expect(name!.recall).toBeLessThanOrEqual(0.5);
  });

  test('whatever the order of examples, the same names', () => {
    const naming = new NamingTexts(corpus);
    const texts = [
      ...several(20, (i) => `${filler(5)} « ${['salt', 'sand'][i % 2]} ${filler(5)}`),
      ...other,
    ].map(place);
    const make = (order: readonly number[]) => {
      const examples = order.map((i) => naming.example(i, texts[i]!.position, () => texts[i]!.texts));
      const features = [0, 1].map((f) => [...order.keys()].filter((k) => order[k]! < 20 === (f === 0)));
      return nameFeatures({ features, examples, corpus: naming });
    };
    const order = [...texts.keys()];
    expect(make(random.shuffle([...order]))).toEqual(make(order));
  });

  test('hostile tokens: names are data, of bounded length', () => {
    const bad = `${'x'.repeat(5000)}\u001b[31m\u202e`;
    const naming = new NamingTexts(corpus);
    const examples = several(10, () => '').map((_, i) =>
      naming.example(i, 1, () => [` ${'a'.repeat(i)}`, ` ${bad}`, '\u0000', '<script>']),
    );
    const [name] = nameFeatures({ features: [[...examples.keys()]], examples, corpus: naming });
    expect(name!.text.length).toBeLessThan(200);
    expect(named([[], []])).toEqual([null, null]);
    const empty = new NamingTexts([]);
    const only = several(8, () => '').map((_, i) => empty.example(i, 0, () => [' hi']));
    expect(nameFeatures({ features: [[...only.keys()]], examples: only, corpus: empty })[0]).toMatchObject({
      text: '‹hi›',
      falseAlarms: null,
    });
  });

  test('in words', () => {
    const name = { text: '‹a›', precision: 0.5, recall: 0.25, falseAlarms: 0.012 };
    expect(featureTitle({ name, words: ['b'] })).toBe('‹a›');
    expect(featureTitle({ name: null, words: ['b', 'c'] })).toBe('b · c');
    expect(nameScores(name)).toBe('precision 0.50, recall 0.25, holds at 1.2 % of random positions');
    expect(nameScores({ ...name, precision: null, recall: null })).toBe(
      'unscored, holds at 1.2 % of random positions',
    );
  });
});

test('the search finds the best pair of facts, as a search of all of them does', () => {
  for (let round = 0; round < 30; round++) {
    const kind = (name: string): number => KINDS.findIndex((one) => one.name === name) * 2 ** 32;
    const places = Array.from({ length: 40 }, () =>
      Float64Array.of(
        kind('class') + random.integer(3),
        kind('after class') + random.integer(3),
        kind('before class') + random.integer(3),
      ),
    );
    const unit = new UnitFacts(places);
    const own = exampleSet(
      40,
      [...Array(40).keys()].filter((i) => places[i]![0]! % 3 === 0 && random.next() < 0.8),
    );
    const others = exampleSet(
      40,
      [...Array(40).keys()].filter((i) => !(own[i >> 5]! & (1 << (i & 31)))),
    );
    const found = bestPattern(unit, own, others, new PlaceIndex([]))!;
    const f1 = (bits: Uint32Array): number =>
      (2 * common(bits, own)) / (common(bits, own) + common(own, own) + common(bits, others));
    expect(found.score).toBeCloseTo(f1(found.bits), 9);
    const singles = unit.bits.map(f1);
    const pairs = unit.bits.flatMap((a, i) =>
      unit.bits
        .filter(
          (_, j) =>
            KINDS[kindOf(unit.facts[i]!)]!.role === 'peak' &&
            KINDS[kindOf(unit.facts[j]!)]!.role === 'context',
        )
        .filter(
          (b) =>
            common(
              a.map((word, k) => word & b[k]!),
              own,
            ) >= 2,
        )
        .map((b) => f1(a.map((word, k) => word & b[k]!))),
    );
    expect(found.score).toBeGreaterThanOrEqual(Math.max(...singles) - 1e-9);
    // A second part must add 0.03.
    expect(found.score).toBeGreaterThanOrEqual(Math.max(...pairs) - 0.03 - 1e-9);
  }
});

test.each([
  ['treaties', 'treaty'],
  ['treaty', 'treaty'],
  ['votes', 'vot'],
  ['voting', 'vot'],
  ['vote', 'vot'],
  ['running', 'run'],
  ['classes', 'class'],
  ['nation’s', 'nation'],
  ['this', 'this'],
  ['need', 'need'],
  ['king', 'king'],
])('the stem of %s is %s', (word, stem) => expect(stemOf(word)).toBe(stem));

test('classes of words', () => {
  const { digits, year, capitalised, capitals, punctuation, quote, sentenceEnd, newline, month } =
    WORD_CLASSES;
  expect(classesOf('1,024')).toBe(digits);
  expect(classesOf('1862')).toBe(digits | year);
  expect(classesOf('March')).toBe(capitalised | month);
  expect(classesOf('NATO')).toBe(capitals);
  expect(classesOf('.”')).toBe(punctuation | quote | sentenceEnd);
  expect(classesOf('\n')).toBe(newline);
  expect(classesOf('ship')).toBe(0);
});
