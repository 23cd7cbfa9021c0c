import { centralExamples } from '../cluster/central.ts';
import { cutTree } from '../cluster/cut.ts';
import { leafOrder } from '../cluster/leaf-order.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import type { Tree } from '../cluster/tree.ts';
import type { ClusteringAnswer } from '../contract/unit-answers.ts';
import type { Condensed } from '../embed/condensed.ts';
import { autoFeatures } from '../features/auto.ts';
import { type DescribedFeatures, describeFeatures, type StoredNames } from '../features/describe.ts';
import type { WordCounts } from '../features/feature-words.ts';
import { type FeatureRule, type Labeling, strayExamples } from '../features/labeling.ts';
import { type NamingTexts, namedExamples } from '../features/naming.ts';
import type { TokenTexts } from '../features/split-unit.ts';
import { peakWords, wordTokens } from '../features/word-texts.ts';
import { type ExampleWords, labelWords } from '../features/words.ts';
import { type Polysemy, polysemy, sharesOnly } from '../polysemy/metrics.ts';
import { HttpProblem } from './problem.ts';
import { featureAnswer, mergeRows } from './shown.ts';
import type { Wire } from './wire.ts';

/** What a unit is clustered anew from: its examples, the study's own features, and the distances. */
export interface ClusteredUnit {
  readonly context: Uint32Array;
  readonly position: Uint32Array;
  readonly activation: ArrayLike<number>;
  /** The split that is the study's features of it, and how these are called. */
  readonly own: Labeling;
  readonly names: StoredNames;
  /** The study's best split by the silhouette rule; null where it keeps none. */
  readonly auto: Pick<Labeling, 'labels' | 'stray'> | null;
  /** Condensed; null where they are too many to be had. */
  readonly distances: Condensed | null;
  tree(method: LinkageMethod): Tree;
  /** Of its examples; `label`: what an image shows. */
  contexts(): ReadonlyMap<number, TokenTexts & { readonly label?: string | null | undefined }>;
  /** How often words occur in the corpus. */
  wordCounts(): WordCounts;
  /** What names are found with; null in a study of an older version. */
  naming(): NamingTexts | null;
}

/** What a clustering is asked for, and what it is where nothing is asked. */
export interface ClusteringQuery {
  readonly linkage?: LinkageMethod | undefined;
  readonly threshold?: number | undefined;
  readonly clusters?: number | undefined;
  readonly features?: FeatureRule | undefined;
}
export interface OwnClustering {
  readonly linkage: LinkageMethod;
  readonly threshold: number;
  readonly rule: FeatureRule;
}

/** A unit cut or clustered anew. */
export function clusteringAnswer(
  unit: ClusteredUnit,
  query: ClusteringQuery,
  own: OwnClustering,
): Wire<ClusteringAnswer> {
  const { threshold: at, clusters: most } = query;
  if (at !== undefined && most !== undefined) {
    throw new HttpProblem(400, 'query parameters threshold and clusters exclude each other');
  }
  if (query.features === 'auto' && (at ?? most) !== undefined) {
    throw new HttpProblem(
      400,
      'query parameter features is auto, which has neither threshold nor clusters: leave these out, or ask for features=cut',
    );
  }
  const method = query.linkage ?? own.linkage;
  const isOwn = Object.values(query).every((value) => value === undefined);
  const rule = query.features ?? (isOwn ? own.rule : 'cut');
  const threshold = at ?? own.threshold;
  const tree = unit.tree(method);
  const { labels, stray } =
    rule === 'auto'
      ? bestSplit(unit)
      : { labels: cutTree(tree, most === undefined ? { distance: threshold } : { clusters: most }) };
  const { features, featureOf } = describe(unit, labels, stray ?? null);
  return {
    linkage: method,
    rule,
    threshold: rule === 'cut' && most === undefined ? threshold : null,
    clusters: most ?? null,
    stray: strayExamples({ stray }),
    merges: mergeRows(tree.merges),
    order: leafOrder(tree),
    leaves: { feature: featureOf },
    metrics: measured(unit, labels),
    features: features.map(featureAnswer),
  };
}

function measured({ distances }: ClusteredUnit, labels: Int32Array): Polysemy {
  return distances === null ? sharesOnly(labels) : polysemy({ distances, labels });
}

/** The best split: the study's own where it keeps it. */
function bestSplit(unit: ClusteredUnit): Pick<Labeling, 'labels' | 'stray'> {
  const { auto, distances } = unit;
  if (auto !== null) return auto;
  if (distances !== null) return autoFeatures({ tree: unit.tree('average'), distances });
  throw new HttpProblem(422, 'the best split of so many examples is not in this copy of the study');
}

/** Features with the study's names where they are the study's features; else named against a sample of its text. */
function describe(unit: ClusteredUnit, labels: Int32Array, stray: Uint8Array | null): DescribedFeatures {
  const { own, distances, activation } = unit;
  const isOwn = labels.every((label, i) => label === own.labels[i]);
  return describeFeatures({
    labels,
    activations: activation,
    // The study's are from distances in full.
    centrals: isOwn ? own.centrals : distances && centralExamples({ distances, labels }),
    words: isOwn
      ? unit.names
      : { examples: wordsAtPeaks(unit), corpus: unit.wordCounts(), places: places(unit, stray) },
  });
}

function places(unit: ClusteredUnit, stray: Uint8Array | null) {
  const naming = unit.naming();
  return naming && { examples: namedExamples(naming, unit, unit.contexts()), corpus: naming, stray };
}

const known = new WeakMap<ClusteredUnit, readonly ExampleWords[]>();

/** The words around each example's peak, found once a unit. */
function wordsAtPeaks(unit: ClusteredUnit): readonly ExampleWords[] {
  let words = known.get(unit);
  if (words === undefined) {
    const contexts = unit.contexts();
    words = Array.from(unit.context, (id, i) => {
      const shown = contexts.get(id)!;
      // The words of an image are what it shows.
      if (shown.label !== undefined) return labelWords(shown.label);
      return peakWords(wordTokens(shown), unit.position[i]!);
    });
    known.set(unit, words);
  }
  return words;
}
