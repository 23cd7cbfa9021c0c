import type { ExplainedUnits } from './explained.ts';
import { placeInput } from './place.ts';
import { relativeTo } from './probed-bank.ts';
import { readUnits, UNIT_TAP, unitInput } from './unit-taps.ts';

/** A text position at which a unit fires. */
export interface UnitFiring {
  readonly position: number;
  readonly activation: number;
  /** The feature that it belongs to; null where it is too far from all. */
  readonly feature: number | null;
}

/** A context in which a unit fires. */
export interface FiringContext {
  readonly tokens: Int32Array;
  /** 1 where a position is text. */
  readonly text: Uint8Array;
  /** The unit's activation at every position. */
  readonly activations: Float32Array;
  /** By position. */
  readonly firings: readonly UnitFiring[];
}

/** Contexts of the study that are looked through for each one that is still wanted, where a unit's own do not suffice. */
const LOOKED_THROUGH = 4;

/**
 * Contexts in which a unit fires with one of its features: those of its examples, by rank, then others of the study's
 * contexts, those first in which it fires most. At most `most` in all.
 */
export async function firingContexts(
  explained: ExplainedUnits,
  bank: string,
  index: number,
  most: number,
  signal?: AbortSignal,
): Promise<FiringContext[]> {
  const { examples } = await explained.units.examples({ bank, index });
  const own = new Map(examples.map(({ context, tokens }) => [context, tokens]));
  const fires = await firingFinder(explained, bank, index, signal);
  const found = (await fires([...own.values()].slice(0, most))).filter(hasFeature);
  const wanted = most - found.length;
  if (wanted <= 0 || own.size >= most) return found;
  const known = new Set(Array.from(own.values(), String));
  const sample = await explained.units.sample(LOOKED_THROUGH * wanted + known.size);
  const others = sample.map(({ tokens }) => tokens).filter((tokens) => !known.has(String(tokens)));
  const more = (await fires(others)).filter(hasFeature);
  more.sort((a, b) => strongest(b) - strongest(a));
  return [...found, ...more.slice(0, wanted)];
}

/** Runs contexts and says where a unit fires in them, and with which feature. */
async function firingFinder(
  explained: ExplainedUnits,
  name: string,
  index: number,
  signal: AbortSignal | undefined,
): Promise<(contexts: readonly Int32Array[]) => Promise<FiringContext[]>> {
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  const of = await explained.units.bank(name, bank.units);
  const place = await explained.units.place(name, index);
  const { specialIds } = model.tokenizer;
  return async (contexts) => {
    if (contexts.length === 0) return [];
    const taps = model.openTaps([UNIT_TAP, bank.inputs], [...bank.edits, readUnits(bank)]);
    const found: FiringContext[] = [];
    try {
      const rows = contexts.map((tokens) => unitInput(tokens, index));
      for await (const block of taps.stream(rows, { specialIds, signal })) {
        const inputs = block.taps[bank.inputs]!.data;
        block.contexts.forEach(({ tokens }, row) => {
          const at = row * block.length;
          const activations = block.taps[UNIT_TAP]!.data.slice(at, at + tokens.length);
          const text = block.text.slice(at, at + tokens.length);
          const firings: UnitFiring[] = [];
          activations.forEach((activation, position) => {
            if (text[position] === 0 || relativeTo(of.own, index, activation) <= 0) return;
            const from = (at + position) * bank.width;
            const h = inputs.subarray(from, from + bank.width);
            const { feature } = placeInput(place, bank.embedding, h, of.centre);
            firings.push({ position, activation, feature });
          });
          found.push({ tokens, text, activations, firings });
        });
      }
      return found;
    } finally {
      await taps.close();
    }
  };
}

function hasFeature({ firings }: FiringContext): boolean {
  return firings.some(({ feature }) => feature !== null);
}

function strongest({ firings }: FiringContext): number {
  return Math.max(...firings.map(({ activation, feature }) => (feature === null ? 0 : Math.abs(activation))));
}
