import { describe, expect, test } from 'vitest';
import { featureWords } from '../../src/features/feature-words.ts';
import { countWords, WordCounter } from '../../src/features/word-counter.ts';
import { type ExampleWords, exampleWords, splitWords, wordsAround } from '../../src/features/words.ts';

function numbers(seed: number) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const texts = (tokens: string[]) => splitWords(tokens).map(({ text }) => text);

describe('splitWords', () => {
  test('joins the pieces of words and drops space', () => {
    expect(splitWords([' The', ' run', 'n', 'ing', ' dog', '.', '\n', '  ', 'Yes'])).toEqual([
      { text: 'the', first: 0, last: 0 },
      { text: 'running', first: 1, last: 3 },
      { text: 'dog', first: 4, last: 4 },
      { text: '.', first: 5, last: 5 },
      { text: 'yes', first: 8, last: 8 },
    ]);
  });
  test('punctuation is words of its own, apostrophes and numbers stay whole', () => {
    expect(
      texts([' "', 'Don', "'t", '!"', ' 1', ',', '000', '.', '50', ', well', '-', 'known', '...', "o'"]),
    ).toEqual(['"', "don't", '!"', '1,000.50', ',', 'well', '-', 'known', '...', 'o', "'"]);
  });
  test('one token may hold several words, or a part of two', () => {
    expect(splitWords(['in the', 'n, o', 'f'])).toEqual([
      { text: 'in', first: 0, last: 0 },
      { text: 'then', first: 0, last: 1 },
      { text: ',', first: 1, last: 1 },
      { text: 'of', first: 1, last: 2 },
    ]);
  });
  test('scripts without spaces keep their tokens; broken characters alone are no word', () => {
    expect(texts(['今日', 'は', '世界', '。', ' caf', '�', '�', ' �', '', ' été'])).toEqual([
      '今日',
      'は',
      '世界',
      '。',
      'caf��',
      'été',
    ]);
  });
});

describe('wordsAround', () => {
  const tokens = [
    ' one',
    ' two',
    ' three',
    ' fo',
    'ur',
    ' five',
    ' six',
    ' se',
    'v',
    'en',
    ' eight',
    ' nine',
  ];
  test('takes the words of the tokens around, whole', () => {
    expect(wordsAround(tokens, 6, 2)).toEqual(['four', 'five', 'six', 'seven']);
    expect(wordsAround(tokens, 6, 0)).toEqual(['six']);
    expect(wordsAround(tokens, 8, 0)).toEqual(['seven']);
    expect(wordsAround(tokens, 0)).toEqual(['one', 'two', 'three', 'four', 'five']);
    expect(wordsAround(tokens, 11, 100)).toHaveLength(9);
  });
  test('is the split of the whole sequence, cut to the window', () => {
    const next = numbers(9);
    const pieces = [' a', 'b', 'c', ' ', '.', ', d', '\n', '7', "'", 's', ' “', '”', ' and', 'e f'];
    for (let round = 0; round < 300; round++) {
      const sequence = Array.from({ length: 30 }, () => pieces[Math.floor(next() * pieces.length)]!);
      const position = Math.floor(next() * 30);
      const expected = splitWords(sequence).filter(
        ({ first, last }) => last >= position - 3 && first <= position + 3,
      );
      expect(wordsAround(sequence, position, 3)).toEqual(expected.map(({ text }) => text));
    }
  });
  test('an endless word is taken in part', () => {
    expect(wordsAround(new Array(1000).fill('x'), 500)[0]!.length).toBeLessThan(100);
  });
  test('exampleWords names the word of the peak', () => {
    expect(exampleWords(tokens, 8, 2)).toEqual({ peak: 'seven', words: ['six', 'seven', 'eight'] });
    expect(exampleWords([' a', '\n', ' b'], 1).peak).toBeUndefined();
    expect(exampleWords([' it', ' is', '.'], 2).peak).toBe('.');
    expect(exampleWords(['“', 'no.', '"'], 1).peak).toBe('no');
  });
});

describe('WordCounter', () => {
  test('counts, is never too small, and restores', () => {
    const counter = new WordCounter();
    for (let i = 0; i < 5000; i++) counter.add(`word${i}`, (i % 7) + 1);
    expect(counter.total).toBe(Array.from({ length: 5000 }, (_, i) => (i % 7) + 1).reduce((a, b) => a + b));
    let wrong = 0;
    for (let i = 0; i < 5000; i++) {
      expect(counter.count(`word${i}`)).toBeGreaterThanOrEqual((i % 7) + 1);
      if (counter.count(`word${i}`) !== (i % 7) + 1) wrong++;
    }
    expect(wrong).toBeLessThan(10);
    const restored = new WordCounter(counter.buckets.slice());
    expect(restored.total).toBe(counter.total);
    expect(restored.count('word5')).toBe(6);
    expect(counter.count('absent')).toBe(0);
    expect(() => new WordCounter(new Uint32Array(3))).toThrow('buckets holds 3 values');
  });
  test('parts in any order merge to the whole', () => {
    const [whole, a, b] = [new WordCounter(), new WordCounter(), new WordCounter()];
    const sequences = [
      [' The', ' cat', ' sat', '.'],
      [' the', ' do', 'g', '.'],
      [' A', ' CAT'],
    ];
    for (const tokens of sequences) countWords(tokens, whole);
    countWords(sequences[2]!, a);
    countWords(sequences[0]!, a);
    countWords(sequences[1]!, b);
    b.merge(a);
    expect(Buffer.from(b.buckets.buffer).equals(Buffer.from(whole.buckets.buffer))).toBe(true);
    expect(b.total).toBe(9);
    expect([b.count('the'), b.count('cat'), b.count('dog'), b.count('.')]).toEqual([2, 2, 1, 2]);
  });
});

