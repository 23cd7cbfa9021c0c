import type { PackedArrays } from '../base/pack.ts';
import { Moved, serve } from '../base/worker.ts';
import { packBank } from './bank-totals.ts';
import type { Batch, BatchTaps, HarvestBank } from './batch.ts';
import { Collector, type HarvestedBank } from './collector.ts';
import type { PackedContexts } from './context-table.ts';
import { type FoundRows, RowCollector, type WantedRows } from './row-collector.ts';
import { StateWriter } from './saved-state.ts';
import type { SelectionOptions } from './selection.ts';

let collector: Collector | null = null;
let rows: RowCollector | null = null;
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

  /** Takes charge of some banks for a round of a shard; `maxima` where the choice is by them. */
  openRound(request: {
    banks: readonly HarvestBank[];
    selection: SelectionOptions;
    length: number;
    what: 'maxima' | 'examples';
    maxima: readonly Float32Array[] | null;
  }): void {
    const { banks, selection, length, what, maxima } = request;
    collector = new Collector(banks, selection, length, what);
    if (maxima !== null) collector.setMaxima(maxima);
  },

  /** Takes charge of the rows that are wanted of some banks. */
  openRows(request: { banks: readonly HarvestBank[]; wanted: readonly WantedRows[]; length: number }): void {
    rows = new RowCollector(request.banks, request.wanted, request.length);
  },

  /** The second pass of a strategy that needs maxima: the statistics stand, examples are chosen. */
  startChoosing(): void {
    collector!.startChoosing();
  },

  /** Takes in the taps of one batch; gives their memory back. */
  scan({ batch, taps }: { batch: Batch; taps: BatchTaps }): Moved<ArrayBuffer[]> {
    (rows ?? collector!).take(batch, taps);
    const buffers = [...new Set(Object.values(taps).map(({ data }) => data.buffer as ArrayBuffer))];
    return new Moved(buffers, buffers);
  },

  save(number: number): void {
    writer.write(number);
  },

  /** Removes what no later `open` can need: everything but the state of that number. */
  forget(number: number): void {
    writer.keepOnly(number);
  },

  /** The maxima that a round found, by bank. */
  maxima(): Float32Array[] {
    return collector!.banks.map(({ maxima }) => maxima);
  },

  /** The statistics and examples that a round found, by bank, and of the inputs of each tap. */
  examples(hasMaxima: boolean): { banks: PackedArrays[]; inputs: Record<string, PackedArrays> } {
    const { banks } = collector!;
    return {
      banks: banks.map((bank) => packBank(bank, hasMaxima)),
      inputs: Object.fromEntries(banks.map(({ bank, inputs }) => [bank.inputTap, inputs.packed()])),
    };
  },

  /** The rows that were wanted; they lie in shared memory. */
  rows(): FoundRows {
    return rows!.finish();
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
