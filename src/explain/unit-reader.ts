import type { UnitSummary } from '../features/split-unit.ts';
import type { StudyContext, StudyInfo } from '../study/study.ts';
import type { UnitPlace } from './place.ts';
import type { OwnMaxima } from './strongest.ts';
import type { UnitExamples, UnitQuestion } from './unit-examples.ts';

/** What a study knows of the units of a bank. */
export interface BankFacts {
  readonly own: OwnMaxima;
  /** μ, where the study's embeddings are of h − μ. */
  readonly centre: Float32Array | undefined;
}

/** What is told of a unit that others are compared with. */
export type UnitFigures = Pick<UnitSummary, 'index' | 'density' | 'mean' | 'examples'>;

/** A context of a study. */
export type SampledContext = Pick<StudyContext, 'id' | 'tokens'>;

/** What explanations of text ask of a study: a file has its answers at hand (`studyReader`), a page fetches them. */
export interface UnitReader {
  /** The study, for messages. */
  readonly path: string;
  readonly options: StudyInfo['options'];
  /** Names of its banks. */
  readonly banks: readonly string[];
  bank(name: string, units: number): Promise<BankFacts>;
  /** All units of a bank. */
  units(bank: string): Promise<readonly UnitFigures[]>;
  /** See `unitExamples`. */
  examples(question: UnitQuestion, asked?: readonly number[]): Promise<UnitExamples>;
  /** Where the features of a unit lie. */
  place(bank: string, index: number): Promise<UnitPlace>;
  /** About `count` contexts of the study, evenly spread (see `spread`), by id. */
  sample(count: number): Promise<readonly SampledContext[]>;
  /** Consecutive tokens, by id, as they are shown. */
  texts(tokens: Int32Array): readonly string[];
}
