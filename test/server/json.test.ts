import { describe, expect, it } from 'vitest';
import { byteCache } from '../../src/answers/byte-cache.ts';
import { Json } from '../../src/answers/wire.ts';
import { toJson, writeFourDigits } from '../../src/server/http/json-writer.ts';

const parsed = (value: unknown): unknown => JSON.parse(toJson(value).toString());

describe('four significant digits', () => {
  const bytes = new Uint8Array(32);
  const written = (value: number): string =>
    Buffer.from(bytes.subarray(0, writeFourDigits(value, bytes, 0))).toString();

  it('writes the shortest form', () => {
    const cases: [number, string][] = [
      [0, '0'],
      [-0, '0'],
      [1, '1'],
      [-2.5, '-2.5'],
      [12.3456, '12.35'],
      [9999.6, '10000'],
      [0.00012345, '0.0001234'],
      [123456, '123500'],
      [1e10, '1e10'],
      [-1.25e-7, '-1.25e-7'],
      [3.4028234663852886e38, '3.403e38'],
      [Number.NaN, 'null'],
      [Number.NEGATIVE_INFINITY, 'null'],
    ];
    for (const [value, text] of cases) expect(written(Math.fround(value))).toBe(text);
  });

  it('rounds every float32 as toPrecision(4) does', () => {
    const float = new Float32Array(1);
    const bits = new Uint32Array(float.buffer);
    let longest = 0;
    for (let i = 0; i < 200_000; i++) {
      bits[0] = Math.imul(i + 1, 0x9e3779b1);
      const value = float[0]!;
      const text = written(value);
      longest = Math.max(longest, text.length);
      if (!Number.isFinite(value)) expect(text).toBe('null');
      // A tie may fall to either side: both are as near.
      else if (Number(text) !== Number(value.toPrecision(4))) {
        const best = Math.abs(Number(value.toPrecision(4)) - value);
        expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(best * (1 + 1e-9));
      }
    }
    expect(longest).toBeLessThanOrEqual(11);
  });
});

describe('toJson', () => {
  it('writes what JSON.stringify writes', () => {
    const value = {
      text: 'a "quoted" \\ line\nwith é, 日本, 👍, \0, \u2028, \ud800 and </script>',
      empty: '',
      none: null,
      left: undefined,
      numbers: [0, -1, 1.5, 1e21, 4294967296, 0.1 + 0.2, -7, 123456789],
      flags: [true, false],
      nested: [{ a: { b: [] } }, {}],
      long: 'x'.repeat(100_000),
      'a key "with" quotes': 'ü'.repeat(300),
    };
    expect(toJson(value).toString()).toBe(JSON.stringify(value));
    expect(toJson('plain').toString()).toBe('"plain"');
  });

  it('takes typed arrays and ready JSON', () => {
    const value = {
      floats: Float32Array.of(1.23456, Number.NaN),
      doubles: Float64Array.of(1 / 3, Number.POSITIVE_INFINITY),
      whole: Int32Array.of(-3, 0, 70_000),
      ready: new Json(['<b>', 1]),
    };
    expect(parsed(value)).toEqual({
      floats: [1.235, null],
      doubles: [1 / 3, null],
      whole: [-3, 0, 70_000],
      ready: ['<b>', 1],
    });
  });

  it('gives each answer bytes of its own', () => {
    const first = toJson('first');
    toJson('other');
    expect(first.toString()).toBe('"first"');
  });
});

describe('byteCache', () => {
  it('forgets what was unused for longest, and takes nothing that is too large', () => {
    const cache = byteCache<string, number>(80);
    for (let i = 0; i < 8; i++) cache.set(`k${i}`, i, { size: 10 });
    expect(cache.get('k0')).toBe(0);
    cache.set('k8', 8, { size: 10 });
    expect(cache.get('k1')).toBeUndefined();
    expect(cache.get('k0')).toBe(0);
    cache.set('large', 1, { size: 11 });
    expect(cache.get('large')).toBeUndefined();
    cache.set('k8', 9, { size: 5 });
    cache.set('k9', 9, { size: 5 });
    expect([cache.get('k2'), cache.get('k8')]).toEqual([2, 9]);
  });
});
