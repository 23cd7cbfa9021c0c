import { PolysemeError } from '../errors.ts';
import type { Program } from '../model/compile.ts';
import { Session } from '../model/session.ts';
import { serve } from '../rpc.ts';
import { type CapturedRows, Captures } from './captures.ts';
import { loadState, type SavedBank, StateWriter } from './checkpoint.ts';
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

let session: Session | null = null;
let options: SelectionOptions;
let banks: BankState[] = [];
let writer: StateWriter | null = null;
const contexts = new ContextStore();
/** Whether this pass collects examples, and whether it collects statistics. */
let choosing = true;
let measuring = true;

const methods = {
  /** Opens the session, and takes up saved state if there is any. @returns the saved progress, or null */
  async open(request: {
    program: Program;
    threads: number;
    banks: readonly HarvestBank[];
    selection: SelectionOptions;
    length: number;
    stateDir: string;
  }): Promise<{ progress: unknown; words: Uint32Array } | null> {
    options = request.selection;
    session = await Session.open(request.program, request.threads);
    banks = request.banks.map((bank) => ({
      bank,
      scan: new BankScan(bank.units, request.length, bank.width),
      selection: new Selection(bank.units, options, bank.name),
      captures: new Captures(bank.units, options.examples, bank.width, request.length),
      dirty: new Uint8Array(bank.units * options.examples),
    }));
    choosing = !needsMaxima(options);
    writer = new StateWriter(request.stateDir);
    const saved = loadState(request.stateDir, banks.map(saveable), contexts);
    if (saved === null) return null;
    writer.continueFrom(saved.segments);
    if (saved.choosing && needsMaxima(options)) startChoosing();
    return { progress: saved.progress, words: saved.words };
  },

  /** The second pass of a strategy that needs maxima: the statistics stand, examples are chosen. */
  startChoosing,

  async run(batch: Batch): Promise<void> {
    const rows = batch.ids.length;
    const taps = await session!.run(batch.tokens, rows, batch.length);
    for (const state of banks) {
      const inputs = taps[state.bank.inputTap]!.data;
      const activations = taps[state.bank.activationTap]!.data;
      for (let row = 0; row < rows; row++) scanContext(state, inputs, activations, batch, row);
    }
  },

  /** Saves everything so far, to be found by `open`. */
  save({ progress, words }: { progress: unknown; words: Uint32Array }): void {
    writer!.write({ banks: banks.map(saveable), contexts: contexts.pack(), choosing, progress, words });
  },

  /** Ends the passes. The session is closed; the answer lies in shared memory. */
  async finish(): Promise<{ banks: HarvestedBank[]; contexts: PackedContexts }> {
    await session!.close();
    session = null;
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

/** The thread that runs the model over the corpus and keeps what each unit's examples need. */
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
      max.map((_, u) => (sign === 'absolute' ? Math.max(score.positive(u), score.negative(u)) : score[sign](u))),
    );
  }
}

function scanContext(state: BankState, inputs: Float32Array, activations: Float32Array, batch: Batch, row: number): void {
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
    const now = scan.activations(t);
    for (const u of candidates) {
      const a = now[u]!;
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
  const packed = new Map<number, { halves: Uint16Array; scale: number }>();
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
    let input = packed.get(position);
    if (input === undefined) {
      const halves = new Uint16Array(bank.width);
      const at = (start + position) * bank.width;
      input = { halves, scale: scan.row(inputs.subarray(at, at + bank.width), halves) };
      packed.set(position, input);
    }
    const place = captures.slot(slot);
    place.row.set(input.halves);
    captures.scales[2 * slot] = input.scale;
    captures.activations[slot] = scan.activations(position)[unit]!;
    place.window.fill(0);
    captures.scales[2 * slot + 1] = scan.window(unit, length, place.window);
    dirty[slot] = 1;
  };
}

function saveable({ scan, selection, captures, dirty }: BankState): SavedBank {
  return { scan, selection, captures, dirty };
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
