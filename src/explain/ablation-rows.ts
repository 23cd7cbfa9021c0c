import type { Random } from '../base/random.ts';
import type { Predicted } from '../model/edits.ts';
import type { OpenTaps } from '../model/load-model.ts';
import type { TapInput } from '../model/taps.ts';
import { ABLATION_INPUTS, ABLATION_TAPS } from './ablation-edits.ts';
import type { FiringContext, UnitFiring } from './firing-contexts.ts';
import { checkNumber } from './unit-taps.ts';

/** What takes an activation's place: a becomes reference + scale · (a − reference). */
export interface Replacement {
  /** 0 ablates; −1 turns the sign around, 10 is strong steering. */
  readonly scale: number;
  /** 0, or the unit's mean. */
  readonly reference: number;
}

/** The copies of a context that run together: the clean one, then each variant of the change. */
export const VARIANTS = ['feature', 'whole', 'elsewhere'] as const;
export const COPIES = 1 + VARIANTS.length;

/** A context as the graph of the ablation takes it, with what is measured of it. */
export interface AblationRow extends TapInput {
  readonly context: FiringContext;
  readonly feature: number;
  /** The feature's strongest firing in the context: effects are those on what is predicted there. */
  readonly peak: UnitFiring;
  /** The position at which the same change is made in the last variant; −1: there is none. */
  readonly elsewhere: number;
}

/** What was measured of one row. */
export interface MeasuredRow {
  readonly row: AblationRow;
  /** By variant: KL(clean ‖ variant) of the token that is predicted at the change. */
  readonly divergence: Readonly<Record<(typeof VARIANTS)[number], number>>;
  /** Likewise, by how much its −log p grows; null where the context ends before that token. */
  readonly loss: Readonly<Record<(typeof VARIANTS)[number], number>> | null;
  /** Sums of KL over the context's text: of the feature's variant, and of the whole unit's. */
  readonly total: { readonly feature: number; readonly whole: number };
  /** log p of every token that is predicted at the peak, clean and where the feature is changed. */
  readonly clean: Float32Array;
  readonly changed: Float32Array;
}

/** One row for each context and feature that fires in it (or for one feature alone). */
export function ablationRows(
  contexts: readonly FiringContext[],
  index: number,
  replacement: Replacement,
  random: Random,
  only?: number,
): AblationRow[] {
  return contexts.flatMap((context) => {
    const features = new Set(context.firings.map(({ feature }) => feature));
    return [...features]
      .filter((feature) => feature !== null && (only === undefined || feature === only))
      .sort((a, b) => a! - b!)
      .map((feature) => ablationRow(context, feature!, index, replacement, random));
  });
}

function ablationRow(
  context: FiringContext,
  feature: number,
  index: number,
  { scale, reference }: Replacement,
  random: Random,
): AblationRow {
  const { tokens, text, activations, firings } = context;
  const { length } = tokens;
  const own = firings.filter((firing) => firing.feature === feature);
  const peak = own.reduce((a, b) => (Math.abs(b.activation) > Math.abs(a.activation) ? b : a));
  const fired = new Set(firings.map(({ position }) => position));
  const free = [...text.keys()].filter((t) => text[t] === 1 && !fired.has(t));
  const elsewhere = free.length === 0 ? -1 : free[random.integer(free.length)]!;

  const input = (): Float32Array => new Float32Array(COPIES * length);
  const [unit, factor, shift, read] = [input().fill(index), input().fill(1), input(), input()];
  const change = (copy: number, t: number): void => {
    factor[copy * length + t] = scale;
    shift[copy * length + t] = (1 - scale) * reference;
  };
  for (const { position } of own) change(1, position);
  for (let t = 0; t < length; t++) if (text[t] === 1) change(2, t);
  if (elsewhere >= 0) shift[3 * length + elsewhere] = (scale - 1) * (activations[peak.position]! - reference);
  for (let copy = 0; copy < COPIES; copy++) read[copy * length + peak.position] = 1;
  const { unit: unitName, factor: factorName, shift: shiftName, read: readName } = ABLATION_INPUTS;
  const inputs = { [unitName]: unit, [factorName]: factor, [shiftName]: shift, [readName]: read };
  return { tokens, inputs, context, feature, peak, elsewhere };
}

/** Runs rows through the graph of the ablation. */
export async function* measureRows(
  taps: OpenTaps,
  rows: readonly AblationRow[],
  {
    predicted,
    ...options
  }: { readonly tokens: number; readonly predicted: Predicted; readonly signal?: AbortSignal },
): AsyncGenerator<MeasuredRow> {
  const { divergence: divergenceTap, loss: lossTap, next: nextTap } = ABLATION_TAPS;
  for await (const block of taps.stream(rows, { ...options, copies: COPIES })) {
    const { contexts, length } = block;
    const [divergences, losses, next] = [divergenceTap, lossTap, nextTap].map((tap) => block.taps[tap]!.data);
    const vocabulary = next!.length / (COPIES * contexts.length);
    const logp = (copy: number, row: number): Float32Array => {
      const at = (copy * contexts.length + row) * vocabulary;
      return next!.slice(at, at + vocabulary);
    };
    for (const [i, row] of contexts.entries()) {
      const { tokens, peak, elsewhere, context } = row;
      const at = (t: number): number => i * length + t;
      const kl = (variant: number, t: number): number =>
        checkNumber(divergences![at(t) * VARIANTS.length + variant]!, 'a divergence');
      const grown = (copy: number, t: number): number =>
        losses![copy * contexts.length * length + at(t)]! - losses![at(t)]!;
      const places = [peak.position, peak.position, elsewhere];
      const byVariant = (value: (variant: number, t: number) => number) =>
        Object.fromEntries(
          VARIANTS.map((name, v) => [name, places[v]! < 0 ? Number.NaN : value(v, places[v]!)]),
        ) as Record<(typeof VARIANTS)[number], number>;
      const total = { feature: 0, whole: 0 };
      context.text.forEach((isText, t) => {
        if (isText === 0) return;
        total.feature += kl(0, t);
        total.whole += kl(1, t);
      });
      const ends = places.map((t) => predicted === 'next' && t + 1 >= tokens.length);
      yield {
        row,
        divergence: byVariant(kl),
        loss: ends[0] ? null : byVariant((v, t) => (ends[v] ? Number.NaN : grown(v + 1, t))),
        total,
        clean: logp(0, i),
        changed: logp(1, i),
      };
    }
  }
}
