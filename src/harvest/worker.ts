import { PolysemeError } from '../errors.ts';
import type { TapData } from '../model/session.ts';
import { serve } from '../rpc.ts';
import { type CapturedRows, Captures } from './captures.ts';
import { type SavedBank, StateWriter } from './checkpoint.ts';
import { ContextStore, type PackedContexts } from './contexts.ts';
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

interface BankState {
  readonly bank: HarvestBank;
  readonly scan: BankScan;
  readonly selection: Selection;
  readonly captures: Captures;
  readonly dirty: Uint8Array;
}

let options: SelectionOptions;
let banks: BankState[] = [];
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
    banks = request.banks.map((bank) => ({
      bank,
      scan: new BankScan(bank.units, request.length, bank.width),
      selection: new Selection(bank.units, options, bank.name),
      captures: new Captures(bank.units, options.examples, bank.width, request.length),
      dirty: new Uint8Array(bank.units * options.examples),
    }));
    writer = new StateWriter(request.stateDir, banks.map(saveable), contexts);
    choosing = !needsMaxima(options);
    if (request.saved === null) return;
    writer.load(request.saved.number);
    if (request.saved.choosing) startChoosing();
  },

  /** The second pass of a strategy that needs maxima: the statistics stand, examples are chosen. */
  startChoosing,

  /** Takes in the taps of one batch. */
  scan({ batch, taps }: { batch: Batch; taps: Readonly<Record<string, TapData>> }): void {
    for (const state of banks) {
      const inputs = taps[state.bank.inputTap]!.data;
      const activations = taps[state.bank.activationTap]!.data;
      for (let row = 0; row < batch.ids.length; row++) scanContext(state, inputs, activations, batch, row);
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
      const { width, length, unitsPerBlock, blocks, scales, activations } = captures;
      return {
        name: bank.name,
        statistics: share(scan.statistics()),
        chosen: { capacity, counts, score, context, position },
        captured: { capacity, width, length, unitsPerBlock, blocks, scales, activations },
      };
    });
    banks = [];
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

/** Offers candidates of one context, and captures those that are taken; each input row is packed once. */
function rowCapturer(state: BankState, inputs: Float32Array, batch: Batch, row: number) {
  const { bank, scan, selection, captures, dirty } = state;
  const id = batch.ids[row]!;
  const length = batch.lengths[row]!;
  const start = row * batch.length;
  const packed: { halves: Uint16Array; scale: number }[] = [];
  const window = scan.half.subarray(0, length);
  const describe = () => ({
    document: batch.documents[row]!,
    name: batch.names[row]!,
    start: batch.starts[row]!,
    tokens: batch.tokens.slice(start, start + length),
  });
  return (unit: number, score: number, position: number): void => {
    const slot = selection.offer(unit, score, id, position);
    if (slot < 0) return;
    contexts.hold(id, describe);
    if (selection.givenUp >= 0) contexts.release(selection.givenUp);
    let input = packed[position];
    if (input === undefined) {
      const at = (start + position) * bank.width;
      const scale = scan.packRow(inputs.subarray(at, at + bank.width));
      input = { halves: scan.half.slice(0, bank.width), scale };
      packed[position] = input;
    }
    captures.scales[2 * slot] = input.scale;
    captures.scales[2 * slot + 1] = scan.packWindow(unit, length);
    captures.activations[slot] = scan.activation(unit, position);
    captures.write(slot, input.halves, window);
    dirty[slot] = 1;
  };
}

function saveable({ bank, scan, selection, captures, dirty }: BankState): SavedBank {
  return { name: bank.name, scan, selection, captures, dirty };
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
