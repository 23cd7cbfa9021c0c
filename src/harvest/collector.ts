import { sharedBytes } from '../base/shared-bytes.ts';
import { type Batch, type BatchTaps, type HarvestBank, inContext, keptContext } from './batch.ts';
import { type CapturedRows, Captures } from './captures.ts';
import { ContextStore, type PackedContexts } from './context-table.ts';
import type { NullInputs } from './null-rows.ts';
import { countSinks, countText, rolesOf, TEXT } from './roles.ts';
import { BankScan, type Statistics } from './scan.ts';
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
    // One tap after another, with all contexts of the batch: what is kept of its banks stays in the cache.
    for (const [tap, inputs] of this.#inputs) {
      const own = this.banks.filter(({ bank }) => bank.inputTap === tap);
      for (let row = 0; row < batch.ids.length; row++) {
        inputs.store.begin();
        if (this.#measuring) this.#measureInputs(tap, inputs, batch, taps, row);
        for (const state of own) this.#takeContext(state, batch, taps, row);
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

  #takeContext(state: CollectedBank, batch: Batch, taps: BatchTaps, row: number): void {
    const { bank, scan, selection, maxima } = state;
    const { all, own: roles } = rolesOf(bank, taps, batch, row);
    if (this.#measuring) {
      state.sinks[0]! += countSinks(all);
      addRouted(state.routed, roles);
    }
    const first = row * batch.length * bank.units;
    const best = inContext(bank.name, batch, row, () =>
      scan.scan(taps[bank.activationTap]!.data, first, roles, this.#options.sign, this.#measuring),
    );
    if (!this.#choosing) {
      for (let u = 0; u < bank.units; u++) if (best[u]! > maxima[u]!) maxima[u] = best[u]!;
      return;
    }
    const { floor } = selection;
    const { capture, end } = this.#capturer(state, taps[bank.inputTap]!.data, batch, row);
    if (!this.#options.everyPosition) {
      for (let u = 0; u < bank.units; u++) {
        if (best[u]! > floor[u]!) capture(u, best[u]!, scan.position(u));
      }
      end();
      return;
    }
    const candidates: number[] = [];
    for (let u = 0; u < bank.units; u++) if (best[u]! > floor[u]!) candidates.push(u);
    const each = bank.units / roles.length;
    for (let t = 0; t < batch.lengths[row]!; t++) {
      for (const u of candidates) {
        if (roles[Math.floor(u / each)]![t] !== TEXT) continue;
        const a = scan.activation(u, t);
        const score =
          this.#options.sign === 'positive' ? a : this.#options.sign === 'negative' ? -a : Math.abs(a);
        if (score > floor[u]!) capture(u, score, t);
      }
    }
    end();
  }

  /** Offers candidates of one context, and captures those that are taken; `end` when all were offered. */
  #capturer(
    { bank, scan, selection, captures }: CollectedBank,
    inputs: Float32Array,
    batch: Batch,
    row: number,
  ) {
    const { store, rows, windows, activations } = captures;
    const keys = this.#keys[row];
    const isNew = this.#new[row];
    const { sign } = this.#options;
    const id = batch.ids[row]!;
    const start = row * batch.length;
    const describe = () => keptContext(batch, row);
    const offer = (unit: number, score: number, position: number): number =>
      selection.offer(unit, score, id, position, keys?.[position] ?? 0, isNew?.[position] === 1);
    if (this.#what === 'examples') return { capture: offer, end: () => {} };
    // Windows of neighbouring units that come to lie side by side are copied together.
    let [firstUnit, firstRow, count] = [0, 0, 0];
    const end = (): void => {
      if (count > 0) windows.writeRows(firstRow, scan.windows(firstUnit, count));
      count = 0;
    };
    const capture = (unit: number, score: number, position: number): void => {
      const slot = offer(unit, score, position);
      if (slot < 0) return;
      // The new row is held before the old one is let go: they may be the same.
      let input = store.hold(position);
      if (input < 0) {
        const at = (start + position) * bank.width;
        input = store.add(position, scan.pack(inputs.subarray(at, at + bank.width)));
        this.contexts.hold(id, describe);
      }
      if (selection.givenUp >= 0 && store.release(rows[slot]!)) this.contexts.release(selection.givenUp);
      rows[slot] = input;
      activations[slot] =
        sign === 'positive' ? score : sign === 'negative' ? -score : scan.activation(unit, position);
      const window = captures.windowRow(slot);
      if (count > 0 && unit === firstUnit + count && window === firstRow + count) {
        count++;
        return;
      }
      end();
      [firstUnit, firstRow, count] = [unit, window, 1];
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
