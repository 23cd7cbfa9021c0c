import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { cutTree } from '../../src/cluster/cut.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import { describeFeatures } from '../../src/features/describe.ts';
import { peakWords, wordText, wordTexts, wordTokens } from '../../src/features/word-texts.ts';
import { exampleWords } from '../../src/features/words.ts';

const named = { text: '‹one›', precision: 1, recall: 0.5, falseAlarms: 0 };

describe('describeFeatures', () => {
  test('the largest feature is 0; of equal sizes the one with the first example', () => {
    const { features, featureOf } = describeFeatures({
      labels: Int32Array.of(0, 1, 2, 2, 1, 3, 2),
      activations: [7, 6, 5, 4, 3, 2, 1],
      centrals: Int32Array.of(0, 4, 3, 5),
      words: { words: [['two'], ['one'], ['zero'], ['three']], names: [null, named, null, null] },
    });
    expect(features).toEqual([
      { id: 0, size: 3, members: [2, 3, 6], name: null, words: ['two'], meanActivation: 10 / 3, central: 3 },
      { id: 1, size: 2, members: [1, 4], name: named, words: ['one'], meanActivation: 4.5, central: 4 },
      { id: 2, size: 1, members: [0], name: null, words: ['zero'], meanActivation: 7, central: 0 },
      { id: 3, size: 1, members: [5], name: null, words: ['three'], meanActivation: 2, central: 5 },
    ]);
    expect([...featureOf]).toEqual([2, 1, 0, 0, 1, 3, 0]);
  });

  test('any cut of a tree: ids are places, every example is in its feature', () => {
    const random = createRandom(2);
    for (let round = 0; round < 50; round++) {
      const count = 1 + random.integer(30);
      const distances = Float32Array.from({ length: (count * (count - 1)) / 2 }, () => random.next());
      const labels = cutTree(linkage({ distances, count, method: 'average' }), { distance: 0.45 });
      const activations = Float32Array.from({ length: count }, () => random.next());
      const { features, featureOf } = describeFeatures({ labels, activations, centrals: null, words: null });
      expect(features.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual([...labels.keys()]);
      features.forEach(({ id, size, members, central, words }, place) => {
        expect([id, size, central, words]).toEqual([place, members.length, members[0], []]);
        const [before] = features.slice(place - 1, place);
        if (place > 0) {
          expect(before!.size > size || (before!.size === size && before!.members[0]! < members[0]!)).toBe(
            true,
          );
        }
        for (const example of members) {
          expect(featureOf[example]).toBe(id);
          expect(labels[example]).toBe(labels[members[0]!]);
        }
      });
    }
  });

  test('words go to the feature that they are of', () => {
    const words = ['war', 'bank', 'bank', 'war', 'bank'];
    const { features } = describeFeatures({
      labels: Int32Array.of(0, 1, 1, 0, 1),
      activations: new Float32Array(5),
      centrals: null,
      words: {
        examples: words.map((peak) => ({ peak, words: [peak] })),
        corpus: { total: 1000, count: () => 1 },
      },
    });
    expect(features.map(({ words }) => words)).toEqual([['bank'], ['war']]);
  });

  test('nothing has no features; what does not fit is refused', () => {
    const labels = new Int32Array(0);
    expect(describeFeatures({ labels, activations: [], centrals: null, words: null }).features).toEqual([]);
    const two = Int32Array.of(0, 1);
    expect(() => describeFeatures({ labels: two, activations: [1], centrals: null, words: null })).toThrow(
      'describeFeatures: activations has 1 entries, not 2',
    );
    expect(() =>
      describeFeatures({ labels: two, activations: [1, 2], centrals: Int32Array.of(0), words: null }),
    ).toThrow('centrals has 1 entries, not 2');
    expect(() =>
      describeFeatures({ labels: Int32Array.of(0, 2), activations: [1, 2], centrals: null, words: null }),
    ).toThrow();
  });
});

describe('which tokens count for words', () => {
  test('special tokens are space, and end the words beside them', () => {
    expect([wordText('<s>', true), wordText('<s>', false)]).toEqual([' ', '<s>']);
    const context = { tokens: [' mar', 'ched', '<|endoftext|>', 'To', ' the', ' city'], special: [2] };
    expect(peakWords(wordTokens(context), 1)).toEqual({
      peak: 'marched',
      words: ['marched', 'to', 'the', 'city'],
    });
    expect(peakWords(wordTokens({ ...context, special: [] }), 1).words).toContain('endoftext');
  });

  test('bytes count as the characters that they spell; those that spell none are no word', () => {
    const tokens = [' war', '<0xE2>', '<0x80>', '<0x94>', ' caf', '<0xC3>', '<0xA9>', '<0x94>', ' b'];
    for (const peak of [1, 2, 3]) {
      expect(peakWords(wordTokens({ tokens, special: [] }), peak)).toMatchObject({ peak: '—' });
    }
    expect(peakWords(wordTokens({ tokens, special: [] }), 4).words).toEqual(['war', '—', 'café\uFFFD', 'b']);
    expect(wordTexts(tokens, false)).toBe(tokens);
  });

  test('the words around a peak are those of the whole context, wherever the peak is', () => {
    const random = createRandom(4);
    const pieces = [' a', 'b', 'c', '.', '\n', '<0xE2>', '<0x80>', '<0x94>', ' d', 'ef'];
    for (let round = 0; round < 200; round++) {
      const tokens = Array.from({ length: 120 }, () => pieces[random.integer(pieces.length)]!);
      const position = random.integer(tokens.length);
      const special = Array.from(tokens.keys()).filter(() => random.integer(9) === 0);
      const masked = tokens.map((text, i) => wordText(text, special.includes(i)));
      for (const spell of [true, false]) {
        const found = peakWords(wordTokens({ tokens, special }), position, spell);
        expect(found).toEqual(exampleWords(wordTexts(masked, spell), position));
      }
    }
  });
});