describe('featureWords', () => {
  // A corpus in which word r of 2000 occurs about as 1/r, "the", "," and "of" first.
  const common = ['the', ',', 'of', 'and', 'a', 'to', 'in', 'was', 'he', '.'];
  const vocabulary = [...common, ...Array.from({ length: 1990 }, (_, i) => `w${i}`)];
  const corpus = new WordCounter();
  for (const [rank, word] of vocabulary.entries()) corpus.add(word, Math.ceil(20_000 / (rank + 1)));
  for (const word of ['war', 'peace', 'civil', 'bank', 'river', 'money']) corpus.add(word, 30);
  const next = numbers(4);
  const draw = () => vocabulary[Math.floor(Math.exp(next() * Math.log(vocabulary.length + 1))) - 1] ?? 'the';
  const example = (peak: string, ...beside: string[]) => ({
    peak,
    words: [...Array.from({ length: 5 }, draw), ...beside, peak, ...Array.from({ length: 5 }, draw)],
  });
  const feature = (size: number, make: () => ExampleWords) => Array.from({ length: size }, make);

  test('the word that the examples peak on comes first, rarer ones beside it after', () => {
    for (const size of [1, 2, 3, 10, 40]) {
      const features = [
        feature(size, () => example('war', 'civil')),
        feature(10, () => example('bank', 'river')),
      ];
      const [words] = featureWords({ features, corpus });
      expect(words![0], `${size} examples`).toBe('war');
      expect(words).toContain('civil');
      expect(words!.length).toBeLessThanOrEqual(5);
    }
  });

  test('the other features count: what all share falls behind what one has', () => {
    const features = [
      feature(12, () => example('bank', 'river')),
      feature(12, () => example('bank', 'money')),
    ];
    const [first, second] = featureWords({ features, corpus });
    expect(first!.slice(0, 2).sort()).toEqual(['bank', 'river']);
    expect(second!.slice(0, 2).sort()).toEqual(['bank', 'money']);
    expect(first).not.toContain('money');
    // Beside a feature that has it just as much, a word of the context says less than one that only this one has.
    const both = feature(12, () => ({ words: ['bank', 'river'] }));
    const other = feature(12, () => ({ words: ['bank', 'money'] }));
    expect(featureWords({ features: [both, other], corpus })).toEqual([
      ['river', 'bank'],
      ['money', 'bank'],
    ]);
  });

  test('common words are listed only where the feature is about them', () => {
    for (const size of [5, 20, 60]) {
      const [war, the, comma] = featureWords({
        features: [
          feature(size, () => example('war')),
          feature(size, () => example('the')),
          feature(size, () => example(',')),
        ],
        corpus,
      });
      for (const word of ['the', ',', 'of', 'and']) expect(war).not.toContain(word);
      expect(the![0]).toBe('the');
      expect(comma![0]).toBe(',');
    }
  });

  test('a word of one example does not outrank words that many share', () => {
    const features = [feature(6, () => example('peace'))];
    features[0]!.push(example('zyzzyva', 'quokka'));
    const [words] = featureWords({ features, corpus });
    expect(words![0]).toBe('peace');
    // Three examples that peak on three rare words and share one in their context.
    const rare = ['zyzzyva', 'quokka', 'xylem'].map((peak) => ({ peak, words: ['river', peak] }));
    expect(featureWords({ features: [rare], corpus })).toEqual([['river', 'zyzzyva', 'quokka', 'xylem']]);
  });

  test('ties keep the order of appearance; limits, empty features and an empty corpus hold', () => {
    const words = ['e', 'd', 'c', 'b', 'a', 'f'];
    const features = [[{ words }], [], [{ words: [] }]];
    const empty = { count: () => 0, total: 0 };
    expect(featureWords({ features, corpus: empty })).toEqual([['e', 'd', 'c', 'b', 'a'], [], []]);
    expect(featureWords({ features, corpus, limit: 2 })[0]).toEqual(['e', 'd']);
    expect(featureWords({ features: [], corpus })).toEqual([]);
    expect(() => featureWords({ features, corpus, limit: -1 })).toThrow('not -1');
  });

  test('a feature of nothing but common words still has words', () => {
    const [words] = featureWords({ features: [feature(3, () => ({ peak: 'the', words: common }))], corpus });
    expect(words!.length).toBeGreaterThan(0);
  });
});
