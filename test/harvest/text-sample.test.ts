import { expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { SAMPLE_POSITIONS, SAMPLE_REACH, sampledTexts, TextSampler } from '../../src/harvest/text-sample.ts';

const random = createRandom(3);
const contexts = Array.from({ length: 120 }, (_, id) => ({
  id,
  tokens: Int32Array.from({ length: 5 + random.integer(60) }, () => random.integer(500)),
}));
/** Every tenth token is no text. */
const textOf = (tokens: Int32Array): Uint8Array =>
  Uint8Array.from(tokens, (token) => (token % 10 === 0 ? 0 : 1));

function drawn(order: readonly number[], seed = 1, sampler = new TextSampler(seed)) {
  for (const i of order) sampler.offer(contexts[i]!.id, contexts[i]!.tokens, textOf(contexts[i]!.tokens));
  return sampler;
}

test('the same positions whatever the order of contexts, and whenever it is stopped and goes on', () => {
  const order = [...contexts.keys()];
  const sample = drawn(order).sample();
  expect(sample.position).toHaveLength(SAMPLE_POSITIONS);
  expect(drawn(random.shuffle([...order])).sample()).toEqual(sample);
  const half = drawn(order.slice(0, 50));
  const state = Object.fromEntries(
    Object.entries(half.state()).map(([name, array]) => [name, array.slice()]),
  );
  expect(drawn(order.slice(50), 1, new TextSampler(1, state)).sample()).toEqual(sample);
  expect(drawn(order, 2).sample().tokens).not.toEqual(sample.tokens);
});

test('text positions alone, with the tokens around them; fewer where there are fewer', () => {
  const { offset, tokens, position } = drawn([...contexts.keys()]).sample();
  position.forEach((at, i) => {
    const window = tokens.subarray(offset[i]!, offset[i + 1]!);
    expect(window[at]! % 10).not.toBe(0);
    expect(at).toBeLessThanOrEqual(SAMPLE_REACH);
    expect(contexts.some((one) => ` ${one.tokens.join(' ')} `.includes(` ${window.join(' ')} `))).toBe(true);
  });
  const few = drawn([0]).sample();
  expect(few.position).toHaveLength(textOf(contexts[0]!.tokens).reduce((sum, is) => sum + is, 0));
  const [first] = sampledTexts(few, (id) => ` ${id}`);
  expect(first!.texts[first!.position]).toBe(` ${few.tokens[few.position[0]!]}`);
  expect([...sampledTexts(new TextSampler(1).sample(), String)]).toEqual([]);
});
