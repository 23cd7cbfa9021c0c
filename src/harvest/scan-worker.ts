import { serve } from '../base/worker.ts';
import type { Batch, BatchTaps, HarvestBank } from './batch.ts';
import { Collector, type HarvestedBank } from './collector.ts';
import type { PackedContexts } from './context-table.ts';
import { StateWriter } from './saved-state.ts';
import type { SelectionOptions } from './selection.ts';

let collector: Collector | null = null;
let writer: StateWriter;

const methods = {
  /** Takes charge of some banks; with `saved`, goes on from the state of that number. */
  open(request: {
    banks: readonly HarvestBank[];
    selection: SelectionOptions;
    length: number;
    stateDir: string;
    saved: { number: number; choosing: boolean } | null;
  }): void {
    collector = new Collector(request.banks, request.selection, request.length);
    writer = new StateWriter(request.stateDir, collector);
    if (request.saved === null) return;
    writer.load(request.saved.number);
    if (request.saved.choosing) collector.startChoosing();
  },

  /** The second pass of a strategy that needs maxima: the statistics stand, examples are chosen. */
  startChoosing(): void {
    collector!.startChoosing();
  },

  /** Takes in the taps of one batch. */
  scan({ batch, taps }: { batch: Batch; taps: BatchTaps }): void {
    collector!.take(batch, taps);
  },

  save(number: number): void {
    writer.write(number);
  },

  /** Removes what no later `open` can need: everything but the state of that number. */
  forget(number: number): void {
    writer.keepOnly(number);
  },

  /** Ends the passes; the answer lies in shared memory. */
  finish(): { banks: HarvestedBank[]; contexts: PackedContexts } {
    const found = collector!.finish();
    collector = null;
    return found;
  },
};

/** A thread that keeps, of some banks, what each unit's examples need. */
export type HarvestMethods = typeof methods;

serve(methods);
