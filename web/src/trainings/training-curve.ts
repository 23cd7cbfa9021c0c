import type { TrainingLog } from '../source/answers.ts';
import type { Stroke } from './run-strokes.ts';

/** Pixels of a chart of trainings, and those around its axes. */
export const HEIGHT = 200;
export const MARGIN = { top: 10, right: 14, bottom: 36, left: 48 };

/** A training that is drawn. */
export interface DrawnRun {
  readonly name: string;
  readonly short: string;
  readonly stroke: Stroke;
  readonly log: TrainingLog;
}

/** One figure of a training, over steps or tokens: as logged, and smoothed. */
export interface Curve extends DrawnRun {
  readonly x: readonly number[];
  readonly raw: readonly (number | null)[];
  readonly y: readonly (number | null)[];
}
