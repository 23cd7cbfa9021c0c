import { extendDigest, NO_CONTEXTS } from './context-digest.ts';
import { type Context, windowContext } from './contexts.ts';
import type { Corpus, DocumentCursor } from './corpus.ts';
import { frameOf, type TokenEncoder, type WindowOptions, windowSize } from './windows.ts';

/** Contexts that follow one another, found again without reading what stands before them. */
export interface ContextPart {
  /** The first one's id, and how many they are. */
  readonly first: number;
  readonly count: number;
  /** Where the first one's document begins. */
  readonly document: DocumentCursor;
  /** Runs of windows, each three numbers: the document's ordinal, its first window, and how many. */
  readonly runs: Uint32Array;
  /** Of each context, 64 bits of its digest. */
  readonly digests: Uint32Array;
}

/** Numbers of a run. */
export const RUN_NUMBERS = 3;

/** Cuts the contexts of a part, as the whole corpus was cut. */
export async function* cutPart(
  corpus: Corpus,
  tokenizer: TokenEncoder,
  { length, bos }: WindowOptions,
  { first, count, document: from, runs }: ContextPart,
): AsyncGenerator<Context> {
  const frame = frameOf(tokenizer, bos);
  const size = windowSize(length, frame);
  let at = 0;
  let id = first;
  for await (const document of corpus.documents(from)) {
    if (document.ordinal !== runs[at]) continue;
    const tokens = new Int32Array(tokenizer.encode(document.text));
    for (; runs[at] === document.ordinal; at += RUN_NUMBERS) {
      const window = runs[at + 1]!;
      for (let w = window; w < window + runs[at + 2]!; w++, id++) {
        yield windowContext({ size, frame }, document, tokens, w, { id, done: (id + 1 - first) / count });
      }
    }
    if (at === runs.length) return;
  }
}

/** What is remembered of contexts as they come by, to divide them into parts: 8 bytes a context, 60 a run of windows. */
export class ContextLog {
  #digests = new Uint32Array(1024);
  #count = 0;
  /** Of each run: the document's cursor, its first window, how many windows, and the id of the first. */
  readonly #runs: { document: DocumentCursor; window: number; windows: number; first: number }[] = [];

  /** Contexts that were added. */
  get count(): number {
    return this.#count;
  }

  add(context: Context): void {
    if (2 * this.#count === this.#digests.length) {
      const grown = new Uint32Array(2 * this.#digests.length);
      grown.set(this.#digests);
      this.#digests = grown;
    }
    this.#digests.set(shortDigest(context), 2 * this.#count);
    const { document, window } = context.cursor;
    const last = this.#runs.at(-1);
    if (last?.document.document === document.document && last.window + last.windows === window - 1)
      last.windows++;
    else this.#runs.push({ document, window: window - 1, windows: 1, first: this.#count });
    this.#count++;
  }

  /** The contexts in `parts` parts of as many each, give or take one; the last are empty where there are too few. */
  *parts(parts: number): Generator<ContextPart> {
    let at = 0;
    for (let part = 0; part < parts; part++) {
      const first = Math.floor((part * this.#count) / parts);
      const end = Math.floor(((part + 1) * this.#count) / parts);
      const runs: number[] = [];
      while (at + 1 < this.#runs.length && this.#runs[at + 1]!.first <= first) at++;
      const from = this.#runs[at]!.document;
      for (let r = at; r < this.#runs.length && this.#runs[r]!.first < end; r++) {
        const { document, window, windows, first: id } = this.#runs[r]!;
        const [low, high] = [Math.max(first, id), Math.min(end, id + windows)];
        if (high > low) runs.push(document.document, window + low - id, high - low);
      }
      yield {
        first,
        count: end - first,
        document: from,
        runs: Uint32Array.from(runs),
        digests: this.#digests.slice(2 * first, 2 * end),
      };
    }
  }
}

/** 64 bits of a context's digest. */
export function shortDigest(context: Context): [number, number] {
  const digest = extendDigest(NO_CONTEXTS, context);
  return [Number.parseInt(digest.slice(0, 8), 16), Number.parseInt(digest.slice(8, 16), 16)];
}
