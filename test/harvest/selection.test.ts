import { describe, expect, test } from 'vitest';
import { unpackRows } from '../../src/base/half.ts';
import { createRandom } from '../../src/base/random.ts';
import { RowSums } from '../../src/harvest/row-sums.ts';
import { BankScan, HISTOGRAM_BINS, histogramEdge, type Sign } from '../../src/harvest/scan.ts';
import { rankedSlots, Selection, type SelectionOptions } from '../../src/harvest/selection.ts';
import { wasm } from '../../src/wasm/generated/harvest.ts';
import { instantiate, reserve } from '../../src/wasm/instance.ts';
import { histogramBin } from '../helpers/brute-force.ts';

const PLAIN: SelectionOptions = {
  select: 'top',
  examples: 8,
  fraction: 0.75,
  sign: 'positive',
  everyPosition: false,
  keepDuplicates: true,
  seed: 0,
};

/** Offers one unit a score a context, as the harvest does, and gives the contexts that it keeps, best first. */
function keep(options: Partial<SelectionOptions>, scores: readonly number[], bank = 'mlp.0'): number[] {
  const selection = new Selection(1, { ...PLAIN, ...options }, bank);
  if (options.select === 'fraction' || options.select === 'quantiles')
    selection.setMaxima(Float32Array.of(Math.max(...scores)));
  scores.forEach((score, context) => {
    if (Math.fround(score) > selection.floor[0]!) selection.offer(0, Math.fround(score), context, 0, 0);
  });
  return Array.from(rankedSlots(selection, 0), (slot) => selection.context[slot]!);
}

function numbers(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  });
}

describe('top', () => {
  test('the largest, of equal ones the earlier, best first', () => {
    expect(keep({ examples: 3 }, [1, 5, 2, 5, 5, 0, 5])).toEqual([1, 3, 4]);
    expect(keep({ examples: 3 }, [5, 5, 7, 5])).toEqual([2, 0, 1]);
    expect(keep({ examples: 1 }, [1, 2, 3, 3])).toEqual([2]);
  });
  test('never what does not activate', () => {
    expect(keep({}, [0, -1, -0, Number.NEGATIVE_INFINITY])).toEqual([]);
  });
  test('any order of many, with many ties', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const scores = numbers(300, seed).map((v) => Math.ceil(v * 9));
      const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
      expect(keep({ examples: 37 }, scores)).toEqual(order.slice(0, 37));
    }
  });
});

describe('fraction', () => {
  test('all that reach the share of the maximum, the share itself included', () => {
    expect(keep({ select: 'fraction', fraction: 0.75 }, [4, 2.9, 3, 1, 3.5, 2.9999])).toEqual([0, 4, 2]);
    expect(keep({ select: 'fraction', fraction: 1 }, [4, 3.9999, 4])).toEqual([0, 2]);
  });
  test.each([
    [10, 11],
    [8, 100],
    [64, 1000],
    [64, 4321],
    [3, 50],
    [1, 9],
  ])('%i of %i, thinned alike whatever the order', (examples, count) => {
    const selection = (order: readonly number[]): number[] => {
      const chosen = new Selection(1, { ...PLAIN, select: 'fraction', fraction: 0.5, examples }, 'mlp.0');
      chosen.setMaxima(Float32Array.of(1));
      for (const context of order) chosen.offer(0, 1, context, 0, 0);
      return Array.from(rankedSlots(chosen, 0), (slot) => chosen.context[slot]!);
    };
    const contexts = Array.from({ length: count }, (_, i) => i);
    const kept = selection(contexts);
    expect(kept.length).toBe(examples);
    expect(selection(contexts.toReversed())).toEqual(kept);
    const scattered = contexts.toSorted(
      (a, b) => Math.imul(a + 1, 0x9e3779b1) - Math.imul(b + 1, 0x9e3779b1),
    );
    expect(selection(scattered)).toEqual(kept);
  });
  test('as many as there are, when there are fewer', () => {
    for (let count = 1; count <= 20; count++) {
      expect(keep({ select: 'fraction', examples: 12 }, Array(count).fill(2)).length).toBe(
        Math.min(12, count),
      );
    }
  });
});

