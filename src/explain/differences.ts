import type { LongCall } from '../base/progress.ts';
import { quantiles } from '../compare/bootstrap.ts';
import type { ExplainedUnits } from './explained.ts';
import { checkNumber, readUnits, seenAt, UNIT_TAP, unitInput } from './unit-taps.ts';

/** How far a model's activations are from those that a study has, relative to the latter. */
export interface ActivationDifferences {
  /** Examples at whose peaks they were compared. */
  readonly examples: number;
  readonly median: number;
  readonly largest: number;
}

/**
 * Compares a model that runs elsewhere or otherwise than the study's did with what the study has: the activations at the peaks
 * of about `count` examples, the strongest and a middle one of units spread over the banks.
 */
export async function activationDifferences(
  explained: ExplainedUnits,
  banks: readonly string[],
  count: number,
  { onProgress, signal }: LongCall = {},
): Promise<ActivationDifferences> {
  const found: number[] = [];
  const wanted = Math.ceil(count / (2 * banks.length));
  for (const name of banks) {
    const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
    const alive = (await explained.units.units(name)).filter(({ examples }) => examples > 0);
    const step = Math.max(1, Math.floor(alive.length / wanted));
    const rows = [];
    for (const { index, examples } of alive.filter((_, i) => i % step === 0).slice(0, wanted)) {
      const asked = [...new Set([0, Math.floor(examples / 2)])];
      for (const example of (await explained.units.examples({ bank: name, index }, asked)).examples) {
        const tokens = seenAt(example.tokens, example.position, model.config);
        rows.push({ ...unitInput(tokens, index), ...example, tokens });
      }
    }
    const taps = model.openTaps([UNIT_TAP], [readUnits(bank)]);
    try {
      for await (const { contexts, length, taps: values } of taps.stream(rows, { signal })) {
        contexts.forEach(({ position, activation }, i) => {
          const value = checkNumber(
            values[UNIT_TAP]!.data[i * length + position]!,
            `an activation of ${name}`,
          );
          found.push(Math.abs(value - activation) / Math.abs(activation));
        });
        onProgress?.({ stage: 'compare', done: found.length, total: count, unit: 'examples' });
      }
    } finally {
      await taps.close();
    }
  }
  const { median, max } = quantiles(Float64Array.from(found));
  return { examples: found.length, median: median ?? 0, largest: max ?? 0 };
}
