import type { LongCall } from '../base/progress.ts';
import { createRandom } from '../base/random.ts';
import { PolysemeError, UsageError } from '../errors.ts';
import { predictedBy } from '../model/predicted.ts';
import { ABLATION_TAPS, ablationEdits } from './ablation-edits.ts';
import { ablationRows, COPIES, measureRows, type Replacement } from './ablation-rows.ts';
import { controlEffects, controlUnits } from './control-units.ts';
import type { ExplainedUnits } from './explained.ts';
import { type FeatureTest, type Measured, rankOf, testedRows, testFeatures } from './feature-difference.ts';
import { type FiringContext, firingContexts } from './firing-contexts.ts';
import { MOST_CONTEXTS, SCALES, USUAL_CONTEXTS } from './limits.ts';
import { type Ablation, ablationResult, type Effect, type FeatureEffect } from './results.ts';
import { standInShares } from './stand-ins.ts';
import { meanInterval, meanOf } from './statistics.ts';
import { TokenChanges } from './token-changes.ts';
import type { UnitQuestion } from './unit-examples.ts';

/** Tokens of a run, copies counted, and numbers of its log-probabilities: 128 MB. */
const TOKENS_PER_RUN = 2048;
const NUMBERS_PER_RUN = 2 ** 25;
/** Rate of false discoveries at which features are said to differ. */
const DIFFERS_BELOW = 0.05;

export interface AblateOptions extends UnitQuestion, LongCall {
  /** Contexts that are measured, where there are as many; default 100. */
  readonly contexts?: number;
  /** What the activation is multiplied by: 0 (default) ablates, −1 turns it around, up to 10 steers. */
  readonly scale?: number;
  /** What it is moved to at scale 0: zero (default), or the unit's mean activation. */
  readonly to?: 'zero' | 'mean';
  /** Whether units of equal density are measured too: they take most of the time, and without them `differs` is null. */
  readonly controls?: boolean;
  readonly seed?: number;
}

/**
 * The measured effect of a unit and of each of its features: what the model predicts changes where the activation is
 * changed at the positions at which it belongs to the feature.
 *
 * @throws PolysemeError where there is no such unit or feature, it never fires, there is no model, or it predicts nothing
 * @example
 * const study = openStudy('study.db');
 * const explained = openExplained(study);
 * const [unit] = study.units({ sort: 'examples', descending: true, limit: 1 });
 * const { features, differs } = await ablate(explained, { ...unit, contexts: 4 });
 * for (const { feature, kl, lowered } of features) console.log(feature, kl, lowered[0]?.text, differs);
 * await explained.close();
 * study.close();
 */
export async function ablate(explained: ExplainedUnits, options: AblateOptions): Promise<Ablation> {
  const { bank: name, index, feature, contexts: most = USUAL_CONTEXTS, scale = 0, to = 'zero' } = options;
  const { controls = true, seed = 0, signal, onProgress } = options;
  await explained.units.examples({ bank: name, index, feature });
  checkOptions(most, scale);
  predictedBy(await explained.model());
  const key = {
    kind: 'ablation 2',
    key: JSON.stringify([name, index, feature ?? null, most, scale, to, controls, seed]),
  };
  const kept = explained.results.read(key, ablationResult);
  if (kept !== null) return kept;
  const contexts = await firingContexts(explained, name, index, most, signal);
  if (contexts.length === 0) {
    throw new PolysemeError(`${name}/${index} fires with none of its features: there is nothing to change`);
  }
  const result = await effectsIn(explained, contexts, {
    ...{ bank: name, index, feature, contexts: most, scale, to, controls, seed, signal, onProgress },
  });
  explained.results.write(key, result);
  return result;
}

