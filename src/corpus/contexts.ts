import { PolysemeError } from '../errors.ts';
import type { Corpus, Document, DocumentCursor } from './corpus.ts';
import { DigestSet } from './digest-set.ts';
import type { Image, Pixels } from './images/image.ts';
import { type Selection, selectWindows } from './select-windows.ts';
import {
  type Frame,
  frameOf,
  LEAST_TOKENS,
  type TokenEncoder,
  type WindowOptions,
  windowCount,
  windowSize,
  windowTokens,
} from './windows.ts';

export interface ContextOptions extends WindowOptions {
  /**
   * Take this many contexts: of a finite corpus spread evenly over its documents (all where there are fewer),
   * of a stream the first. Default: all.
   */
  count?: number;
  /** Seed of the choice that `count` asks for. */
  seed?: number;
  /** The `cursor` of a context of an earlier iteration with the same corpus and options: go on after it. */
  from?: ContextCursor;
  /** Leave out documents whose text came before. */
  skipDuplicates?: boolean;
  /** With `from` and `skipDuplicates`: the `digests` of the documents up to that cursor. */
  digests?: Uint32Array;
}

/** A window of tokens from one document, or an image. */
export interface Context {
  /** From 0, in order. */
  id: number;
  /** Ordinal of the document in the corpus. */
  document: number;
  documentName: string;
  /** Where the first text token stands among the document's tokens. */
  start: number;
  /**
   * Token ids, at most `length`; BOS first where it was asked for, an encoder's special tokens around them. Of an
   * image, the numbers of its positions.
   */
  tokens: Int32Array;
  /** Of an image: its pixels as they are, as the model reads them, and what it shows, where the data says. */
  image?: Image;
  pixels?: Pixels;
  label?: string | null;
  /** The state after this context. */
  cursor: ContextCursor;
  /** Share of the contexts that are done with this one: exact with `count`, else by the bytes read. */
  done: number;
}

/** How far an iteration has come: plain JSON. */
export interface ContextCursor {
  /** Id of the next context. */
  id: number;
  /** The document of the last context, and how many of its windows are done. */
  document: DocumentCursor;
  window: number;
  summary: ContextSummary;
}

/** Counts so far; of the whole once the iteration has ended. */
export interface ContextSummary {
  /** Documents seen: all those of the corpus, if the iteration went to its end. */
  documents: number;
  /** Documents left out because they have fewer than two tokens (with `count`: of those that were looked at). */
  skipped: number;
  /** Documents left out because their text came before, with `skipDuplicates`. */
  duplicates: number;
  contexts: number;
  /** Text tokens in the contexts; BOS and an encoder's special tokens are not counted. */
  tokens: number;
}

/** The counts of nothing. */
export const NO_SUMMARY: ContextSummary = { documents: 0, skipped: 0, duplicates: 0, contexts: 0, tokens: 0 };

export interface Contexts extends AsyncIterable<Context> {
  readonly summary: ContextSummary;
  /** Digests of the different documents up to a cursor, to go on from it; none where duplicates are kept. */
  digests?(cursor: ContextCursor): Uint32Array;
}

/**
 * Cuts the documents of a corpus into contexts that do not overlap, in corpus order: the same corpus, options and
 * seed give the same contexts. A document's last, shorter window is kept if it has two text tokens or more.
 *
 * To be iterated once. Fails with PolysemeError where no document has two tokens.
 *
 * @example
 * const { tokenizer } = await loadModel('builtin:folio-5m');
 * const contexts = cutContexts(await openCorpus('builtin:sotu'), tokenizer, { length: 128, bos: false, count: 3 });
 * for await (const { documentName, tokens } of contexts) console.log(documentName, tokenizer.decode(tokens));
 */
export function cutContexts(corpus: Corpus, tokenizer: TokenEncoder, options: ContextOptions): Contexts {
  const { count, seed = 0, bos, from, skipDuplicates = false } = options;
  const frame = frameOf(tokenizer, bos);
  const size = windowSize(options.length, frame);
  if (count !== undefined && !(Number.isSafeInteger(count) && count > 0)) {
    throw new PolysemeError(`number of contexts ${count}: must be a whole number above 0`);
  }
  const cutter: Cutter = {
    corpus,
    size,
    frame,
    encode: ({ text }) => new Int32Array(tokenizer.encode(text)),
    summary: { ...NO_SUMMARY, ...from?.summary },
    known: skipDuplicates ? new DigestSet(options.digests) : null,
  };
  const contexts =
    count === undefined || corpus.kind === 'stream'
      ? allContexts(cutter, count ?? Infinity, from)
      : selectedContexts(cutter, count, seed, from?.id ?? 0);
  const { summary, known } = cutter;
  return {
    summary,
    digests: ({ summary: { documents, duplicates } }) =>
      known?.first(documents - duplicates) ?? new Uint32Array(0),
    [Symbol.asyncIterator]: () => notEmpty(contexts, cutter),
  };
}

