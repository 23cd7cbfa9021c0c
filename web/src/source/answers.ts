import type { CompareAnswer, MatchedAnswer } from '../../../src/contract/compare-answers.ts';
import type { QueueAnswer } from '../../../src/contract/queue-answers.ts';
import type { SearchAnswer } from '../../../src/contract/search-answers.ts';
import type {
  BanksAnswer,
  DocumentAnswer,
  Quantiles,
  ServedAnswer,
  StudyAnswer,
} from '../../../src/contract/study-answers.ts';
import type {
  TrainingAnswer,
  TrainingLogAnswer,
  TrainingsAnswer,
} from '../../../src/contract/training-answers.ts';
import type {
  ClusteringAnswer,
  ExampleAnswer,
  FeatureAnswer,
  UnitAnswer,
  UnitSummaryAnswer,
  UnitsAnswer,
} from '../../../src/contract/unit-answers.ts';
import type { Metric } from '../../../src/polysemy/column-lists.ts';

export type Served = ServedAnswer;
export type Study = StudyAnswer;
export type Bank = BanksAnswer['banks'][number];
export type Banks = BanksAnswer;
export type Unit = UnitAnswer;
export type UnitSummary = UnitSummaryAnswer;
export type UnitRow = UnitsAnswer['units'][number];
export type Units = UnitsAnswer;
/** Columns over all units of a study, by bank and index: NaN where there is no number. */
export type Metrics = { readonly bank: Uint16Array; readonly index: Uint32Array } & Readonly<
  Record<Metric, Float32Array>
>;
export type Example = ExampleAnswer;
export type Feature = FeatureAnswer;
export type Clustering = ClusteringAnswer;
/** Places of a unit's examples; `vectors` are examples × d, row-major. */
export interface UnitMap {
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Shares of the total variance. */
  readonly variance: Float64Array;
  readonly vectors?: Float32Array;
}
export type Matches = SearchAnswer;
export type Comparison = CompareAnswer;
export type DocumentText = DocumentAnswer;
export type MatchedComparison = MatchedAnswer;
export type QueueState = QueueAnswer;
export type Trainings = TrainingsAnswer;
export type Training = TrainingAnswer;
export type TrainingLog = TrainingLogAnswer;

export type { LinkageMethod } from '../../../src/cluster/linkage-methods.ts';
export type { Certainty } from '../../../src/features/certainty.ts';
export type { Metric } from '../../../src/polysemy/column-lists.ts';
export type { Polysemy } from '../../../src/polysemy/metrics.ts';
export type { LogFigure } from '../../../src/sae/trainer/log-figures.ts';
export type { Quantiles };