describe('quantiles', () => {
  const bandOf = (score: number) => Math.ceil(score * 10) - 1;
  test.each([10, 20, 64, 7, 100])('%i examples, the same number from each band', (examples) => {
    const scores = [1, ...numbers(3000, examples)];
    const kept = keep({ select: 'quantiles', examples }, scores);
    expect(kept.length).toBe(examples);
    const bands = Array(10).fill(0);
    for (const context of kept) bands[bandOf(Math.fround(scores[context]!))]++;
    expect(Math.max(...bands) - Math.min(...bands)).toBeLessThanOrEqual(examples % 10 === 0 ? 0 : 1);
  });
  test('a band that has fewer gives what it has', () => {
    const scores = [1, 0.95, 0.91, 0.05, 0.31, 0.32];
    const kept = keep({ select: 'quantiles', examples: 20 }, scores);
    // Two of the three in the highest band, and all of the others.
    expect(kept.slice(-3)).toEqual([5, 4, 3]);
    expect(kept.filter((context) => context < 3)).toHaveLength(2);
  });
  test('from early and late alike', () => {
    const kept = keep({ select: 'quantiles', examples: 100 }, [1, ...numbers(5000, 3)]);
    const late = kept.filter((context) => context > 2500).length;
    expect(late).toBeGreaterThan(40);
    expect(late).toBeLessThan(60);
  });
});

describe('random', () => {
  test('exactly as many as fit, by seed and bank, whatever their size', () => {
    for (let count = 1; count <= 20; count++) {
      expect(keep({ select: 'random' }, Array(count).fill(1)).length).toBe(Math.min(8, count));
    }
    const scores = numbers(200, 1);
    const same = keep({ select: 'random', seed: 5 }, scores);
    expect(keep({ select: 'random', seed: 5 }, scores)).toEqual(same);
    expect(keep({ select: 'random', seed: 6 }, scores)).not.toEqual(same);
    expect(keep({ select: 'random', seed: 5 }, scores, 'mlp.1')).not.toEqual(same);
  });
  test('each context as likely', () => {
    const taken = new Float64Array(40);
    const seeds = 2000;
    for (let seed = 0; seed < seeds; seed++) {
      for (const context of keep({ select: 'random', seed }, Array(40).fill(1))) taken[context]!++;
    }
    const expected = (seeds * 8) / 40;
    const deviation = Math.sqrt(seeds * 0.2 * 0.8);
    for (const count of taken) expect(Math.abs(count - expected)).toBeLessThan(4.5 * deviation);
  });
});

test('a selection goes on from its saved state as if it had not stopped', () => {
  for (const select of ['top', 'fraction', 'quantiles', 'random'] as const) {
    const options: SelectionOptions = { ...PLAIN, select, fraction: 0.3 };
    const scores = numbers(500, 9).map(Math.fround);
    const whole = new Selection(1, options, 'b');
    let part = new Selection(1, options, 'b');
    const maxima = Float32Array.of(Math.max(...scores));
    whole.setMaxima(maxima);
    part.setMaxima(maxima);
    scores.forEach((score, context) => {
      if (context % 90 === 89) {
        const saved = Object.fromEntries(Object.entries(part.state()).map(([k, v]) => [k, v.slice()]));
        part = new Selection(1, options, 'b');
        part.setMaxima(maxima);
        part.restore(saved);
      }
      for (const selection of [whole, part]) {
        if (score > selection.floor[0]!) selection.offer(0, score, context, 0, 0);
      }
    });
    const contexts = (s: Selection) => Array.from(rankedSlots(s, 0), (slot) => s.context[slot]!);
    expect(contexts(part), select).toEqual(contexts(whole));
    expect(contexts(whole).length).toBe(8);
  }
});

