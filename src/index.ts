/**
 * Polyseme: what does this neuron respond to, and is it one thing?
 *
 * Everything that is public is exported here, by hand. Arrays are typed and row-major; errors that are the
 * caller's or the data's are `PolysemeError`s of one line.
 */

export type { CacheManifest } from './activations/cache.ts';
export { type CacheActivationsOptions, cacheActivations } from './activations/cache-activations.ts';
export type { Bank, Embedding } from './bank/bank.ts';
export { centralExamples } from './cluster/central.ts';
export { type Cut, cutTree } from './cluster/cut.ts';
export { leafOrder } from './cluster/leaf-order.ts';
export { type LinkageMethod, linkage, linkageMethods } from './cluster/linkage.ts';
export type { Tree } from './cluster/tree.ts';
export {
  type BankComparison,
  type BankDifference,
  type CompareOptions,
  type Comparison,
  compareBanks,
  type MetricComparison,
} from './compare/compare-banks.ts';
export { type ContextOptions, type Contexts, cutContexts } from './corpus/contexts.ts';
export { type CorpusOptions, openCorpus } from './corpus/open.ts';
export type { Corpus, Document } from './corpus/types.ts';
export { cosineDistances } from './embed/distances.ts';
export { type GatedEmbeddingOptions, gatedNeuronEmbeddings } from './embed/gated.ts';
export { meanCosineDistance } from './embed/mean-distance.ts';
export { neuronEmbeddings } from './embed/neuron.ts';
export { type ErrorCode, PolysemeError } from './errors.ts';
export { type EvaluateOptions, evaluateSae } from './evaluate/evaluate.ts';
export type { EvaluationProgress, SaeEvaluation } from './evaluate/result.ts';
export type { ModelConfig } from './model/architectures/architecture.ts';
export { loadModel, type Model, type RunRequest } from './model/load.ts';
export type { TapData } from './model/session.ts';
export { type Polysemy, polysemy } from './polysemy/metrics.ts';
export { type RunHooks, type RunProgress, runStudy } from './run/run.ts';
export type { RunOptions } from './run/run-options.ts';
export {
  SAE_FORMATS,
  type SaeArchitecture,
  type SaeConfig,
  type SaeFormat,
  saeConfig,
} from './sae/config.ts';
export { loadSae } from './sae/load.ts';
export { Sae, type SaeTensors } from './sae/sae.ts';
export { saveSae } from './sae/save.ts';
export type { SaeStep } from './sae/trainer/step.ts';
export { createSaeTrainer, type SaeTrainer } from './sae/trainer/trainer.ts';
export type { SaeTrainerOptions, SaeWeights } from './sae/trainer/trainer-options.ts';
export { startServer } from './server/server.ts';
export { METRICS, type Metric } from './study/record.ts';
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
export { type Matrix, rowMajor } from './tensors/matrix.ts';
export type { Tokenizer } from './tokenizer/tokenizer.ts';
export type { TrainedSae } from './train/run-file.ts';
export { type SaeTrainHooks, type SaeTrainProgress, trainSae } from './train/train.ts';
export type { SaeTrainOptions } from './train/train-options.ts';
