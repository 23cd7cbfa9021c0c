import { PolysemeError } from '../../errors.ts';
import type { RopeLayout } from './plan.ts';

export const ROPE_LAYOUTS = ['auto', 'interleaved', 'half'] as const satisfies readonly RopeLayoutOption[];
export type RopeLayoutOption = 'auto' | 'interleaved' | 'half';

/** Mean loss per token (nats) of the two ways to read one file. */
export type LayoutLosses = Readonly<Record<RopeLayout, number>>;

/** Losses that are nearer than this (nats) tell nothing: a model that knows positions loses more by the wrong one. */
const LEAST_DIFFERENCE = 0.02;
/** Nor do losses over this share of that of a guess: the model does not read such text either way. */
const MOST_OF_GUESS = 0.9;

/**
 * The layout of Q and K under which the model reads a text better.
 *
 * @param vocabulary number of tokens
 * @throws PolysemeError where the losses hardly differ, are those of guesses, or are no numbers
 */
export function chooseLayout(label: string, losses: LayoutLosses, vocabulary: number): RopeLayout {
  const { interleaved, half } = losses;
  const isReading = Math.min(interleaved, half) <= MOST_OF_GUESS * Math.log(vocabulary);
  if (isReading && Math.abs(interleaved - half) >= LEAST_DIFFERENCE)
    return interleaved < half ? 'interleaved' : 'half';
  throw new PolysemeError(
    `${label} does not say how its rotary positions lie, and neither way reads the text better ` +
      `(${describeLosses(losses)}): choose with --rope-layout (interleaved: files of llama.cpp's converter from Hugging Face; half: Mistral's own)`,
  );
}

/** `3.41 nats a token interleaved, 6.02 half`. */
export function describeLosses({ interleaved, half }: LayoutLosses): string {
  return `${interleaved.toFixed(3)} nats a token interleaved, ${half.toFixed(3)} half`;
}
