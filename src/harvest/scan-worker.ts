import { serve } from '../base/rpc.ts';
import { PolysemeError } from '../errors.ts';
import type { TapData } from '../model/session.ts';
import { type CapturedRows, Captures } from './captures.ts';
import { ContextStore, type PackedContexts } from './context-table.ts';
import { RowStore } from './row-store.ts';
import { type SavedBank, StateWriter } from './saved-state.ts';
import { BankScan, type Statistics } from './scan.ts';
import { type Chosen, needsMaxima, Selection, type SelectionOptions } from './selection.ts';

/** What the harvest must know of a bank. */
export interface HarvestBank {
  readonly name: string;
  readonly units: number;
  /** Dimension of the unit's input. */
  readonly width: number;
  readonly inputTap: string;
  readonly activationTap: string;
}

/** Contexts to run together. `tokens` is right-padded to `length`. */
export interface Batch {
  readonly ids: readonly number[];
  readonly documents: readonly number[];
  readonly names: readonly string[];
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
  readonly tokens: Int32Array;
  /** 1 where a position is text (not special, not padding). */
  readonly valid: Uint8Array;
  readonly length: number;
}

/** A finished bank, in shared memory. */
export interface HarvestedBank {
  readonly name: string;
  readonly statistics: Statistics;
  readonly chosen: Chosen;
  readonly captured: CapturedRows;
}

interface BankState extends SavedBank {
  readonly bank: HarvestBank;
}

let options: SelectionOptions;
let banks: BankState[] = [];
/** The input rows of each tap. */
let stores = new Map<string, RowStore>();
let writer: StateWriter;
const contexts = new ContextStore();
/** Whether this pass collects examples, and whether it collects statistics. */
let choosing = true;
let measuring = true;

const methods = {
  /** Takes charge of some banks; with `saved`, goes on from the state of that number. */
  open(request: {
    banks: readonly HarvestBank[];
    selection: SelectionOptions;
    length: number;
    stateDir: string;
    saved: { number: number; choosing: boolean } | null;
  }): void {
    options = request.selection;
    stores = new Map();
    banks = request.banks.map((bank) => {
      const { name, units, width, inputTap } = bank;
      const store = stores.get(inputTap) ?? new RowStore(width, request.length);
      stores.set(inputTap, store);
      return {
        name,
        bank,
        scan: new BankScan(units, request.length, width),
        selection: new Selection(units, options, name),
        captures: new Captures(units * options.examples, request.length, store),
      };
    });
    writer = new StateWriter(request.stateDir, banks, contexts);
    choosing = !needsMaxima(options);
    if (request.saved === null) return;
    writer.load(request.saved.number);
    if (request.saved.choosing) startChoosing();
  },

  /** The second pass of a strategy that needs maxima: the statistics stand, examples are chosen. */
  startChoosing,

  /** Takes in the taps of one batch. */
  scan({ batch, taps }: { batch: Batch; taps: Readonly<Record<string, TapData>> }): void {
    for (let row = 0; row < batch.ids.length; row++) {
      for (const store of stores.values()) store.begin();
      for (const state of banks) {
        const { inputTap, activationTap } = state.bank;
        scanContext(state, taps[inputTap]!.data, taps[activationTap]!.data, batch, row);
      }
    }
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
    const finished = banks.map(({ bank, scan, selection, captures }) => {
      const { capacity, counts, score, context, position } = selection;
      return {
        name: bank.name,
        statistics: share(scan.statistics()),
        chosen: { capacity, counts, score, context, position },
        captured: captures.share(),
      };
    });
    banks = [];
    stores.clear();
    return { banks: finished, contexts: contexts.pack() };
  },
};

/** A thread that keeps, of some banks, what each unit's examples need. */
export type HarvestMethods = typeof methods;

serve(methods);

function startChoosing(): void {
  choosing = true;
  measuring = false;
  for (const { scan, selection } of banks) {
    const { max, min } = scan.statistics();
    const score = { positive: (u: number) => max[u]!, negative: (u: number) => -min[u]! };
    const { sign } = options;
    selection.setMaxima(
      max.map((_, u) =>
        sign === 'absolute' ? Math.max(score.positive(u), score.negative(u)) : score[sign](u),
      ),
    );
  }
}

function scanContext(
  state: BankState,
  inputs: Float32Array,
  activations: Float32Array,
  batch: Batch,
  row: number,
): void {
  const { bank, scan, selection } = state;
  const length = batch.lengths[row]!;
  const start = row * batch.length;
  const valid = batch.valid.subarray(start, start + length);
  const peaks = scan.scan(activations, start * bank.units, valid, options.sign, measuring);
  if (peaks === null) {
    throw new PolysemeError(
      `bank ${bank.name}: an activation is NaN in context ${batch.ids[row]} (document ${batch.documents[row]}): ` +
        'the weights overflow in float32, or are damaged',
    );
  }
  if (!choosing) return;
  const { best, where } = peaks;
  const { floor } = selection;
  const capture = rowCapturer(state, inputs, batch, row);
  if (!options.everyPosition) {
    for (let u = 0; u < bank.units; u++) {
      if (best[u]! > floor[u]!) capture(u, best[u]!, where[u]!);
    }
    return;
  }
  const candidates: number[] = [];
  for (let u = 0; u < bank.units; u++) if (best[u]! > floor[u]!) candidates.push(u);
  for (let t = 0; t < length; t++) {
    if (valid[t] === 0) continue;
    for (const u of candidates) {
      const a = scan.activation(u, t);
      const score = options.sign === 'positive' ? a : options.sign === 'negative' ? -a : Math.abs(a);
      if (score > floor[u]!) capture(u, score, t);
    }
  }
}

/** Offers candidates of one context, and captures those that are taken. */
function rowCapturer(
  { bank, scan, selection, captures }: BankState,
  inputs: Float32Array,
  batch: Batch,
  row: number,
) {
  const { store, rows, windows, activations } = captures;
  const id = batch.ids[row]!;
  const start = row * batch.length;
  const describe = () => ({
    document: batch.documents[row]!,
    name: batch.names[row]!,
    start: batch.starts[row]!,
    tokens: batch.tokens.slice(start, start + batch.lengths[row]!),
  });
  return (unit: number, score: number, position: number): void => {
    const slot = selection.offer(unit, score, id, position);
    if (slot < 0) return;
    // The new row is held before the old one is let go: they may be the same.
    let input = store.hold(position);
    if (input < 0) {
      const at = (start + position) * bank.width;
      input = store.add(position, scan.pack(inputs.subarray(at, at + bank.width)));
      contexts.hold(id, describe);
    }
    if (selection.givenUp >= 0 && store.release(rows[slot]!)) contexts.release(selection.givenUp);
    rows[slot] = input;
    windows.write(slot, scan.window(unit));
    activations[slot] = scan.activation(unit, position);
  };
}

function share(statistics: Statistics): Statistics {
  const copy = <T extends Float64Array | Float32Array | Uint32Array>(array: T): T => {
    const Type = array.constructor as new (buffer: SharedArrayBuffer) => T;
    const shared = new Type(new SharedArrayBuffer(array.byteLength));
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
