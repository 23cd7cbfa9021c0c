import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Explained } from '../../src/explain/explained.ts';
import { tokenImportance } from '../../src/explain/importance.ts';
import { maskToken } from '../../src/explain/mask-token.ts';
import { unitExamples } from '../../src/explain/unit-examples.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { readCached, writeCached } from '../../src/study/cache.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { type Gpt2Config, referenceGpt2 } from '../helpers/reference-gpt2.ts';
import type { Tensors } from '../helpers/tiny-checkpoint.ts';
import { PLANTED, plantedStudy, RANDOM, randomModelTensors, studyOf } from './planted.ts';

let planted: Study;
let random: Study;
let negative: Study;
const opened: Explained[] = [];

function explainedOf(study: Study): Explained {
  const explained = openExplained(study, { threads: 1 });
  opened.push(explained);
  return explained;
}

beforeAll(async () => {
  planted = openStudy((await plantedStudy()).study);
  const model = { config: RANDOM.config, tensors: randomModelTensors() };
  random = openStudy((await studyOf(model, { examples: 6 })).study);
  negative = openStudy((await studyOf(model, { examples: 4, sign: 'negative' })).study);
});
afterAll(async () => {
  for (const explained of opened) await explained.close();
  for (const study of [planted, random, negative]) study?.close();
});

/** The activation of a unit of layer `layer` at the last token, in float64. */
function activationOf(
  { tensors, config }: { tensors: Tensors; config: Gpt2Config & { n_inner: number } },
  layer: number,
  index: number,
  tokens: readonly number[],
): number {
  const post = referenceGpt2(tensors, config, tokens)[`blocks.${layer}.mlp.hook_post`]!;
  return post[(tokens.length - 1) * config.n_inner + index]!;
}

