import { sharedBytes } from '../base/shared-bytes.ts';
import { type Batch, type BatchTaps, type HarvestBank, inContext, keptContext } from './batch.ts';
import { type CapturedRows, Captures } from './captures.ts';
import { ContextStore, type PackedContexts } from './context-table.ts';
import type { NullInputs } from './null-rows.ts';
import { countSinks, countText, rolesOf, TEXT } from './roles.ts';
import { BankScan, contextsTogether, type Statistics } from './scan.ts';
import { SeenTexts } from './seen-texts.ts';
import { type Chosen, needsMaxima, Selection, type SelectionOptions } from './selection.ts';
import { suffixKeys } from './suffix-keys.ts';
import { TapInputs } from './tap-inputs.ts';

/** A finished bank, in shared memory. */
export interface HarvestedBank {
  readonly name: string;
  readonly statistics: Statistics;
  /** Of a mixture: text positions that the router gave to each expert, which the statistics of its units are over. */
  readonly routed: Float64Array | null;
  readonly chosen: Chosen;
  readonly captured: CapturedRows;
  /** The mean of its units' inputs h over all text positions, d values. */
  readonly inputMean: Float32Array;
  /** h at random text positions, the same for all banks. */
  readonly nullInputs: NullInputs;
  /** Text positions that were no examples, as sinks. */
  readonly sinks: number;
}

/**
 * What is collected: all that a study needs; or what a shard of a divided run finds in one of its rounds, the maxima of
 * the units' scores, or statistics and examples without their inputs.
 */
export type Collected = 'all' | 'maxima' | 'examples';

/** A bank while its examples are collected. */
export interface CollectedBank {
  readonly name: string;
  readonly bank: HarvestBank;
  readonly scan: BankScan;
  readonly selection: Selection;
  /** The largest score of each unit at a position that may be an example, and how many may not, as sinks. */
  readonly maxima: Float32Array;
  readonly sinks: Float64Array;
  /** Text positions given to each expert. */
  readonly routed: Float64Array | null;
  readonly captures: Captures;
  readonly inputs: TapInputs;
}

/**
 * Collects, of some banks, exact statistics of every unit, and its examples with what they need: their inputs, their
 * activations over the context, and the contexts. Batches come in the order of the contexts. In memory, on one thread,
 * anywhere; the harvest runs it on several.
 */
export class Collector {
  readonly banks: readonly CollectedBank[];
  readonly contexts = new ContextStore();
  readonly #options: SelectionOptions;
  readonly #what: Collected;
  /** Contexts that are scanned together. */
  readonly #together: number;
  /** The inputs of each tap. */
  readonly #inputs = new Map<string, TapInputs>();
  /** By context of the batch at hand: what stands for the text up to each position, and whether it is new. */
  #keys: readonly Float64Array[] = [];
  #new: readonly Uint8Array[] = [];
  readonly #seen = new SeenTexts();
  /** Text positions seen. */
  #tokens = 0;
  /** Whether this pass collects examples, and whether it collects statistics. */
  #choosing: boolean;
  #measuring: boolean;

  /**
   * @param length positions of the longest context
   * @param what `examples` of a strategy that needs maxima waits for `setMaxima`
   */
  constructor(
    banks: readonly HarvestBank[],
    options: SelectionOptions,
    length: number,
    what: Collected = 'all',
  ) {
    this.#options = options;
    this.#what = what;
    this.#together = contextsTogether(length);
    this.#choosing = what === 'examples' || (what === 'all' && !needsMaxima(options));
    this.#measuring = what !== 'maxima';
    this.banks = banks.map((bank) => {
      const { name, units, width, inputTap } = bank;
      const inputs = this.#inputs.get(inputTap) ?? new TapInputs(width, length, options.seed);
      this.#inputs.set(inputTap, inputs);
      return {
        name,
        bank,
        scan: new BankScan(units, length, width),
        selection: new Selection(units, options, name),
        maxima: new Float32Array(units).fill(Number.NEGATIVE_INFINITY),
        sinks: new Float64Array(1),
        routed: bank.experts === undefined ? null : new Float64Array(bank.experts.count),
        captures: new Captures(units, options.examples, length, inputs.store),
        inputs,
      };
    });
  }

  /** The second pass of a strategy that needs maxima: the statistics stand, examples are chosen. */
  startChoosing(): void {
    this.#choosing = true;
    this.#measuring = false;
    for (const { maxima, selection } of this.banks) selection.setMaxima(maxima);
  }

