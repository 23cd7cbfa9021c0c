import type { LongCall } from '../base/progress.ts';
import { createRandom } from '../base/random.ts';
import { ABLATION_INPUTS, ABLATION_TAPS, controlEdits } from './ablation-edits.ts';
import type { ExplainedUnits } from './explained.ts';
import { meanOf } from './statistics.ts';
import type { UnitFigures } from './unit-reader.ts';
import { seenAt } from './unit-taps.ts';

/** Units that a unit is compared with, and how far their density should be from its own. */
const UNITS = 20;
const NEAR = 0.2;

/**
 * Other units of a bank that fire about as often: 20 drawn at random of those whose density is within ±20 %; where there
 * are fewer, those nearest in density make up the number.
 */
export function controlUnits(units: readonly UnitFigures[], index: number, seed: number): UnitFigures[] {
  const own = units.find((unit) => unit.index === index)!.density ?? 0;
  const distance = ({ density }: UnitFigures): number => Math.abs((density ?? 0) - own);
  const others = units.filter((unit) => unit.index !== index && unit.examples > 0);
  const alike = others.filter((unit) => distance(unit) <= NEAR * own);
  const rest = others.filter((unit) => !alike.includes(unit));
  rest.sort((a, b) => distance(a) - distance(b) || a.index - b.index);
  const chosen = [...createRandom(seed).shuffle(alike), ...rest].slice(0, UNITS);
  return chosen.sort((a, b) => a.index - b.index);
}

export interface ControlOptions extends LongCall {
  readonly bank: string;
  readonly units: readonly UnitFigures[];
  readonly scale: number;
  /** Whether activations are moved towards each unit's mean, not 0. */
  readonly isMean: boolean;
  /** Contexts of each unit. */
  readonly contexts: number;
  readonly tokens: number;
}

/**
 * The mean KL of other units, in their order: each is changed at every text position of contexts of its own examples, and
 * the KL of what is predicted at its peak is measured, as for the unit itself.
 */
export async function controlEffects(
  explained: ExplainedUnits,
  { bank: name, units, scale, isMean, contexts, tokens, onProgress, signal }: ControlOptions,
): Promise<number[]> {
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  const { specialIds } = model.tokenizer;
  const found = await Promise.all(units.map(({ index }) => explained.units.examples({ bank: name, index })));
  const rows = units.flatMap((unit, at) => {
    const reference = isMean ? (unit.mean ?? 0) : 0;
    return found[at]!.examples.slice(0, contexts).map(({ tokens: all, position }) => {
      const ids = seenAt(all, position, model.config);
      const { length } = ids;
      const input = (): Float32Array => new Float32Array(2 * length);
      const [factor, shift, read] = [input().fill(1), input(), input()];
      for (const copy of [0, 1]) read[copy * length + position] = 1;
      ids.forEach((id, t) => {
        if (specialIds.has(id)) return;
        factor[length + t] = scale;
        shift[length + t] = (1 - scale) * reference;
      });
      const inputs = {
        [ABLATION_INPUTS.unit]: input().fill(unit.index),
        [ABLATION_INPUTS.factor]: factor,
        [ABLATION_INPUTS.shift]: shift,
        [ABLATION_INPUTS.read]: read,
      };
      return { tokens: ids, inputs, at };
    });
  });
  rows.sort((a, b) => a.tokens.length - b.tokens.length);
  const kls = units.map((): number[] => []);
  const taps = model.openTaps([ABLATION_TAPS.divergence], controlEdits(bank, model.config));
  let done = 0;
  try {
    for await (const block of taps.stream(rows, { tokens, copies: 2, signal })) {
      const { data } = block.taps[ABLATION_TAPS.divergence]!;
      block.contexts.forEach(({ at }, i) => {
        kls[at]!.push(data[i]!);
      });
      done += block.contexts.length;
      onProgress?.({ stage: 'control units', done, total: rows.length, unit: 'contexts' });
    }
  } finally {
    await taps.close();
  }
  return kls.map(meanOf);
}