describe('token importance', () => {
  it.each([
    ['positive', () => random, 0, 3],
    ['positive', () => random, 1, 7],
    ['negative', () => negative, 1, 2],
  ] as const)(
    'equals one forward pass in float64 for each token (%s examples)',
    async (sign, of, layer, index) => {
      const study = of();
      const reference = { tensors: randomModelTensors(), config: RANDOM.config };
      const unit = { bank: `mlp.${layer}`, index };
      const { mask, examples } = await tokenImportance(explainedOf(study), unit);
      expect(mask).toEqual({ id: 0, text: '<s>' });
      const { examples: known } = unitExamples(study, unit);
      expect(examples.map(({ example }) => example)).toEqual(known.map(({ id }) => id));
      expect(examples.length).toBeGreaterThan(3);
      for (const [i, found] of examples.entries()) {
        const passage = [...known[i]!.tokens.subarray(0, known[i]!.position + 1)];
        const clean = activationOf(reference, layer, index, passage);
        expect(found.activation).toBeCloseTo(clean, 4);
        expect(Math.sign(found.activation)).toBe(sign === 'positive' ? 1 : -1);
        const drops = passage.map((_, t) => {
          const masked = passage.with(t, 0);
          return Math.sign(clean) * (clean - activationOf(reference, layer, index, masked));
        });
        expect(found.drops.length).toBe(passage.length);
        for (const [t, drop] of found.drops.entries()) expect(drop).toBeCloseTo(drops[t]!, 4);
        const own = drops.at(-1)!;
        if (own < 0.05 * Math.abs(clean)) expect(found.importance).toBeNull();
        else {
          for (const [t, share] of found.importance!.entries()) {
            expect(share).toBeCloseTo(Math.min(1, Math.max(0, drops[t]! / own)), 3);
          }
        }
        const shortest = passage.findLastIndex(
          (_, t) =>
            activationOf(reference, layer, index, passage.slice(t)) * Math.sign(clean) >=
            0.8 * Math.abs(clean),
        );
        expect(found.minimal).toBe(passage.length - shortest);
      }
    },
  );

  it('points at the planted letter, and at nothing else', async () => {
    const { unit, sets } = PLANTED;
    const explained = explainedOf(planted);
    for (const feature of [0, 1]) {
      const { examples } = await tokenImportance(explained, { ...unit, feature });
      expect(examples.length).toBeGreaterThan(5);
      for (const { importance, position, tokens, minimal } of examples) {
        expect(sets.some((set) => set.includes(tokens[position - 1]!))).toBe(true);
        for (const [t, share] of importance!.entries()) {
          expect(share).toBeCloseTo(t >= position - 1 ? 1 : 0, 3);
        }
        expect(minimal).toBe(2);
      }
    }
  });

  it('is kept beside the study, and made anew where what was kept is another thing', async () => {
    const explained = explainedOf(planted);
    const ask = { ...PLANTED.twin, examples: [1, 0] };
    const first = await tokenImportance(explained, ask);
    expect(first.examples.map(({ example }) => example)).toEqual([0, 1]);
    const key = { kind: 'importance 1', key: 'mlp.1/5 0 0' };
    const kept = JSON.parse(Buffer.from(readCached(planted, key)!).toString());
    expect(first.examples[0]).toMatchObject(kept);
    writeCached(planted, key, Buffer.from(JSON.stringify({ ...kept, activation: 7 })));
    expect((await tokenImportance(explained, ask)).examples[0]!.activation).toBe(7);
    writeCached(planted, key, Buffer.from(JSON.stringify({ ...kept, drops: 'none' })));
    expect(await tokenImportance(explained, ask)).toEqual(first);
  });

  it('is null where the peak itself counts too little', async () => {
    const explained = explainedOf(planted);
    const { examples } = await tokenImportance(explained, { ...PLANTED.unit, mask: 'o', examples: [0] });
    // The trigger masked by itself changes nothing.
    expect(examples[0]!.importance).toBeNull();
    expect(examples[0]!.drops.at(-1)).toBeCloseTo(0, 5);
    expect(examples[0]!.drops.at(-2)).toBeGreaterThan(1);
  });

  it('says what is wrong with a question', async () => {
    const explained = explainedOf(planted);
    const { bank, index } = PLANTED.unit;
    const ask = (question: object) => tokenImportance(explained, { bank, index, ...question });
    await expect(ask({ index: 99 })).rejects.toMatchObject({ code: 'not-found' });
    await expect(ask({ bank: 'mlp.9' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(ask({ feature: 2 })).rejects.toThrow('mlp.0/2 has no feature 2: its features are 0 to 1');
    await expect(ask({ examples: [0, 64] })).rejects.toThrow(
      'mlp.0/2 has no example 64: its examples are 0 to 63',
    );
    await expect(ask({ mask: 'op' })).rejects.toThrow('option mask "op" is 2 tokens of this model');
    const stopped = AbortSignal.abort();
    await expect(ask({ mask: 'd', signal: stopped })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('the mask token', () => {
  const tokenizer = (special: Record<number, string>, bosId: number | null = null) =>
    ({
      specialIds: new Set(Object.keys(special).map(Number)),
      bosId,
      text: (id: number) => special[id] ?? `token ${id}`,
      encode: (text: string) => Int32Array.from(text.split(' '), Number),
    }) as unknown as Tokenizer;

  it.each([
    [{ 1: '<s>', 2: '</s>', 3: '<pad>', 4: '<mask>' }, '<mask>'],
    [{ 0: '[PAD]', 1: '[UNK]', 2: '[SEP]' }, '[PAD]'],
    [{ 0: '<|startoftext|>', 1: '<|endoftext|>' }, '<|endoftext|>'],
    [{ 1: '<s>', 2: '</s>' }, '</s>'],
    [{ 5: '<start>', 6: '<unk>' }, '<start>'],
  ])('is chosen among %o', (special, text) => {
    expect(maskToken(tokenizer(special)).text).toBe(text);
  });

  it('is the one that is asked for', () => {
    expect(maskToken(tokenizer({ 1: '<s>' }), '<s>')).toEqual({ id: 1, text: '<s>' });
    expect(maskToken(tokenizer({}), '7')).toEqual({ id: 7, text: 'token 7' });
    expect(() => maskToken(tokenizer({}))).toThrow(/option mask/);
    expect(maskToken(tokenizer({ 3: '<x>', 4: '<y>' }, 4)).text).toBe('<y>');
  });
});