  /** Gives the maxima of the units' scores over all of the text, by bank. */
  setMaxima(maxima: readonly Float32Array[]): void {
    this.banks.forEach((bank, b) => {
      bank.maxima.set(maxima[b]!);
      bank.selection.setMaxima(bank.maxima);
    });
  }

  /** Takes in the taps of one batch. */
  take(batch: Batch, taps: BatchTaps): void {
    if (this.#measuring) this.#tokens += countText(batch.valid);
    if (this.#choosing && !this.#options.keepDuplicates) {
      this.#keys = batch.ids.map((_, row) => keysOf(batch, row));
      this.#new = this.#keys.map((keys) => this.#seen.take(keys));
    }
    // One tap after another, with many contexts: what is kept of its banks stays in the cache.
    const { length: count } = batch.ids;
    const most = this.#together;
    for (const [tap, inputs] of this.#inputs) {
      const own = this.banks.filter(({ bank }) => bank.inputTap === tap);
      if (this.#measuring) {
        for (let row = 0; row < count; row++) this.#measureInputs(tap, inputs, batch, taps, row);
      }
      for (let first = 0; first < count; first += most) {
        const rows = Array.from({ length: Math.min(most, count - first) }, (_, r) => first + r);
        inputs.store.begin();
        for (const state of own) this.#takeContexts(state, batch, taps, rows);
      }
    }
  }

  /** What a checkpoint must hold beside the banks, their inputs and the contexts; `restore` puts it back, after those. */
  state(): { tokens: Uint32Array } {
    return { tokens: Uint32Array.of(this.#tokens % 2 ** 32, Math.floor(this.#tokens / 2 ** 32)) };
  }

  restore({ tokens }: { tokens: Uint32Array }): void {
    this.#tokens = tokens[0]! + tokens[1]! * 2 ** 32;
    for (const { selection } of this.banks) for (const key of selection.texts()) this.#seen.add(key);
  }

  /** What was collected, in shared memory. */
  finish(): { banks: HarvestedBank[]; contexts: PackedContexts } {
    const banks = this.banks.map(({ name, scan, selection, sinks, routed, captures, inputs }) => {
      const { capacity, counts, score, context, position, key } = selection;
      return {
        name,
        statistics: share(scan.statistics()),
        routed,
        chosen: { capacity, counts, score, context, position, key },
        captured: captures.share(),
        inputMean: inputs.mean(this.#tokens),
        nullInputs: inputs.nulls.inputs(),
        sinks: sinks[0]!,
      };
    });
    return { banks, contexts: this.contexts.pack() };
  }

  /** Adds a context's inputs to the means, and draws from them. */
  #measureInputs(
    tap: string,
    { width, sums, nulls }: TapInputs,
    batch: Batch,
    taps: BatchTaps,
    row: number,
  ): void {
    const start = row * batch.length;
    const end = start + batch.lengths[row]!;
    const text = batch.valid.subarray(start, end);
    const values = taps[tap]!.data;
    inContext(`the inputs ${tap}`, batch, row, () =>
      sums.add(values.subarray(start * width, end * width), text),
    );
    for (let t = start; t < end; t++) {
      if (batch.valid[t] === 0) continue;
      nulls.offer(batch.ids[row]!, t - start, () =>
        this.banks[0]!.scan.pack(values.subarray(t * width, (t + 1) * width)),
      );
    }
  }

  /** Takes in rows of a batch that are scanned together. */
  #takeContexts(state: CollectedBank, batch: Batch, taps: BatchTaps, rows: readonly number[]): void {
    const { bank, scan, selection, maxima } = state;
    const roles = rows.map((row) => rolesOf(bank, taps, batch, row));
    if (this.#measuring) {
      for (const { all, own } of roles) {
        state.sinks[0]! += countSinks(all);
        addRouted(state.routed, own);
      }
    }
    const contexts = rows.map((row, r) => ({
      first: row * batch.length * bank.units,
      roles: roles[r]!.own,
    }));
    const { floor } = selection;
    const { best } = scan;
    const { sign, everyPosition } = this.#options;
    const { capture, end: endUnit } = this.#capturer(state, taps[bank.inputTap]!.data, batch, rows);
    const panels = scan.scan(taps[bank.activationTap]!.data, contexts, sign, this.#measuring, (r, fail) =>
      inContext(bank.name, batch, rows[r]!, fail),
    );
    for (const { first, end } of panels) {
      if (!this.#choosing) {
        for (let r = 0; r < rows.length; r++) {
          const own = best[r]!;
          for (let u = first; u < end; u++) if (own[u]! > maxima[u]!) maxima[u] = own[u]!;
        }
        continue;
      }
      for (let u = first; u < end; u++) {
        for (let r = 0; r < rows.length; r++) {
          const score = best[r]![u]!;
          if (!(score > floor[u]!)) continue;
          if (everyPosition) this.#captureAll(state, contexts[r]!.roles, u, r, capture);
          else capture(u, r, score, scan.position(u, r));
        }
        endUnit();
      }
    }
  }

  /** Offers every position of a unit in a context. */
  #captureAll(
    { bank, scan, selection: { floor } }: CollectedBank,
    roles: readonly Uint8Array[],
    unit: number,
    r: number,
    capture: (unit: number, r: number, score: number, position: number) => void,
  ): void {
    const { sign } = this.#options;
    const own = roles[Math.floor((unit * roles.length) / bank.units)]!;
    for (let t = 0; t < own.length; t++) {
      if (own[t] !== TEXT) continue;
      const a = scan.activation(unit, r, t);
      const score = sign === 'positive' ? a : sign === 'negative' ? -a : Math.abs(a);
      if (score > floor[unit]!) capture(unit, r, score, t);
    }
  }

  /** Offers candidates of some rows, one unit after another, and captures those that are taken; `end` when a unit's were offered. */
  #capturer(
    { bank, scan, selection, captures }: CollectedBank,
    inputs: Float32Array,
    batch: Batch,
    rows: readonly number[],
  ) {
    const { store, rows: inputRows, windows, activations } = captures;
    const contexts = rows.map((row) => ({
      id: batch.ids[row]!,
      start: row * batch.length,
      keys: this.#keys[row],
      isNew: this.#new[row],
      describe: () => keptContext(batch, row),
    }));
    const { sign } = this.#options;
    const offer = (unit: number, r: number, score: number, position: number): number => {
      const { id, keys, isNew } = contexts[r]!;
      return selection.offer(unit, score, id, position, keys?.[position] ?? 0, isNew?.[position] === 1);
    };
    if (this.#what === 'examples') return { capture: offer, end: () => {} };
    // Windows of a unit that come to lie side by side are copied together.
    let [firstUnit, firstContext, firstSlot, count] = [0, 0, 0, 0];
    const end = (): void => {
      if (count > 0) windows.writeRows(firstSlot, scan.windows(firstUnit, firstContext, count));
      count = 0;
    };
    const capture = (unit: number, r: number, score: number, position: number): void => {
      const slot = offer(unit, r, score, position);
      if (slot < 0) return;
      const { id, start, describe } = contexts[r]!;
      const at = r * batch.length + position;
      // The new row is held before the old one is let go: they may be the same.
      let input = store.hold(at);
      if (input < 0) {
        const from = (start + position) * bank.width;
        input = store.add(at, scan.pack(inputs.subarray(from, from + bank.width)));
        this.contexts.hold(id, describe);
      }
      if (selection.givenUp >= 0 && store.release(inputRows[slot]!)) this.contexts.release(selection.givenUp);
      inputRows[slot] = input;
      activations[slot] =
        sign === 'positive' ? score : sign === 'negative' ? -score : scan.activation(unit, r, position);
      if (count > 0 && r === firstContext + count && slot === firstSlot + count) {
        count++;
        return;
      }
      end();
      [firstUnit, firstContext, firstSlot, count] = [unit, r, slot, 1];
    };
    return { capture, end };
  }
}

/** Adds the text positions of a context to those of each expert. */
function addRouted(routed: Float64Array | null, own: readonly Uint8Array[]): void {
  routed?.forEach((count, expert) => {
    routed[expert] = count + countText(own[expert]!);
  });
}

function keysOf(batch: Batch, row: number): Float64Array {
  const start = row * batch.length;
  return suffixKeys(batch.tokens.subarray(start, start + batch.lengths[row]!));
}

function share(statistics: Statistics): Statistics {
  const copy = <T extends Float64Array | Float32Array | Uint32Array>(array: T): T => {
    const Type = array.constructor as new (buffer: ArrayBufferLike) => T;
    const shared = new Type(sharedBytes(array.byteLength));
    shared.set(array as never);
    return shared;
  };
  return {
    sum: copy(statistics.sum),
    max: copy(statistics.max),
    min: copy(statistics.min),
    active: copy(statistics.active),
    histogram: copy(statistics.histogram),
  };
}
