import type { LongCall, Progress } from '../base/progress.ts';
import type { GroupProgress } from '../model/taps.ts';

/** `total` is estimated from the share of the corpus that is read. */
export interface HarvestProgress extends Progress {
  readonly stage: 'harvest';
  readonly unit: 'contexts';
  readonly pass: number;
  readonly passes: number;
  /** Tokens run so far in this pass. */
  readonly tokens: number;
}

/** How far a pass has come. */
type Through = Pick<HarvestProgress, 'done' | 'total' | 'tokens'>;

/** Tells how far a pass over contexts has come, where a model runs in groups of layers between the contexts, too. */
export function contextProgress(
  onProgress: LongCall<HarvestProgress>['onProgress'],
  pass: Pick<HarvestProgress, 'pass' | 'passes'>,
  begun: Through,
): { readonly onGroup: (group: GroupProgress) => void; readonly through: (now: Through) => void } {
  let now = begun;
  let group: GroupProgress | null = null;
  let shown = 0;
  const tell = (): void => {
    // What is ahead is told for contexts that are given next: the sum would fall back until they are taken.
    shown = Math.max(shown, now.done + Math.floor(group?.ahead ?? 0));
    onProgress?.({
      stage: 'harvest',
      unit: 'contexts',
      ...pass,
      ...now,
      done: shown,
      total: Math.max(now.total, shown, now.done + (group?.contexts ?? 0)),
      ...(group !== null && { at: group.at }),
    });
  };
  return {
    onGroup(running) {
      group = running;
      tell();
    },
    through(next) {
      now = next;
      tell();
    },
  };
}
