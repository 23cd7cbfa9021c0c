import { describe, expect, it } from 'vitest';
import { findUnits, MAX_KEYS, parseKeys } from '../../src/explain/unit-keys.ts';

const WHAT = 'keys.json';
const bank = (name: string, site: string, kind = 'mlp') => ({ name, kind, site, units: 10, width: 4 });
const banks = [
  bank('mlp.0', 'blocks.0.mlp.hook_in'),
  bank('mlp.1', 'blocks.1.mlp.hook_in'),
  bank('sae/a', 'blocks.1.hook_resid_post', 'sae'),
  bank('sae/b', 'blocks.2.hook_resid_post', 'sae'),
  bank('sae/c', 'blocks.2.hook_resid_post', 'sae'),
  bank('sae/d', 'blocks.3.hook_resid_post', 'sae'),
];

describe('parseKeys', () => {
  it('reads lists, and objects with one, and leaves other fields out', () => {
    const key = { layer: 3, unit: 7, sign: -1, position: 0 };
    const list = JSON.stringify([{ ...key, influence: 0.5 }]);
    expect(parseKeys(list, WHAT)).toEqual([key]);
    expect(parseKeys(`{"model":"x","keys":${list}}`, WHAT)).toEqual([key]);
    expect(parseKeys(`{"tokens":[],"firings":${list}}`, WHAT)).toEqual([key]);
    expect(parseKeys('[]', WHAT)).toEqual([]);
  });

  it('takes numbers as texts, and signs in words', () => {
    const read = (sign: unknown) =>
      parseKeys(JSON.stringify([{ layer: '3', unit: '7', position: '12', sign }]), WHAT)[0]!;
    expect(read(undefined)).toEqual({ layer: 3, unit: 7, position: 12 });
    expect(['+', '-', '1', '-1', 'positive', 'negative'].map((sign) => read(sign).sign)).toEqual([
      1, -1, 1, -1, 1, -1,
    ]);
  });

  it.each([
    ['no JSON', '{', /^keys\.json is no JSON: /],
    ['no list', '{"nodes": []}', /^keys\.json holds no list of keys \{layer, unit, sign, position\}/],
    ['nothing', 'null', /holds no list of keys/],
    ['too many', JSON.stringify(Array(MAX_KEYS + 1).fill(0)), /holds 100001 keys; at most 100000 are read/],
    ['a key that is none', '[null]', /^keys\.json: key 0 is wrong: it is undefined/],
    ['no unit', '[{"layer":0,"position":1}]', /key 0 is wrong: unit is undefined/],
    ['a negative position', '[{"layer":0,"unit":1,"position":-1}]', /key 0 is wrong: position is -1/],
    ['a fraction', '[{"layer":0.5,"unit":1,"position":1}]', /key 0 is wrong: layer is 0\.5/],
    ['an infinite unit', '[{"layer":0,"unit":1e999,"position":1}]', /key 0 is wrong: unit is null/],
    ['a sign that is none', '[{"unit":1,"position":1,"sign":0}]', /key 0 is wrong: sign is 0/],
    ['a long value', `[{"unit":"${'9'.repeat(5000)}","position":1}]`, /^.{0,200}$/],
  ])('refuses %s', (_, json, message) => {
    expect(() => parseKeys(json, WHAT)).toThrow(message);
  });
});

describe('findUnits', () => {
  const find = (key: object) => findUnits([{ unit: 7, position: 2, ...key }], { banks })[0];

  it('takes the bank that is named, or the one of the layer, its neurons first', () => {
    expect(find({ bank: 'sae/a' })).toEqual({ bank: 'sae/a', index: 7, position: 2 });
    expect(find({ layer: 1 })?.bank).toBe('mlp.1');
    expect(find({ layer: 3 })?.bank).toBe('sae/d');
  });

  it.each([
    [{}, /^key 0 has neither layer nor bank/],
    [{ layer: 2 }, /^key 0: layer 2 has sae\/b and sae\/c: name one of them as its bank$/],
    [{ layer: 9 }, /^key 0: the study has no bank of layer 9 \(it has mlp\.0 at blocks\.0\.mlp\.hook_in, /],
    [{ bank: 'mlp.7' }, /^key 0: the study has no bank mlp\.7/],
  ])('%o is an error', (key, message) => {
    expect(() => find(key)).toThrow(message);
  });
});
