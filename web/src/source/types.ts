import type {
  BanksAnswer,
  ClusteringAnswer,
  CompareAnswer,
  ExampleAnswer,
  FeatureAnswer,
  MapAnswer,
  MatchedAnswer,
  MetricsAnswer,
  Quantiles,
  SearchAnswer,
  ServedAnswer,
  StudyAnswer,
  UnitAnswer,
  UnitSummaryAnswer,
  UnitsAnswer,
} from '../../../src/contract/study.ts';
import type { TrainingAnswer, TrainingLogAnswer, TrainingsAnswer } from '../../../src/contract/trainings.ts';

export type Served = ServedAnswer;
export type Study = StudyAnswer;
export type Bank = BanksAnswer['banks'][number];
export type Banks = BanksAnswer;
export type Unit = UnitAnswer;
export type UnitSummary = UnitSummaryAnswer;
export type UnitRow = UnitsAnswer['units'][number];
export type Units = UnitsAnswer;
export type Metrics = MetricsAnswer;
export type BankColumns = MetricsAnswer['banks'][number];
export type Example = ExampleAnswer;
export type Feature = FeatureAnswer;
export type Clustering = ClusteringAnswer;
export type UnitMap = MapAnswer;
export type Matches = SearchAnswer;
export type Comparison = CompareAnswer;
export type MatchedComparison = MatchedAnswer;
export type Trainings = TrainingsAnswer;
export type Training = TrainingAnswer;
export type TrainingLog = TrainingLogAnswer;

export type { LinkageMethod } from '../../../src/cluster/linkage-methods.ts';
export type { Metric } from '../../../src/polysemy/column-lists.ts';
export type { Polysemy } from '../../../src/polysemy/metrics.ts';
export type { LogFigure } from '../../../src/sae/trainer/log-figures.ts';
export type { Quantiles };
