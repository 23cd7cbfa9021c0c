import type { LongCall } from '../base/progress.ts';
import { createRandom } from '../base/random.ts';
import { ABLATION_INPUTS, ABLATION_TAPS, ablationEdits } from './ablation-edits.ts';
import type { Explained } from './explained.ts';
import type { Ablation } from './results.ts';
import { meanOf } from './statistics.ts';
import { unitExamples } from './unit-examples.ts';

/** Units that a unit is compared with, and how far their density may be from its own. */
const UNITS = 20;
const NEAR = 0.2;

export interface ControlOptions extends LongCall {
  readonly bank: string;
  readonly index: number;
  readonly scale: number;
  /** Whether activations are moved towards each unit's mean, not 0. */
  readonly isMean: boolean;
  /** The unit's own effect: mean KL. */
  readonly own: number;
  /** Contexts of each control unit. */
  readonly contexts: number;
  readonly seed: number;
  readonly tokens: number;
}

/**
 * The effect of other units of the bank that fire as often, drawn at random: each is changed at every text position of
 * contexts of its own examples, and the KL of the token after its peak is measured, as for the unit itself. Null where
 * there are no such units.
 */
export async function controlUnits(
  explained: Explained,
  { bank: name, index, scale, isMean, own, contexts, seed, tokens, onProgress, signal }: ControlOptions,
): Promise<Ablation['controls']> {
  const { study } = explained;
  const units = study.units({ bank: name });
  const density = units.find((unit) => unit.index === index)!.density ?? 0;
  const isAlike = (other: number | null): boolean => Math.abs((other ?? 0) - density) <= NEAR * density;
  const alike = units.filter((unit) => unit.index !== index && unit.examples > 0 && isAlike(unit.density));
  const chosen = createRandom(seed).shuffle(alike).slice(0, UNITS);
  if (chosen.length === 0) return null;
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  const { specialIds } = model.tokenizer;
  const rows = chosen.flatMap((unit) => {
    const reference = isMean ? (unit.mean ?? 0) : 0;
    const { examples } = unitExamples(study, { bank: name, index: unit.index });
    return examples.slice(0, contexts).map(({ tokens: ids, position }) => {
      const { length } = ids;
      const input = (): Float32Array => new Float32Array(2 * length);
      const [factor, shift] = [input().fill(1), input()];
      ids.forEach((id, t) => {
        if (specialIds.has(id)) return;
        factor[length + t] = scale;
        shift[length + t] = (1 - scale) * reference;
      });
      const inputs = {
        [ABLATION_INPUTS.unit]: input().fill(unit.index),
        [ABLATION_INPUTS.factor]: factor,
        [ABLATION_INPUTS.shift]: shift,
      };
      return { tokens: ids, inputs, unit: unit.index, position };
    });
  });
  const found = new Map<number, number[]>(chosen.map((unit) => [unit.index, []]));
  const taps = model.openTaps([ABLATION_TAPS.divergence], ablationEdits(bank, 2));
  let done = 0;
  try {
    for await (const block of taps.stream(rows, { tokens, copies: 2, signal })) {
      const { data } = block.taps[ABLATION_TAPS.divergence]!;
      block.contexts.forEach(({ unit, position }, i) => {
        found.get(unit)!.push(data[i * block.length + position]!);
      });
      done += block.contexts.length;
      onProgress?.({ stage: 'control units', done, total: rows.length, unit: 'contexts' });
    }
  } finally {
    await taps.close();
  }
  const effects = Array.from(found, ([unit, kls]) => ({ index: unit, kl: meanOf(kls) }));
  effects.sort((a, b) => a.index - b.index);
  return { units: effects, below: effects.filter(({ kl }) => kl < own).length / effects.length };
}
