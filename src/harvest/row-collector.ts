import { sharedBytes } from '../base/shared-bytes.ts';
import { type Batch, type BatchTaps, type HarvestBank, inContext, keptContext } from './batch.ts';
import { type CapturedRows, shareRows } from './captures.ts';
import { ContextStore, type PackedContexts } from './context-table.ts';
import { HalfRowTable } from './half-rows.ts';
import { BankScan } from './scan.ts';

/** Examples of a bank whose rows are wanted, by ascending context, and of each context by ascending slot. */
export interface WantedRows {
  readonly context: Uint32Array;
  readonly position: Uint32Array;
  readonly unit: Uint32Array;
  /** The slot of each among the chosen examples. */
  readonly slot: Uint32Array;
}

/** What was found of them: row i belongs to the wanted example i. */
export interface FoundRows {
  readonly banks: readonly CapturedRows[];
  readonly contexts: PackedContexts;
}

interface Bank extends CapturedRows {
  readonly bank: HarvestBank;
  readonly wanted: WantedRows;
  readonly scan: BankScan;
  readonly inputs: HalfRowTable;
  readonly windows: HalfRowTable;
}

/** Collects, of examples that are chosen already, their inputs, their activations over the context, and the contexts. */
export class RowCollector {
  readonly #banks: readonly Bank[];
  /** The inputs of each tap: their rows, and which positions of the context at hand have one. */
  readonly #inputs = new Map<
    string,
    { readonly table: HalfRowTable; count: number; rows: Map<number, number> }
  >();
  readonly #contexts = new ContextStore();

  constructor(banks: readonly HarvestBank[], wanted: readonly WantedRows[], length: number) {
    this.#banks = banks.map((bank, b) => {
      const { inputTap, units, width } = bank;
      const inputs = this.#inputs.get(inputTap) ?? {
        table: new HalfRowTable(width),
        count: 0,
        rows: new Map(),
      };
      this.#inputs.set(inputTap, inputs);
      const count = wanted[b]!.slot.length;
      return {
        bank,
        wanted: wanted[b]!,
        scan: new BankScan(units, length, width),
        inputs: inputs.table,
        rows: new Uint32Array(sharedBytes(count * 4)),
        windows: new HalfRowTable(length),
        activations: new Float32Array(sharedBytes(count * 4)),
      };
    });
  }

  take(batch: Batch, taps: BatchTaps): void {
    for (let row = 0; row < batch.ids.length; row++) {
      for (const inputs of this.#inputs.values()) inputs.rows.clear();
      for (const bank of this.#banks) this.#takeContext(bank, batch, taps, row);
    }
  }

  finish(): FoundRows {
    return { banks: this.#banks.map(shareRows), contexts: this.#contexts.pack() };
  }

  #takeContext(
    { bank, wanted, scan, rows, windows, activations }: Bank,
    batch: Batch,
    taps: BatchTaps,
    row: number,
  ): void {
    const id = batch.ids[row]!;
    const first = lowerBound(wanted.context, id);
    if (wanted.context[first] !== id) return;
    const { inputTap, activationTap, width, units } = bank;
    const start = row * batch.length;
    const valid = batch.valid.subarray(start, start + batch.lengths[row]!);
    const contexts = [{ first: start * units, roles: [valid] }];
    const panels = scan.scan(taps[activationTap]!.data, contexts, 'positive', false, (_, fail) =>
      inContext(bank.name, batch, row, fail),
    );
    this.#contexts.hold(id, () => keptContext(batch, row));
    const inputs = this.#inputs.get(inputTap)!;
    let i = first;
    for (const { end } of panels) {
      for (; wanted.context[i] === id && wanted.unit[i]! < end; i++) {
        const position = wanted.position[i]!;
        let input = inputs.rows.get(position);
        if (input === undefined) {
          input = inputs.count++;
          inputs.rows.set(position, input);
          const at = (start + position) * width;
          inputs.table.write(input, scan.pack(taps[inputTap]!.data.subarray(at, at + width)));
        }
        rows[i] = input;
        windows.write(i, scan.window(wanted.unit[i]!, 0));
        activations[i] = scan.activation(wanted.unit[i]!, 0, position);
      }
    }
  }
}

/** The first place whose value is not below `value`. */
export function lowerBound(values: Uint32Array, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
