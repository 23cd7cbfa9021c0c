/**
 * The part of Polyseme that runs anywhere, browsers included (`polyseme/core`): neuron embeddings and their distances,
 * clustering, polysemy metrics, words of features, comparison of banks, principal components, and the mathematics of
 * sparse autoencoders. It loads no module of Node and reads no file. `polyseme` exports all of it too.
 *
 * Arrays are typed and row-major; errors that are the caller's or the data's are `PolysemeError`s of one line.
 */

export { type Embedding, unitEmbeddings } from './bank/embedding.ts';
export { bankOf, type GatedWeights, type GivenBank, type GivenBankOptions } from './bank/given.ts';
export type { LongCall, Progress } from './base/progress.ts';
export { centralExamples } from './cluster/central.ts';
export { type Cut, cutTree } from './cluster/cut.ts';
export { leafOrder } from './cluster/leaf-order.ts';
export { linkage } from './cluster/linkage.ts';
export { type LinkageMethod, linkageMethods } from './cluster/linkage-methods.ts';
export type { Tree } from './cluster/tree.ts';
export type { Difference, Interval, Quantiles } from './compare/bootstrap.ts';
export {
  type BankComparison,
  type BankDifference,
  type CompareOptions,
  type Comparison,
  compareSources,
  type MetricComparison,
} from './compare/compare-banks.ts';
export type { ExampleSource, MatchedMetrics, UnitExamples } from './compare/matched.ts';
export type { CompareProgress } from './compare/measure-bank.ts';
export type {
  LeftOut,
  Redrawn,
  RedrawnBank,
  RedrawnDifference,
  RedrawnMetric,
} from './compare/redraw.ts';
export type { Condensed } from './embed/condensed.ts';
export { cosineDistances } from './embed/distances.ts';
export type { GateActivation } from './embed/gate-activation.ts';
export { type GatedEmbeddingOptions, type GatedMode, gatedNeuronEmbeddings } from './embed/gated.ts';
export { meanCosineDistance } from './embed/mean-distance.ts';
export { neuronEmbeddings } from './embed/neuron.ts';
export { nullDistance } from './embed/null-distance.ts';
export { type PrincipalComponents, principalComponents } from './embed/pca.ts';
export { type ErrorCode, PolysemeError } from './errors.ts';
export { type AutoFeatures, autoFeatures } from './features/auto.ts';
export {
  type DescribedFeatures,
  describeFeatures,
  type Feature,
  type Naming,
  type StoredNames,
} from './features/describe.ts';
export { featureWords, type WordCounts } from './features/feature-words.ts';
export type { FeatureRule, Labeling } from './features/labeling.ts';
export { type FeatureName, type NamedExample, type NamingCorpus, nameFeatures } from './features/names.ts';
export { NamingTexts, type TextPlace } from './features/naming.ts';
export type { PlaceIndex, PlaceReader, Sequence } from './features/places.ts';
export { type Significance, significance } from './features/significance.ts';
export {
  type AutoSplit,
  type ClusterOptions,
  type SplitOptions,
  splitUnit,
  type UnitFeatures,
} from './features/split.ts';
export type { SplitUnit, TokenTexts, UnitExample, UnitFeature, UnitSummary } from './features/split-unit.ts';
export { stability } from './features/stability.ts';
export { countWords, WordCounter } from './features/word-counter.ts';
export { type ExampleWords, exampleWords } from './features/words.ts';
export type { Sign } from './harvest/scan.ts';
export type { SelectionOptions } from './harvest/selection.ts';
export { type SplitBankOptions, splitBank } from './harvest/split-given.ts';
export type { TextSample } from './harvest/text-sample.ts';
export { type ComparedMetric, METRICS, type Metric } from './polysemy/column-lists.ts';
export { type FeatureNumbers, featureNumbers } from './polysemy/feature-numbers.ts';
export type { Judgement } from './polysemy/judgement.ts';
export { type Polysemy, polysemy } from './polysemy/metrics.ts';
export type { UnitSort } from './polysemy/order.ts';
export { effectiveCount } from './polysemy/shares.ts';
export { relativeDistance, type Verdict, type VerdictBounds, verdict } from './polysemy/verdict.ts';
export {
  SAE_FORMATS,
  type SaeArchitecture,
  type SaeConfig,
  type SaeFormat,
  type SaeNormalization,
  saeConfig,
} from './sae/config.ts';
export { embeddingLoss, type SaeParts, saeDecode, saeEncode, saeInputs } from './sae/maths.ts';
export type { SaeTensors } from './sae/sae.ts';
export { type FileTensorRef, type Matrix, rowMajor } from './tensors/matrix.ts';
export type { Dtype, TensorRef } from './tensors/safetensors.ts';