/** What `ablate` measures, in given contexts, with the features that they give the firings. */
export async function effectsIn(
  explained: ExplainedUnits,
  contexts: readonly FiringContext[],
  options: AblateOptions,
): Promise<Ablation> {
  const { bank: name, index, feature, contexts: most = USUAL_CONTEXTS, scale = 0, to = 'zero' } = options;
  const { controls = true, seed = 0, signal, onProgress } = options;
  const { features } = await explained.units.examples({ bank: name, index });
  const units = await explained.units.units(name);
  const mean = units.find((unit) => unit.index === index)!.mean ?? 0;
  const replacement: Replacement = { scale, reference: to === 'mean' ? mean : 0 };
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  const predicted = predictedBy(model);
  const rows = ablationRows(contexts, index, replacement, createRandom(seed), feature);
  const tested = testedRows(rows);
  const changes = features.map(() => new TokenChanges(model.tokenizer));
  const measured: Measured[] = [];
  const tokens = Math.min(TOKENS_PER_RUN, Math.floor(NUMBERS_PER_RUN / model.config.vocabulary));
  const taps = model.openTaps(Object.values(ABLATION_TAPS), ablationEdits(bank, COPIES, predicted));
  try {
    for await (const found of measureRows(taps, rows, { tokens, predicted, signal })) {
      const { clean, changed, ...rest } = found;
      changes[found.row.feature]!.add(clean, changed);
      measured.push({ ...rest, next: tested.has(found.row) ? { clean, changed } : null });
      onProgress?.({ stage: 'ablate', done: measured.length, total: rows.length, unit: 'contexts' });
    }
  } finally {
    await taps.close();
  }
  const whole = wholeEffect(measured, seed);
  const test = testFeatures(measured, model.config.vocabulary, seed);
  const others = controls ? controlUnits(units, index, seed) : [];
  const work = { bank: name, tokens, signal, onProgress };
  const kls = await controlEffects(explained, {
    ...{ ...work, units: others, scale, isMean: to === 'mean' },
    contexts: Math.max(5, Math.round(most / 10)),
  });
  const shares =
    test === null || others.length === 0
      ? others.map(() => null)
      : await standInShares(explained, test.places, {
          ...{ ...work, index, replacement, labels: test.features.length, expected: test.expected },
          units: others.map((unit) => unit.index),
        });
  const pControls = rankOf(test?.share ?? null, shares);
  return {
    bank: name,
    index,
    scale,
    to,
    contexts: contexts.length,
    firings: contexts.reduce((sum, { firings }) => sum + firings.length, 0),
    unplaced: contexts.reduce(
      (sum, { firings }) => sum + firings.filter((firing) => firing.feature === null).length,
      0,
    ),
    whole,
    features: featureEffects(
      measured,
      changes,
      features.filter(({ id }) => feature === undefined || id === feature).map(({ id }) => id),
      test,
      seed,
    ),
    ratio: feature === undefined ? ratioOf(measured) : null,
    featureShare: test?.share ?? null,
    differs:
      test === null || pControls === null
        ? null
        : test.adjusted.some((p) => p <= DIFFERS_BELOW) && pControls <= DIFFERS_BELOW,
    controls:
      others.length === 0
        ? null
        : {
            units: others.map((unit, i) => ({
              index: unit.index,
              kl: kls[i]!,
              featureShare: shares[i] ?? null,
            })),
            below: kls.filter((kl) => kl < (whole.kl ?? 0)).length / kls.length,
            p: pControls,
          },
  };
}

function wholeEffect(measured: readonly Measured[], seed: number): Effect {
  // A context with several features has a row for each: its strongest firing stands for it.
  const strongest = new Map<Int32Array, Measured>();
  for (const one of measured) {
    const before = strongest.get(one.row.tokens);
    const isStronger =
      before === undefined || Math.abs(one.row.peak.activation) > Math.abs(before.row.peak.activation);
    if (isStronger) strongest.set(one.row.tokens, one);
  }
  return effectOf([...strongest.values()], 'whole', seed);
}

function effectOf(measured: readonly Measured[], variant: 'feature' | 'whole', seed: number): Effect {
  const kls = measured.map(({ divergence }) => divergence[variant]);
  const losses = measured.flatMap(({ loss }) => (loss === null ? [] : [loss[variant]]));
  return {
    contexts: measured.length,
    kl: kls.length === 0 ? null : meanOf(kls),
    klInterval: toPair(meanInterval(kls, seed)),
    lossChange: losses.length === 0 ? null : meanOf(losses),
    lossInterval: toPair(meanInterval(losses, seed)),
  };
}

function featureEffects(
  measured: readonly Measured[],
  changes: readonly TokenChanges[],
  ids: readonly number[],
  test: FeatureTest | null,
  seed: number,
): FeatureEffect[] {
  return ids.map((id): FeatureEffect => {
    const own = measured.filter(({ row }) => row.feature === id);
    const places = own.map(({ divergence }) => divergence.elsewhere).filter((kl) => !Number.isNaN(kl));
    const at = test?.features.indexOf(id) ?? -1;
    const known = at < 0 ? null : test;
    return {
      feature: id,
      ...effectOf(own, 'feature', seed),
      elsewhere: places.length === 0 ? null : meanOf(places),
      shuffled: known === null ? null : toPair(known.shuffled[at]!),
      p: known?.p[at] ?? null,
      adjusted: known?.adjusted[at] ?? null,
      pSize: known?.pSize[at] ?? null,
      adjustedSize: known?.adjustedSize[at] ?? null,
      ...changes[id]!.listed(),
    };
  });
}

function ratioOf(measured: readonly Measured[]): number | null {
  const counted = new Set<Int32Array>();
  let [features, whole] = [0, 0];
  for (const { row, total } of measured) {
    features += total.feature;
    if (!counted.has(row.tokens)) whole += total.whole;
    counted.add(row.tokens);
  }
  return whole > 0 ? features / whole : null;
}

function toPair(found: readonly [number, number] | null): [number, number] | null {
  return found === null ? null : [found[0], found[1]];
}

function checkOptions(contexts: number, scale: number): void {
  if (!(Number.isSafeInteger(contexts) && contexts >= 1 && contexts <= MOST_CONTEXTS)) {
    throw new UsageError(
      `option contexts is ${contexts}: it must be a whole number from 1 to ${MOST_CONTEXTS}`,
    );
  }
  const [least, most] = SCALES;
  if (!(scale >= least && scale <= most)) {
    throw new UsageError(`option scale is ${scale}: it must be from ${least} to ${most}`);
  }
}
