import { BOUNDS } from '../features/auto.ts';

/** The settings of the paper. */
export const PAPER = {
  select: 'fraction',
  fraction: 0.75,
  center: 'none',
  features: 'cut',
  linkage: 'average',
  threshold: 0.5,
  keepDuplicates: true,
  sinkMultiple: 0,
} as const;

/** What a study was made with that has not an option: as before that came. */
export const BEFORE = {
  center: 'none',
  features: 'cut',
  keepDuplicates: true,
  sinkMultiple: 0,
  bounds: BOUNDS,
} as const;

/** The options of a study, where it is older as they were before. */
export function settledOptions(
  options: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return { ...BEFORE, ...options };
}

/** Whether a study's settings are the paper's. */
export function isPaper(options: Readonly<Record<string, unknown>>): boolean {
  const settled = settledOptions(options);
  return Object.entries(PAPER).every(
    ([name, value]) => (settled[name] ?? (name === 'sinkMultiple' ? 0 : null)) === value,
  );
}
