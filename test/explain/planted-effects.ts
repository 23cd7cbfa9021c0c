import type { Tensors } from '../helpers/tiny-checkpoint.ts';
import { letterId, PLANTED, plantedTensors } from './planted.ts';

/**
 * The planted model, in which later neurons make two things of what the unit writes. The unit `mlp.0/2` writes one
 * direction that reaches no logit; a neuron of layer 1 turns it into `p` after a letter of the first set, another one
 * into `q` after the second. The unit `mlp.0/3` fires at the same places for the same reasons, and raises `r` at all of
 * them. The other units of layer 0 each raise and lower some letters, whatever stands before.
 */
export const EFFECTS = {
  two: PLANTED.unit,
  one: { bank: 'mlp.0', index: 3 },
} as const;

/** Pairs of dimensions that nothing else uses. */
const [BEFORE, P, Q, GO] = [6, 8, 9, 13];
const R = 12;

export function effectTensors(): Tensors {
  const { config, continuations } = PLANTED;
  const { n_embd: d, n_inner: inner } = config;
  const tensors = plantedTensors();
  const data = (name: string): Float64Array => tensors[name]!.data;
  const pair = (row: Float64Array, at: number, value: number): void => {
    row[2 * at] = value;
    row[2 * at + 1] = -value;
  };
  const head = (letter: string): Float64Array =>
    data('lm_head.weight').subarray(letterId(letter) * d, (letterId(letter) + 1) * d);
  const out = (layer: number, index: number): Float64Array =>
    data(`h.${layer}.mlp.c_proj.weight`).subarray(index * d, (index + 1) * d);
  const copyUnit = (from: number, to: number): void => {
    const up = data('h.0.mlp.c_fc.weight');
    for (let k = 0; k < d; k++) up[k * inner + to] = up[k * inner + from]!;
    const bias = data('h.0.mlp.c_fc.bias');
    bias[to] = bias[from]!;
  };
  copyUnit(EFFECTS.two.index, EFFECTS.one.index);

  for (let index = 0; index < inner; index++) {
    const row = out(0, index).fill(0);
    if (index === EFFECTS.two.index) pair(row, GO, 0.25);
    else if (index === EFFECTS.one.index) pair(row, R, 0.25);
    else {
      pair(row, 14, 0.1 * Math.cos(index));
      pair(row, 15, 0.1 * Math.sin(index));
    }
  }
  // What the head reads: the two letters, r, and of some others what the rest of the units write.
  data('lm_head.weight').fill(0);
  continuations.forEach((letter, set) => {
    pair(head(letter), P + set, 2);
  });
  pair(head('r'), R, 2);
  [...'defghijk'].forEach((letter, i) => {
    pair(head(letter), 14, Math.cos((i * Math.PI) / 4));
    pair(head(letter), 15, Math.sin((i * Math.PI) / 4));
  });
  // The two neurons that read the unit and the letter before.
  const up = data('h.1.mlp.c_fc.weight');
  const bias = data('h.1.mlp.c_fc.bias');
  for (const [set, index] of [6, 7].entries()) {
    for (let k = 0; k < d; k++) up[k * inner + index] = 0;
    const reads = (at: number, value: number): void => {
      up[2 * at * inner + index] = value / 2;
      up[(2 * at + 1) * inner + index] = -value / 2;
    };
    reads(BEFORE + set, 3);
    reads(GO, 3);
    bias[index] = -6.5;
    pair(out(1, index).fill(0), set === 0 ? P : Q, 0.5);
  }
  for (const { data: values } of Object.values(tensors)) values.set(values.map(Math.fround));
  return tensors;
}
