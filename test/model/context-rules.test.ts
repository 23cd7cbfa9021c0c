import { expect, it } from 'vitest';
import { beginsWithBos } from '../../src/model/context-rules.ts';

it('contexts begin with BOS as asked, as the SAE was made, or as the tokenizer does', () => {
  const tokenizer = (addsBos: boolean) => ({ addsBos, bosId: 1, frame: null });
  expect(beginsWithBos('yes', tokenizer(false), false)).toBe(true);
  expect(beginsWithBos('no', tokenizer(true), true)).toBe(false);
  expect(beginsWithBos('auto', tokenizer(false), true)).toBe(true);
  expect(beginsWithBos('auto', tokenizer(true))).toBe(true);
  expect(beginsWithBos(undefined, tokenizer(false))).toBe(false);
});

it('an encoder’s never do: asked for, it is refused in one line', () => {
  const encoder = { addsBos: false, bosId: null, frame: { before: [2], after: [3] } };
  for (const asked of ['auto', 'no', undefined] as const) {
    expect(beginsWithBos(asked, encoder, true)).toBe(false);
  }
  expect(() => beginsWithBos('yes', encoder)).toThrow(
    /^contexts cannot begin with BOS: the model is an encoder, .*; choose option bos auto$/,
  );
});
