import type { LongCall } from '../base/progress.ts';
import { createRandom } from '../base/random.ts';
import { PolysemeError } from '../errors.ts';
import { ABLATION_TAPS, ablationEdits } from './ablation-edits.ts';
import { ablationRows, COPIES, type MeasuredRow, measureRows, type Replacement } from './ablation-rows.ts';
import { controlUnits } from './control-units.ts';
import type { Explained } from './explained.ts';
import { firingContexts } from './firing-contexts.ts';
import { MOST_CONTEXTS, SCALES, USUAL_CONTEXTS } from './limits.ts';
import { type Ablation, ablationResult, type Effect, type FeatureEffect } from './results.ts';
import { adjusted, meanInterval, meanOf, testLabels } from './statistics.ts';
import { TokenChanges } from './token-changes.ts';
import { type UnitQuestion, unitExamples } from './unit-examples.ts';

/** Tokens of a run, copies counted, and numbers of its log-probabilities: 128 MB. */
const TOKENS_PER_RUN = 2048;
const NUMBERS_PER_RUN = 2 ** 25;
/** A feature is compared with the others where it has so many firings. */
const LEAST_FIRINGS = 3;
/** Rows whose changes are compared, at most: 80 MB of them at 50,000 tokens. */
const MOST_TESTED = 400;
/** Rate of false discoveries at which features are said to differ. */
const DIFFERS_BELOW = 0.05;

export interface AblateOptions extends UnitQuestion, LongCall {
  /** Contexts that are measured, where there are as many; default 100. */
  readonly contexts?: number;
  /** What the activation is multiplied by: 0 (default) ablates, −1 turns it around, up to 10 steers. */
  readonly scale?: number;
  /** What it is moved to at scale 0: zero (default), or the unit's mean activation. */
  readonly to?: 'zero' | 'mean';
  /** Leaves out the units of equal density, which take about as long as the rest. */
  readonly controls?: boolean;
  readonly seed?: number;
}

/**
 * The measured effect of a unit and of each of its features: what the model predicts changes where the activation is
 * changed at the positions at which it belongs to the feature.
 *
 * @throws PolysemeError where there is no such unit or feature, it never fires, or there is no model
 * @example
 * const { features, differs } = await ablate(explained, { bank: 'mlp.1', index: 7, contexts: 20, controls: false });
 * for (const { feature, kl, lowered } of features) console.log(feature, kl, lowered[0]?.text, differs);
 */
export async function ablate(explained: Explained, options: AblateOptions): Promise<Ablation> {
  const { bank: name, index, feature, contexts: most = USUAL_CONTEXTS, scale = 0, to = 'zero' } = options;
  const { controls = true, seed = 0, signal, onProgress } = options;
  const { study } = explained;
  const { features } = unitExamples(study, { bank: name, index, feature });
  checkOptions(most, scale);
  const key = {
    kind: 'ablation 1',
    key: JSON.stringify([name, index, feature ?? null, most, scale, to, controls, seed]),
  };
  const kept = explained.results.read(key, ablationResult);
  if (kept !== null) return kept;
  const mean = study.units({ bank: name }).find((unit) => unit.index === index)!.mean ?? 0;
  const replacement: Replacement = { scale, reference: to === 'mean' ? mean : 0 };
  const contexts = await firingContexts(explained, name, index, most, signal);
  if (contexts.length === 0) {
    throw new PolysemeError(`${name}/${index} fires with none of its features: there is nothing to change`);
  }
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  const rows = ablationRows(contexts, index, replacement, createRandom(seed), feature);
  const changes = features.map(() => new TokenChanges(model.tokenizer));
  const measured: Measured[] = [];
  const expected = new Float64Array(model.config.vocabulary);
  const tokens = Math.min(TOKENS_PER_RUN, Math.floor(NUMBERS_PER_RUN / model.config.vocabulary));
  const taps = model.openTaps(Object.values(ABLATION_TAPS), ablationEdits(bank, COPIES));
  try {
    for await (const found of measureRows(taps, rows, { tokens, signal })) {
      changes[found.row.feature]!.add(found.clean, found.changed);
      const { clean, changed, ...rest } = found;
      const isTested = measured.length < MOST_TESTED;
      if (isTested) for (let id = 0; id < clean.length; id++) expected[id]! += Math.exp(clean[id]!);
      measured.push({ ...rest, change: isTested ? changed.map((logp, id) => logp - clean[id]!) : null });
      onProgress?.({ stage: 'ablate', done: measured.length, total: rows.length, unit: 'contexts' });
    }
  } finally {
    await taps.close();
  }
  const whole = wholeEffect(measured, seed);
  const result: Ablation = {
    bank: name,
    index,
    scale,
    to,
    contexts: contexts.length,
    firings: contexts.reduce((sum, { firings }) => sum + firings.length, 0),
    unplaced: contexts.reduce(
      (sum, { firings }) => sum + firings.filter((f) => f.feature === null).length,
      0,
    ),
    whole,
    ...featureEffects(
      measured,
      changes,
      features.filter(({ id }) => feature === undefined || id === feature).map(({ id }) => id),
      expected,
      seed,
    ),
    ratio: feature === undefined ? ratioOf(measured) : null,
    controls: controls
      ? await controlUnits(explained, {
          bank: name,
          index,
          scale,
          isMean: to === 'mean',
          own: whole.kl ?? 0,
          contexts: Math.max(5, Math.round(most / 10)),
          tokens,
          seed,
          signal,
          onProgress,
        })
      : null,
  };
  explained.results.write(key, result);
  return result;
}

