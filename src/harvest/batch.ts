import type { Bank } from '../bank/bank.ts';
import { PolysemeError } from '../errors.ts';
import type { KeptContext } from './context-table.ts';

/** What the harvest must know of a bank. */
export interface HarvestBank {
  readonly name: string;
  readonly units: number;
  /** Dimension of the unit's input. */
  readonly width: number;
  readonly inputTap: string;
  readonly activationTap: string;
  /** Of a mixture: its experts, and the tap of their weights, 0 where one is not taken. */
  readonly experts?: Bank['experts'];
  /** The norms that tell sinks, and above which a position is one; null where none is. */
  readonly sinks: { readonly tap: string; readonly limit: number } | null;
}

/** Contexts to run together. `tokens` is right-padded to `length`. */
export interface Batch {
  readonly ids: readonly number[];
  readonly documents: readonly number[];
  readonly names: readonly string[];
  /** What images show. */
  readonly labels?: readonly (string | null)[];
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
  readonly tokens: Int32Array;
  /** 1 where a position is text (not special, not padding). */
  readonly valid: Uint8Array;
  readonly length: number;
}

/** The values of taps for one batch, by name: row-major [row, position, width]. */
export type BatchTaps = Readonly<Record<string, { readonly data: Float32Array }>>;

/** What is kept of a context that an example lies in. */
export function keptContext(batch: Batch, row: number): KeptContext {
  const start = row * batch.length;
  return {
    document: batch.documents[row]!,
    name: batch.names[row]!,
    label: batch.labels?.[row] ?? null,
    start: batch.starts[row]!,
    tokens: batch.tokens.slice(start, start + batch.lengths[row]!),
  };
}

/** Says in which context something went wrong. */
export function inContext<T>(what: string, { ids, documents }: Batch, row: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PolysemeError)) throw error;
    const where = `${what}, context ${ids[row]} (document ${documents[row]})`;
    throw new PolysemeError(`${where}: ${error.message}`, error.code);
  }
}
