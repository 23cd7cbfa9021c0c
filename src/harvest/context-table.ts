import { sharedBytes } from '../base/shared-bytes.ts';

/** A context that some example lies in. */
export interface KeptContext {
  /** Ordinal of its document in the corpus, and the document's name. */
  readonly document: number;
  readonly name: string;
  /** What an image shows, where the data says. */
  readonly label?: string | null;
  /** Its first text token among the document's tokens. */
  readonly start: number;
  readonly tokens: Int32Array;
}

/** The contexts that examples refer to; one whose last row is given up is forgotten. */
export class ContextStore {
  readonly #contexts = new Map<number, KeptContext & { uses: number }>();

  /** Counts one more kept row of context `id`. */
  hold(id: number, describe: () => KeptContext): void {
    const known = this.#contexts.get(id);
    if (known !== undefined) known.uses++;
    else this.#contexts.set(id, { ...describe(), uses: 1 });
  }

  release(id: number): void {
    const known = this.#contexts.get(id)!;
    if (--known.uses === 0) this.#contexts.delete(id);
  }

  get size(): number {
    return this.#contexts.size;
  }

  /** All kept contexts in shared memory, by ascending id. */
  pack(): PackedContexts {
    const entries = [...this.#contexts].sort(([a], [b]) => a - b);
    let total = 0;
    for (const [, { tokens }] of entries) total += tokens.length;
    const packed: PackedContexts = {
      id: integers(entries.length),
      document: integers(entries.length),
      start: integers(entries.length),
      offset: integers(entries.length + 1),
      tokens: integers(total),
      uses: integers(entries.length),
      names: entries.map(([, { name }]) => name),
      labels: entries.map(([, { label }]) => label ?? null),
    };
    let at = 0;
    entries.forEach(([id, context], i) => {
      packed.id[i] = id;
      packed.document[i] = context.document;
      packed.start[i] = context.start;
      packed.uses[i] = context.uses;
      packed.offset[i] = at;
      packed.tokens.set(context.tokens, at);
      at += context.tokens.length;
    });
    packed.offset[entries.length] = at;
    return packed;
  }

  restore(packed: PackedContexts): void {
    this.#contexts.clear();
    packed.id.forEach((id, i) => {
      this.#contexts.set(id, {
        document: packed.document[i]!,
        name: packed.names[i]!,
        label: packed.labels[i]!,
        start: packed.start[i]!,
        tokens: packed.tokens.slice(packed.offset[i], packed.offset[i + 1]),
        uses: packed.uses[i]!,
      });
    });
  }
}

/** Contexts side by side: context i has tokens offset[i] … offset[i + 1]. */
export interface PackedContexts {
  readonly id: Int32Array;
  readonly document: Int32Array;
  readonly start: Int32Array;
  readonly offset: Int32Array;
  readonly tokens: Int32Array;
  readonly uses: Int32Array;
  /** Names of the documents. */
  readonly names: readonly string[];
  /** What images show; null where the data does not say, and of text. */
  readonly labels: readonly (string | null)[];
}

/** Contexts kept by several stores, each once, by ascending id. @param only those of these ids */
export function mergeContexts(parts: readonly PackedContexts[], only?: ReadonlySet<number>): PackedContexts {
  const store = new ContextStore();
  for (const part of parts) {
    part.id.forEach((id, i) => {
      if (only?.has(id) === false) return;
      store.hold(id, () => ({
        document: part.document[i]!,
        name: part.names[i]!,
        label: part.labels[i]!,
        start: part.start[i]!,
        tokens: part.tokens.slice(part.offset[i], part.offset[i + 1]),
      }));
    });
  }
  return store.pack();
}

/** The tokens of context `id`. */
export function tokensOf(packed: PackedContexts, id: number): Int32Array {
  const at = placeOf(packed, id);
  return packed.tokens.subarray(packed.offset[at], packed.offset[at + 1]);
}

/** What the image that is context `id` shows; null where nothing says so. */
export function labelOf(packed: PackedContexts, id: number): string | null {
  return packed.labels[placeOf(packed, id)] ?? null;
}

/** Where context `id` is, found by bisection. */
function placeOf(packed: PackedContexts, id: number): number {
  let low = 0;
  let high = packed.id.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (packed.id[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

function integers(length: number): Int32Array {
  return new Int32Array(sharedBytes(length * 4));
}
