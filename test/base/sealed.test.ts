import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { sealed, sealedJson, unsealed, unsealedJson } from '../../src/base/sealed.ts';

test('bytes: the SHA-256 behind them, and every change of a bit is noticed', () => {
  const pieces = [Buffer.from('ab'), Buffer.from('c')];
  const whole = Buffer.concat(sealed(pieces));
  expect(whole.subarray(3)).toEqual(createHash('sha256').update('abc').digest());
  expect(Buffer.from(unsealed(whole)).toString()).toBe('abc');
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const changed = Buffer.from(whole);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => unsealed(changed)).toThrow(/SHA-256 differs/);
  }
  expect(() => unsealed(Buffer.alloc(5))).toThrow();
});

test('JSON: white space may change, a value may not', () => {
  const value = { version: 2, nested: { list: [1, 2.5, null, 'é'] } };
  const text = sealedJson(value);
  expect(unsealedJson(text)).toEqual(value);
  expect(unsealedJson(JSON.stringify(JSON.parse(text)))).toEqual(value);
  expect(() => unsealedJson(text.replace('2.5', '2.6'))).toThrow(/SHA-256 differs/);
  expect(() => unsealedJson('{"version":2}')).toThrow(/has no SHA-256/);
});