/** A measured row, with the change of every log-probability in place of them; null beyond those that are tested. */
interface Measured extends Omit<MeasuredRow, 'clean' | 'changed'> {
  readonly change: Float32Array | null;
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
  expected: Float64Array,
  seed: number,
): Pick<Ablation, 'features' | 'differs'> {
  const of = (id: number) => measured.filter(({ row }) => row.feature === id);
  const items = measured.filter(({ change }) => change !== null);
  const tested = ids.filter((id) => items.filter(({ row }) => row.feature === id).length >= LEAST_FIRINGS);
  const test = tested.length < 2 ? null : testFeatures(items, tested, expected, seed);
  const features = ids.map((id): FeatureEffect => {
    const own = of(id);
    const places = own.map(({ divergence }) => divergence.elsewhere).filter((kl) => !Number.isNaN(kl));
    const at = tested.indexOf(id);
    const known = test === null || at < 0 ? null : test;
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
  const differs = test === null ? null : test.adjusted.some((p) => p <= DIFFERS_BELOW);
  return { features, differs };
}

/** Permutation tests of each of some features against the others, corrected for their number. */
function testFeatures(
  measured: readonly Measured[],
  tested: readonly number[],
  expected: Float64Array,
  seed: number,
) {
  const items = measured.filter(({ row }) => tested.includes(row.feature));
  const gram = productsOf(items.map(({ change }) => directionOf(change!, expected)));
  const labels = Int32Array.from(items, ({ row }) => tested.indexOf(row.feature));
  const sizes = items.map(({ divergence }) => divergence.feature);
  const test = testLabels(gram, sizes, labels, tested.length, seed);
  return { ...test, adjusted: adjusted(test.p), adjustedSize: adjusted(test.pSize) };
}

/**
 * What changes, not by how much nor how likely it was: the changes of all log-probabilities, less their mean, weighted by
 * how likely each token is over all firings, scaled to length 1. Where a unit does no more than to move the logits by its
 * output weights, that is the same at every firing.
 * @param expected of each token, its probability summed over all firings
 */
function directionOf(change: Float32Array, expected: Float64Array): Float32Array {
  const total = expected.reduce((sum, p) => sum + p, 0);
  const mean = change.reduce((sum, x, id) => sum + x * expected[id]!, 0) / total;
  const vector = change.map((x, id) => (x - mean) * Math.sqrt(expected[id]! / total));
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return length === 0 ? vector : vector.map((x) => x / length);
}

/** Products of all pairs of vectors, n × n. */
function productsOf(vectors: readonly Float32Array[]): Float64Array {
  const n = vectors.length;
  const products = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let product = 0;
      const [a, b] = [vectors[i]!, vectors[j]!];
      for (let k = 0; k < a.length; k++) product += a[k]! * b[k]!;
      products[i * n + j] = products[j * n + i] = product;
    }
  }
  return products;
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
    throw new PolysemeError(
      `option contexts is ${contexts}: it must be a whole number from 1 to ${MOST_CONTEXTS}`,
    );
  }
  const [least, most] = SCALES;
  if (!(scale >= least && scale <= most)) {
    throw new PolysemeError(`option scale is ${scale}: it must be from ${least} to ${most}`);
  }
}