interface Cutter {
  corpus: Corpus;
  size: number;
  frame: Frame;
  encode(document: Document): Int32Array;
  summary: ContextSummary;
  /** The documents that came so far; null where duplicates are kept. */
  known: DigestSet | null;
}

async function* allContexts(
  cutter: Cutter,
  count: number,
  from: ContextCursor | undefined,
): AsyncGenerator<Context> {
  const { corpus, size, encode, summary, known } = cutter;
  if (summary.contexts >= count) return;
  let done = from?.window ?? 0;
  for await (const document of corpus.documents(from?.document)) {
    // The document to go on with has been counted already.
    if (done === 0) {
      summary.documents++;
      if (known?.add(document.text) === false) {
        summary.duplicates++;
        continue;
      }
    }
    const tokens = encode(document);
    const windows = windowCount(tokens.length, size);
    if (windows === 0) summary.skipped++;
    for (let window = done; window < windows; window++) {
      const share = count === Infinity ? document.done : (summary.contexts + 1) / count;
      yield contextOf(cutter, document, tokens, window, share);
      if (summary.contexts >= count) return;
    }
    done = 0;
  }
}

async function* selectedContexts(
  cutter: Cutter,
  count: number,
  seed: number,
  first: number,
): AsyncGenerator<Context> {
  const { corpus, size, encode, summary, known } = cutter;
  const selection = await selectWindows(corpus, encode, {
    count,
    seed,
    size,
    skipDuplicates: known !== null,
  });
  summary.documents = selection.documents;
  summary.skipped = selection.skipped;
  summary.duplicates = selection.duplicates;
  const total = selection.chosen.reduce((sum, { windows }) => sum + windows.length, 0);
  let before = 0;
  for await (const { document, windows, tokens } of chosenDocuments(cutter, selection)) {
    for (const window of windows) {
      before++;
      if (before > first) yield contextOf(cutter, document, tokens, window, before / total);
    }
  }
}

/** The documents that windows were chosen of, in corpus order; tokenised again where the cache had no room. */
async function* chosenDocuments({ corpus, encode }: Cutter, { chosen, cache }: Selection) {
  let at = 0;
  if (chosen.length === 0) return;
  for await (const document of corpus.documents()) {
    const { document: wanted, windows } = chosen[at]!;
    if (document.ordinal !== wanted) continue;
    yield { document, windows, tokens: cache.get(wanted) ?? encode(document) };
    cache.delete(wanted);
    if (++at === chosen.length) return;
  }
}

/** The next context, counted. */
function contextOf(
  { size, frame, summary }: Cutter,
  document: Document,
  text: Int32Array,
  window: number,
  done: number,
): Context {
  const id = summary.contexts++;
  const context = windowContext({ size, frame }, document, text, window, { id, done });
  summary.tokens += context.tokens.length - frame.before.length - frame.after.length;
  return { ...context, cursor: { ...context.cursor, summary: { ...summary } } };
}

/** A window of a document as a context; its cursor's counts are zero. */
export function windowContext(
  { size, frame }: Pick<Cutter, 'size' | 'frame'>,
  document: Document,
  text: Int32Array,
  window: number,
  { id, done }: { id: number; done: number },
): Context {
  return {
    id,
    document: document.ordinal,
    documentName: document.name,
    start: window * size,
    tokens: windowTokens(text, window, size, frame),
    cursor: { id: id + 1, document: document.cursor, window: window + 1, summary: NO_SUMMARY },
    done,
  };
}

async function* notEmpty(
  contexts: AsyncIterable<Context>,
  { corpus, summary }: Cutter,
): AsyncGenerator<Context> {
  yield* contexts;
  if (summary.contexts > 0) return;
  const found =
    summary.documents === 0
      ? 'no text'
      : `no text of ${LEAST_TOKENS} tokens in ${summary.documents} documents`;
  throw new PolysemeError(`${corpus.source}: the corpus is empty (${found})`);
}
