import { describe, expect, test } from 'vitest';
import type { PackedArrays } from '../../src/base/pack.ts';
import { createRandom } from '../../src/base/random.ts';
import { BankTotals, packBank } from '../../src/harvest/bank-totals.ts';
import { Collector } from '../../src/harvest/collector.ts';
import { packText, TextTotals } from '../../src/harvest/part-text.ts';
import { needsMaxima, type SelectionOptions } from '../../src/harvest/selection.ts';
import { TapInputs } from '../../src/harvest/tap-inputs.ts';
import { TextCounts } from '../../src/harvest/text-counts.ts';

const UNITS = 6;
const WIDTH = 3;
const LENGTH = 5;
const BANK = { name: 'bank', units: UNITS, width: WIDTH, inputTap: 'h', activationTap: 'a', sinks: null };
const random = createRandom(11);

/** Contexts of few words and few values, so that texts and activations are often equal. */
const contexts = Array.from({ length: 90 }, (_, id) => {
  const tokens = Int32Array.from({ length: 2 + (id % (LENGTH - 1)) }, () => Math.floor(random.next() * 3));
  const values = (count: number) =>
    Float32Array.from({ length: count }, () => Math.round(6 * random.next() - 1.5) / 2);
  return { id, tokens, inputs: values(tokens.length * WIDTH), activations: values(tokens.length * UNITS) };
});
type Seen = (typeof contexts)[number];

function collect(collector: Collector, seen: readonly Seen[]): void {
  for (const { id, tokens, inputs, activations } of seen) {
    const batch = {
      ids: [id],
      documents: [id],
      names: [''],
      starts: [0],
      lengths: [tokens.length],
      tokens,
      valid: new Uint8Array(tokens.length).fill(1),
      length: tokens.length,
    };
    collector.take(batch, { h: { data: inputs }, a: { data: activations } });
  }
}

/** What a shard of some contexts finds. */
function shard(
  seen: readonly Seen[],
  options: SelectionOptions,
  maxima: Float32Array,
): { bank: PackedArrays; inputs: PackedArrays } {
  const collector = new Collector([BANK], options, LENGTH, 'examples');
  if (needsMaxima(options)) collector.setMaxima([maxima]);
  collect(collector, seen);
  const [bank] = collector.banks;
  return { bank: packBank(bank!, needsMaxima(options)), inputs: bank!.inputs.packed() };
}

function maximaOf(options: SelectionOptions, seen: readonly Seen[]): Float32Array {
  const collector = new Collector([BANK], options, LENGTH, 'maxima');
  collect(collector, seen);
  return collector.banks[0]!.maxima;
}

function merge(parts: readonly PackedArrays[], options: SelectionOptions): PackedArrays {
  const totals = new BankTotals(BANK, options);
  for (const part of parts) totals.add(part, 'part');
  return totals.packed();
}

/** Contexts dealt to shards, some of which get none. */
function deal(shards: number): Seen[][] {
  const dealt: Seen[][] = Array.from({ length: shards }, () => []);
  for (const context of contexts) dealt[Math.floor(random.next() ** 2 * shards)]!.push(context);
  return dealt;
}

/** Merges in random order and random groups, groups of groups included. */
function anyhow(
  parts: readonly PackedArrays[],
  join: (some: readonly PackedArrays[]) => PackedArrays,
): PackedArrays {
  const left = random.shuffle([...parts]);
  while (left.length > 1) {
    const group = left.splice(0, 1 + Math.floor(random.next() * left.length));
    left.push(join(group));
  }
  return join(left);
}

const plain = {
  examples: 7,
  fraction: 0.5,
  sign: 'positive',
  everyPosition: false,
  keepDuplicates: false,
  seed: 4,
} as const;
const CHOICES: SelectionOptions[] = (['top', 'fraction', 'quantiles', 'random'] as const).flatMap(
  (select) => [
    { ...plain, select },
    { ...plain, select, sign: 'absolute', everyPosition: true, examples: 23 },
    { ...plain, select, keepDuplicates: true, sign: 'negative' },
  ],
);

describe('what shards find, merged in any order and grouping, is what one finds alone', () => {
  test.each(CHOICES)('$select $sign, $examples examples, duplicates $keepDuplicates', (options) => {
    const maxima = maximaOf(options, contexts);
    const alone = shard(contexts, options, maxima);
    for (let trial = 0; trial < 8; trial++) {
      const parts = deal(1 + 2 * trial).map((seen) => shard(seen, options, maxima));
      const bank = anyhow(
        parts.map(({ bank }) => bank),
        (some) => merge(some, options),
      );
      expect(bank).toEqual(alone.bank);
      const inputs = anyhow(
        parts.map(({ inputs }) => inputs),
        mergeInputs,
      );
      expect(inputs).toEqual(alone.inputs);
    }
  });

  function mergeInputs(some: readonly PackedArrays[]): PackedArrays {
    const inputs = new TapInputs(WIDTH, LENGTH, plain.seed);
    for (const part of some) inputs.merge(part);
    return inputs.packed();
  }

  test('the maxima of shards, by the larger', () => {
    const options = CHOICES.find(needsMaxima)!;
    const all = maximaOf(options, contexts);
    const parts = deal(5).map((seen) => maximaOf(options, seen));
    expect(Array.from(all, (_, u) => Math.max(...parts.map((part) => part[u]!)))).toEqual([...all]);
    expect(all.some((value) => value > 0)).toBe(true);
  });

  test('words and the sample of the text', () => {
    const textOf = (seen: readonly Seen[]): PackedArrays => {
      const text = new TextCounts({ tokenText: (id) => ` word${id}` }, 4);
      for (const { id, tokens } of seen) {
        const context = { id, tokens, document: id, documentName: '', start: 0, done: 0 } as never;
        const block = {
          contexts: [context],
          length: tokens.length,
          tokens,
          text: new Uint8Array(tokens.length).fill(1),
          taps: {},
        };
        text.take(block, 0);
      }
      return packText({ words: text.counter.buckets, sampler: text.sampler });
    };
    const merged = anyhow(deal(6).map(textOf), (some) => {
      const totals = new TextTotals(4);
      for (const part of some) totals.add(part);
      return packText(totals);
    });
    expect(merged).toEqual(textOf(contexts));
    expect(merged['buckets']!.length).toBe(6);
  });

  test('what is not of so many units is refused', () => {
    const [options] = CHOICES as [SelectionOptions];
    const { bank } = shard(contexts.slice(0, 9), options, new Float32Array(UNITS));
    const totals = new BankTotals({ name: 'bank', units: UNITS + 1 }, options);
    expect(() => totals.add(bank, 'a.part')).toThrow(/a\.part is damaged: high has 12 values, not 14/);
  });
});
