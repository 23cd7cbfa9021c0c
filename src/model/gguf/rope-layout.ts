import { PolysemeError } from '../../errors.ts';
import type { RopeLayout } from './plan.ts';

export const ROPE_LAYOUTS = ['auto', 'interleaved', 'half'] as const;
export type RopeLayoutOption = (typeof ROPE_LAYOUTS)[number];

/** Mean loss per token (nats) of the two ways to read one file. */
export type LayoutLosses = Readonly<Record<RopeLayout, number>>;

/** Losses that are nearer than this (nats) tell nothing: a model that knows positions loses more by the wrong one. */
const LEAST_DIFFERENCE = 0.02;

/**
 * The layout of Q and K under which the model reads a text better.
 *
 * @throws PolysemeError where the losses hardly differ, or are no numbers
 */
export function chooseLayout(label: string, losses: LayoutLosses): RopeLayout {
  const { interleaved, half } = losses;
  if (Math.abs(interleaved - half) >= LEAST_DIFFERENCE) return interleaved < half ? 'interleaved' : 'half';
  throw new PolysemeError(
    `${label} does not say how its rotary positions lie, and both ways read the text alike ` +
      `(${describeLosses(losses)}): choose with --rope-layout (interleaved: files of llama.cpp's converter from Hugging Face; half: Mistral's own)`,
  );
}

/** `3.41 nats a token interleaved, 6.02 half`. */
export function describeLosses({ interleaved, half }: LayoutLosses): string {
  return `${interleaved.toFixed(3)} nats a token interleaved, ${half.toFixed(3)} half`;
}