/** Scans contexts of one length, one after another in `data` from `first` on; returns the peaks in the first. */
function scanned(
  scan: BankScan,
  data: Float32Array,
  first: number,
  roles: readonly Uint8Array[],
  sign: Sign,
  statistics: boolean,
): Float32Array {
  const each = roles[0]!.length * scan.units;
  const contexts = roles.map((own, r) => ({ first: first + r * each, roles: [own] }));
  expect([...scan.scan(data, contexts, sign, statistics)].length).toBe(1);
  return scan.best[0]!;
}

describe('the scan of contexts', () => {
  const UNITS = 7;
  const POSITIONS = 9;
  const values = numbers(UNITS * POSITIONS, 2).map((v, i) =>
    Math.fround(i % 11 === 0 ? 0 : i % 13 === 0 ? -0 : (v - 0.5) * 2 ** ((i % 40) - 20)),
  );
  const valid = Uint8Array.from({ length: POSITIONS }, (_, t) => +(t !== 0 && t !== 5));

  test.each(['positive', 'negative', 'absolute'] as Sign[])('%s: peaks and statistics', (sign) => {
    const scan = new BankScan(UNITS, 16, 12);
    for (let times = 1; times <= 3; times++) {
      const best = scanned(scan, Float32Array.from([99, ...values]), 1, [valid], sign, true);
      for (let u = 0; u < UNITS; u++) {
        const seen = Array.from({ length: POSITIONS }, (_, t) => t)
          .filter((t) => valid[t] === 1)
          .map((t) => ({ t, a: values[t * UNITS + u]! }));
        const score = (a: number) => (sign === 'positive' ? a : sign === 'negative' ? -a : Math.abs(a));
        const top = Math.max(...seen.map(({ a }) => score(a)));
        expect(best[u]).toBe(top);
        expect(scan.position(u, 0)).toBe(seen.find(({ a }) => score(a) === top)!.t);
        const { sum, max, min, active, histogram } = scan.statistics();
        let total = 0;
        for (let i = 0; i < times; i++) for (const { a } of seen) total += a;
        expect(sum[u]).toBe(total);
        expect(max[u]! + 0).toBe(Math.max(...seen.map(({ a }) => a)) + 0);
        expect(min[u]! + 0).toBe(Math.min(...seen.map(({ a }) => a)) + 0);
        expect(active[u]).toBe(times * seen.filter(({ a }) => a > 0).length);
        const bins = histogram.subarray(u * HISTOGRAM_BINS, (u + 1) * HISTOGRAM_BINS);
        expect(bins.reduce((n, v) => n + v, 0)).toBe(times * seen.length);
        for (const { a } of seen) expect(bins[histogramBin(a)]).toBeGreaterThan(0);
      }
    }
  });

  test.each([
    [1, 'positive'],
    [1, 'negative'],
    [3, 'absolute'],
    [343, 'positive'],
  ] as [number, Sign][])(
    'many contexts and units of %i groups, as plain loops have them (%s)',
    (groups, sign) => {
      const [units, longest] = [1029, 10];
      const lengths = [10, 3, 8, 1];
      const random = createRandom(units + groups);
      const scan = new BankScan(units, longest, 4);
      const contexts = lengths.map((length, r) => ({
        first: 5 + r * units * longest,
        roles: Array.from({ length: groups }, () =>
          Uint8Array.from({ length }, () => Math.floor(random.next() * 3)),
        ),
      }));
      const data = Float32Array.from({ length: 5 + lengths.length * units * longest }, (_, i) =>
        i % 17 === 0 ? 0.25 : (random.next() - 0.5) * 2 ** ((i % 31) - 15),
      );
      const score = (a: number) => (sign === 'positive' ? a : sign === 'negative' ? -a : Math.abs(a));
      const of = (u: number, r: number) => {
        const { first, roles } = contexts[r]!;
        const own = [...roles[Math.floor((u * groups) / units)]!];
        return own.map((role, t) => ({ role, t, a: data[first + t * units + u]! }));
      };
      const histogram = new Uint32Array(units * HISTOGRAM_BINS);
      const wrong: string[] = [];
      let next = 0;
      for (const { first, end } of scan.scan(data, contexts, sign, true)) {
        expect(first).toBe(next);
        next = end;
        for (let u = first; u < end; u++) {
          for (const r of lengths.keys()) {
            const all = of(u, r);
            const peaks = all.filter(({ role }) => role === 1);
            const top = Math.max(...peaks.map(({ a }) => score(a)));
            expect(scan.best[r]![u]).toBe(top);
            expect(scan.position(u, r)).toBe(peaks.find(({ a }) => score(a) === top)?.t ?? -1);
            for (const { t, a } of all) {
              if (!Object.is(scan.activation(u, r, t), a)) wrong.push(`unit ${u} of context ${r} at ${t}`);
            }
            for (const { role, a } of all) if (role !== 0) histogram[u * HISTOGRAM_BINS + histogramBin(a)]!++;
          }
        }
      }
      expect(wrong).toEqual([]);
      expect(next).toBe(units);
      const found = scan.statistics();
      expect(Buffer.from(found.histogram.slice().buffer).equals(Buffer.from(histogram.buffer))).toBe(true);
      for (let u = 0; u < units; u++) {
        const text = lengths.flatMap((_, r) => of(u, r)).filter(({ role }) => role !== 0);
        expect(found.max[u]).toBe(Math.max(...text.map(({ a }) => a)));
        expect(found.min[u]).toBe(Math.min(...text.map(({ a }) => a)));
        expect(found.active[u]).toBe(text.filter(({ a }) => a > 0).length);
        const sum = text.reduce((total, { a }) => total + a, 0);
        expect(Math.abs(found.sum[u]! - sum)).toBeLessThanOrEqual(1e-9);
      }
    },
  );

  test('a fault is told of the first context that has one', () => {
    const scan = new BankScan(5, 8, 4);
    const data = new Float32Array(5 * 8 * 4).fill(1);
    data[5 * 8 * 3] = Number.NaN;
    data[5 * 8 * 2 + 7] = 2 ** 39;
    const contexts = [0, 1, 2, 3].map((r) => ({ first: r * 40, roles: [new Uint8Array(8).fill(1)] }));
    const told: number[] = [];
    const run = (statistics: boolean) => [
      ...scan.scan(data, contexts, 'positive', statistics, (context, fail) => {
        told.push(context);
        fail();
      }),
    ];
    expect(() => run(true)).toThrow('2^39');
    // Where nothing is summed nothing is too large.
    expect(() => run(false)).toThrow('NaN');
    expect(told).toEqual([2, 3]);
  });

  test('sums are exact, whatever the order, from tiny to large', () => {
    const order = numbers(1000, 5).map((v, i) => ({ v, i }));
    const rows = order.map(({ v, i }) => Math.fround((v - 0.5) * 2 ** ((i % 60) - 30)));
    const exact = Number(rows.reduce((sum, v) => sum + BigInt(Math.round(v * 2 ** 60)), 0n)) / 2 ** 60;
    const sumOf = (values: readonly number[]): number => {
      const scan = new BankScan(1, 1, 4);
      for (const value of values)
        scanned(scan, Float32Array.of(value), 0, [Uint8Array.of(1)], 'positive', true);
      return scan.statistics().sum[0]!;
    };
    const shuffled = order.toSorted((a, b) => a.v - b.v).map(({ i }) => rows[i]!);
    expect(sumOf(shuffled)).toBe(sumOf(rows));
    expect(Math.abs(sumOf(rows) - exact)).toBeLessThan(1000 * 2 ** -53);
    const sums = new RowSums(1, 1);
    for (const value of rows) sums.add(Float32Array.of(value), Uint8Array.of(1));
    expect(sums.sums(1)[0]).toBe(sumOf(rows));
    expect(() => sumOf([2 ** 39])).toThrow('2^39');
    expect(() => new RowSums(2, 1).add(Float32Array.of(1, Number.NaN), Uint8Array.of(1))).toThrow('NaN');
  });

  test('edges of bins belong to the bin above them', () => {
    const edges = Array.from({ length: 257 }, (_, bin) => histogramEdge(bin));
    expect(edges.slice(0, 4)).toEqual([0, 2 ** -12, 2 ** -12 * 1.125, 2 ** -12 * 1.25]);
    expect(edges[256]).toBeLessThanOrEqual(2 ** 20);
    const below = (value: number) => {
      const bits = new Uint32Array(Float32Array.of(value).buffer);
      bits[0]!--;
      return new Float32Array(bits.buffer)[0]!;
    };
    for (const sign of [1, -1]) {
      for (let bin = 1; bin < 257; bin += 5) {
        for (const [value, expected] of [
          [edges[bin]!, bin],
          [below(edges[bin]!), bin - 1],
        ]) {
          const scan = new BankScan(1, 4, 4);
          scanned(scan, Float32Array.of(sign * value!), 0, [Uint8Array.of(1)], 'positive', true);
          const { histogram } = scan.statistics();
          expect(histogram.indexOf(1)).toBe(expected! + (sign < 0 ? 257 : 0));
        }
      }
    }
  });

  test('a NaN is noticed, but not where nothing is text; no text, no peak', () => {
    const scan = new BankScan(3, 4, 4);
    const row = Float32Array.of(1, 2, 3, 4, Number.NaN, 6);
    const run = (...texts: number[]) => scanned(scan, row, 0, [Uint8Array.from(texts)], 'positive', true);
    expect(() => run(1, 1)).toThrow('NaN');
    expect(() => run(1, 0)).not.toThrow();
    run(0, 0);
    expect([0, 1, 2].map((unit) => scan.position(unit, 0))).toEqual([-1, -1, -1]);
  });

  test('rows are packed to the nearest half of the next power of two', () => {
    const { exports, memory } = instantiate<{ halve(from: number, count: number, to: number): number }>(wasm);
    reserve(memory, 1 << 16);
    const pack = (row: number[]) => {
      // Padded with zeros to a multiple of four.
      const count = Math.ceil(row.length / 4) * 4;
      const floats = new Float32Array(memory.buffer, 1024, count).fill(0);
      floats.set(row);
      const scale = exports.halve(1024, count, 32768);
      const halves = new Uint16Array(memory.buffer, 32768, row.length).slice();
      return { scale, back: Array.from(unpackRows(halves, Float32Array.of(scale), row.length)) };
    };
    expect(pack([0, 0, -0])).toEqual({ scale: 1, back: [0, 0, -0] });
    expect(pack([1, -1, 0.5, 2 ** -25])).toEqual({ scale: 1, back: [1, -1, 0.5, 0] });
    expect(pack([3, 1, -4])).toEqual({ scale: 4, back: [3, 1, -4] });
    expect(pack([5])).toEqual({ scale: 8, back: [5] });
    // Ties go to the even neighbour: 1 + 2^-11 lies between 1 and 1 + 2^-10.
    expect(pack([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2]).back).toEqual([1, 1 + 2 ** -9, 2]);
    const wild = numbers(4001, 8).map((v, i) => Math.fround((v - 0.5) * 10 ** ((i % 30) - 20)));
    for (const factor of [1, 1e-30, 1e20, 3e-38]) {
      const row = wild.map((v) => Math.fround(v * factor));
      const { scale, back } = pack(row);
      const largest = Math.max(...row.map(Math.abs));
      if (factor !== 3e-38) expect(scale >= largest && scale < 2 * largest).toBe(true);
      row.forEach((v, i) => {
        const bound = Math.max(Math.abs(v) * 2 ** -11, scale * 2 ** -25);
        expect(Math.abs(back[i]! - v)).toBeLessThanOrEqual(bound);
      });
    }
  });
});
