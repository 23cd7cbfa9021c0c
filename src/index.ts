/**
 * Polyseme: what does this neuron respond to, and is it one thing?
 *
 * Everything that is public is exported here, by hand. Arrays are typed and row-major; errors that are the
 * caller's or the data's are `PolysemeError`s of one line.
 */

export type { Bank, Embedding } from './bank/bank.ts';
export { centralExamples } from './cluster/central.ts';
export { type Cut, cutTree } from './cluster/cut.ts';
export { leafOrder } from './cluster/leaf-order.ts';
export { type LinkageMethod, linkage, linkageMethods } from './cluster/linkage.ts';
export type { Tree } from './cluster/tree.ts';
export { type ContextOptions, type Contexts, cutContexts } from './corpus/contexts.ts';
export { type CorpusOptions, openCorpus } from './corpus/open.ts';
export type { Corpus, Document } from './corpus/types.ts';
export { cosineDistances } from './embed/distances.ts';
export { type GatedEmbeddingOptions, gatedNeuronEmbeddings } from './embed/gated.ts';
export { meanCosineDistance } from './embed/mean-distance.ts';
export { neuronEmbeddings } from './embed/neuron.ts';
export { PolysemeError } from './errors.ts';
export type { ModelConfig } from './model/architectures/architecture.ts';
export { loadModel, type Model, type RunRequest } from './model/load.ts';
export type { TapData } from './model/session.ts';
export type { Tokenizer } from './model/tokenizer.ts';
export { type Polysemy, polysemy } from './polysemy/metrics.ts';
export type { CacheManifest } from './sae/activations/cache.ts';
export { type CacheActivationsOptions, cacheActivations } from './sae/activations/make-cache.ts';
export {
  SAE_FORMATS,
  type SaeArchitecture,
  type SaeConfig,
  type SaeFormat,
  saeConfig,
} from './sae/config.ts';
export { type EvaluateOptions, evaluateSae } from './sae/evaluate.ts';
export type { EvaluationProgress, SaeEvaluation } from './sae/evaluate-types.ts';
export { loadSae } from './sae/load.ts';
export { type Matrix, rowMajor } from './sae/matrix.ts';
export { Sae, type SaeTensors } from './sae/sae.ts';
export { saveSae } from './sae/save.ts';
export type { SaeTrainOptions } from './sae/train/options.ts';
export type { TrainedSae } from './sae/train/run-file.ts';
export { type SaeTrainHooks, type SaeTrainProgress, trainSae } from './sae/train/train.ts';
export type { SaeTrainerOptions, SaeWeights } from './sae/training/options.ts';
export type { SaeStep } from './sae/training/step.ts';
export { createSaeTrainer, type SaeTrainer } from './sae/training/trainer.ts';
export { startServer } from './server/server.ts';
export {
  type BankComparison,
  type BankDifference,
  type CompareOptions,
  type Comparison,
  compareBanks,
  type MetricComparison,
} from './study/compare.ts';
export type { RunOptions } from './study/options.ts';
export { METRICS, type Metric } from './study/record.ts';
export { type RunHooks, type RunProgress, runStudy } from './study/run.ts';
export {
  openStudy,
  type Study,
  type StudyExample,
  type StudyFeature,
  type StudyInfo,
  type StudyUnit,
  type UnitQuery,
  type UnitSummary,
} from './study/study.ts';
