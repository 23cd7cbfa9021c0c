import type { LongCall } from '../base/progress.ts';
import type { ModelConfig } from '../model/architectures/architecture.ts';
import { ABLATION_INPUTS, ABLATION_TAPS, standInEdits } from './ablation-edits.ts';
import type { AblationRow, Replacement } from './ablation-rows.ts';
import type { ExplainedUnits } from './explained.ts';
import { changeDirection, FeatureShare } from './feature-share.ts';
import { seenAt } from './unit-taps.ts';

/** A place at which a unit was changed, and what the model predicts then. */
export interface ChangedPlace {
  readonly row: AblationRow;
  /** Its feature's number among those that are compared. */
  readonly label: number;
  /** log p of every token that is predicted at the peak, with the unit changed. */
  readonly changed: Float32Array;
}

export interface StandInOptions extends LongCall {
  readonly bank: string;
  readonly index: number;
  readonly units: readonly number[];
  readonly replacement: Replacement;
  /** Features that are compared. */
  readonly labels: number;
  /** Of each token, its probability summed over all places. */
  readonly expected: Float64Array;
  readonly tokens: number;
}

/**
 * What other units would do in the place of one: where a unit has been changed, each of the others grows by as much in its
 * stead, relative to its own maximum, and the direction of what the model then predicts is measured. Gives of each how
 * much of these directions is told by the features of the first unit, which the others know nothing of: so much the
 * contexts alone make.
 */
export async function standInShares(
  explained: ExplainedUnits,
  places: readonly ChangedPlace[],
  options: StandInOptions,
): Promise<(number | null)[]> {
  const { bank: name, index, units, replacement, labels, expected, tokens, signal, onProgress } = options;
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  const { maxima } = (await explained.units.bank(name, bank.units)).own;
  const amounts = units.map((unit) => maxima[unit]! / maxima[index]!);
  const inputs = places.map((place) => ({
    ...standInInput(place.row, model.config, units, amounts, replacement),
    place,
  }));
  inputs.sort((a, b) => a.tokens.length - b.tokens.length);
  const shares = units.map(() => new FeatureShare(labels, expected.length));
  const taps = model.openTaps([ABLATION_TAPS.next], standInEdits(bank, model.config));
  let done = 0;
  try {
    for await (const block of taps.stream(inputs, { tokens, copies: units.length, signal })) {
      const { data } = block.taps[ABLATION_TAPS.next]!;
      const width = expected.length;
      block.contexts.forEach(({ place: { label, changed } }, i) => {
        shares.forEach((share, unit) => {
          const at = (unit * block.contexts.length + i) * width;
          share.add(label, changeDirection(changed, data.subarray(at, at + width), expected));
        });
      });
      done += block.contexts.length;
      onProgress?.({ stage: 'stand-ins', done, total: places.length, unit: 'contexts' });
    }
  } finally {
    await taps.close();
  }
  return shares.map((share) => share.share());
}

/** What the peak sees of a context, a copy for each other unit. */
function standInInput(
  { tokens: all, inputs, context, feature, peak }: AblationRow,
  config: ModelConfig,
  units: readonly number[],
  amounts: readonly number[],
  { scale, reference }: Replacement,
) {
  const tokens = seenAt(all, peak.position, config);
  const { length } = tokens;
  const input = (): Float32Array => new Float32Array(units.length * length);
  const { unit, factor, shift, read, other, otherShift } = ABLATION_INPUTS;
  const made = {
    [unit]: input(),
    [factor]: input(),
    [shift]: input(),
    [read]: input(),
    [other]: input(),
    [otherShift]: input(),
  };
  units.forEach((index, copy) => {
    const first = copy * length;
    for (const name of [unit, factor, shift]) {
      // The second copy of a row is that in which the feature is changed.
      made[name]!.set(inputs![name]!.subarray(all.length, all.length + length), first);
    }
    made[read]![first + peak.position] = 1;
    made[other]!.fill(index, first, first + length);
    for (const firing of context.firings) {
      if (firing.feature !== feature || firing.position >= length) continue;
      made[otherShift]![first + firing.position] =
        amounts[copy]! * (1 - scale) * (firing.activation - reference);
    }
  });
  return { tokens, inputs: made };
}
