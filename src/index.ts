/**
 * Polyseme: what does this neuron respond to, and is it one thing?
 *
 * Everything that is public is exported here, by hand, or in core.ts where it needs nothing of Node. Arrays are typed
 * and row-major; errors that are the caller's or the data's are `PolysemeError`s of one line, with a `code`.
 */

export type { ActivationOrigin } from './activations/activation-source.ts';
export { type CacheActivationsOptions, cacheActivations } from './activations/cache-activations.ts';
export type { CacheDtype, CacheManifest } from './activations/cache-manifest.ts';
export {
  type SearchedFeature,
  type SearchedPassage,
  type SearchedUnit,
  type SearchOptions,
  type SearchResult,
  searchStudy,
} from './answers/search-study.ts';
export type { Bank, TappedBank } from './bank/bank.ts';
export type { NormTap } from './bank/norm-tap.ts';
export type { FileDigest } from './base/file-digest.ts';
export * from './core.ts';
export {
  type Context,
  type ContextCursor,
  type ContextOptions,
  type ContextSummary,
  type Contexts,
  cutContexts,
} from './corpus/contexts.ts';
export type { Corpus, Document, DocumentCursor } from './corpus/corpus.ts';
export type { Image, Pixels } from './corpus/images/image.ts';
export type { ImageReader } from './corpus/images/image-contexts.ts';
export type { ImageCorpus, ImageItem } from './corpus/images/image-corpus.ts';
export { type ImageOptions, openImages } from './corpus/images/open-images.ts';
export type { Preprocessing } from './corpus/images/preprocessing.ts';
export type { Filter } from './corpus/images/resize.ts';
export { type CorpusOptions, openCorpus } from './corpus/open-corpus.ts';
export type { Frame, TokenEncoder, WindowOptions } from './corpus/windows.ts';
export type { Codes } from './embed/codes.ts';
export { type EvaluateOptions, evaluateSae } from './evaluate/evaluate.ts';
export { type RedrawBanksOptions, type RedrawProgress, redrawBanks } from './evaluate/redraw-study.ts';
export type { EvaluationProgress, SaeEvaluation } from './evaluate/result.ts';
export { type AblateOptions, ablate } from './explain/ablate.ts';
export { directEffect } from './explain/direct-effect.ts';
export type { Explained } from './explain/explained.ts';
export {
  type ExplainedExample,
  type ImportanceOptions,
  tokenImportance,
  type UnitImportance,
} from './explain/importance.ts';
export type { MaskToken } from './explain/mask-token.ts';
export type { OutputDirections } from './explain/output-directions.ts';
export type { Placed } from './explain/place.ts';
export {
  type Firing,
  type Probe,
  type ProbedText,
  type ProbedUnit,
  type ProbeOptions,
  Prober,
  type UnitAt,
  type UnitProbe,
} from './explain/probe.ts';
export type { Ablation, DirectEffect, ExampleImportance } from './explain/results.ts';
export {
  type ComparedStudy,
  type Passage,
  type SimilarFeature,
  SimilarFeatures,
  type SimilarOptions,
} from './explain/similar.ts';
export type { Similarity } from './explain/similarities.ts';
export type { UnitQuestion } from './explain/unit-examples.ts';
export type { Certainty } from './features/certainty.ts';
export type { DownloadOptions, DownloadProgress, HubFile, HubFiles, HubRepo } from './hub/hub.ts';
export type { Activation, ImageInput, ModelConfig } from './model/architectures/architecture.ts';
export type { Values } from './model/backend.ts';
export type { GraphEdit, ModelFiles } from './model/compile.ts';
export type { Device, DeviceOption } from './model/device.ts';
export type { RopeLayoutOption } from './model/gguf/rope-layout.ts';
export type { ModelImages } from './model/image-input.ts';
export {
  type LoadOptions,
  loadModel,
  type Model,
  type OpenTaps,
  type RunRequest,
} from './model/load-model.ts';
export type { TapData } from './model/session.ts';
export type { GroupProgress, TapBlock, TapInput, TapStreamOptions } from './model/taps.ts';
export type { UnitColumns } from './polysemy/unit-columns.ts';
export type { RunStudyOptions } from './run/open-run.ts';
export type { ArtefactsPlace } from './run/queue/artefacts.ts';
export { type RunQueuedOptions, runQueued } from './run/queue/run-queued.ts';
export { type RunningWorker, startWorker, type WorkerOptions } from './run/queue/worker.ts';
export type { RunHooks, RunProgress } from './run/run-hooks.ts';
export type { RunOptions } from './run/run-options.ts';
export { runStudy } from './run/run-study.ts';
export { type Merged, type MergeOptions, mergeShards } from './run/shards/merge.ts';
export { type PlanRunOptions, planRun, type RunPlan } from './run/shards/plan.ts';
export { type RunPart, type RunShardOptions, runShard } from './run/shards/run-shard.ts';
export { loadSae } from './sae/load-sae.ts';
export { Sae, type SaeTensors } from './sae/sae.ts';
export { saveSae } from './sae/save.ts';
export type { StateArray } from './sae/trainer/layout.ts';
export type { SaeTrainerCounters, SaeTrainerState } from './sae/trainer/state.ts';
export { SaeDivergence, type SaeStep } from './sae/trainer/step.ts';
export type { SaeMetadata } from './sae/trainer/to-sae.ts';
export { createSaeTrainer, type SaeTrainer } from './sae/trainer/trainer.ts';
export type {
  SaeTrainerArchitecture,
  SaeTrainerOptions,
  SaeTrainerSettings,
  SaeWeights,
  TrainerDevice,
} from './sae/trainer/trainer-options.ts';
export type { PassagesProgress } from './search/open-passages.ts';
export { createServer, type ServerOptions, type StudyServer } from './server/api.ts';
export { type ExplainedOptions, openExplained } from './server/explain/open-explained.ts';
export { type ListenOptions, type RunningServer, startServer } from './server/server.ts';
export { unitCertainty } from './study/certainty.ts';
export { compareBanks, compareStudyBanks, type StudyBank } from './study/compare-study.ts';
export type { StudyInputs, StudyMeta, StudySinks } from './study/meta.ts';
export { openStudy } from './study/open-study.ts';
export type { UnitDetail } from './study/record.ts';
export type { Study, StudyContext, StudyInfo, UnitQuery } from './study/study.ts';
export { openVectors, type StudyVectors, type VectorsProgress } from './study/vectors.ts';
export type { BankVectors, VectorKind } from './study/vectors-file.ts';
export type { Tokenizer } from './tokenizer/tokenizer.ts';
export type { TrainedSae } from './train/run-file.ts';
export { type SaeTrainHooks, type SaeTrainProgress, type TrainSaeOptions, trainSae } from './train/train.ts';
export type { SaeTrainOptions } from './train/train-options.ts';
