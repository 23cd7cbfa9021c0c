import { checkAborted, unlessAborted } from '../base/progress.ts';
import { PolysemeError } from '../errors.ts';
import type { Values } from './backend.ts';
import type { TapData } from './session.ts';

/** What a model runs on: one sequence of token ids; of an image the numbers of its positions, and the pixels. */
export interface TapInput {
  readonly tokens: Int32Array;
  /** What a model of images reads: [channels, height, width]. All contexts of a stream have the same size. */
  readonly pixels?: Values;
  /**
   * Values of the inputs that edits added to the model's graph, by name: a number for each token, or for each token of
   * each copy in turn. All contexts of a stream have the same names.
   */
  readonly inputs?: Readonly<Record<string, Float32Array>>;
}

/** Contexts that ran together, and what the taps gave. */
export interface TapBlock<C extends TapInput = TapInput> {
  readonly contexts: readonly C[];
  /** Positions of each row in `tokens`, `text` and the taps: the longest context's. */
  readonly length: number;
  /** Ids [context, position], right-padded with `PADDING`. */
  readonly tokens: Int32Array;
  /** 1 where a position is text, 0 where it is a special token or padding: [context, position]. */
  readonly text: Uint8Array;
  /** Row-major [copies × context, position, width]. They are the receiver's to keep or to transfer. */
  readonly taps: Record<string, TapData>;
}

export interface TapStreamOptions {
  /** Token ids that run but are no text (`Tokenizer.specialIds`); default none. */
  readonly specialIds?: ReadonlySet<number>;
  /** Contexts of a block; default: as many of the first context's length as make about 1,024 tokens. */
  readonly rows?: number;
  /**
   * Instead of `rows`, for contexts of many lengths: a block takes contexts until it would have more tokens than these,
   * padding and copies counted.
   */
  readonly tokens?: number;
  /** Copies of each context in one run: all contexts, then all again. Default 1. */
  readonly copies?: number;
  /** Contexts of a block have one length, so that none is padded. */
  readonly sameLength?: boolean;
  /**
   * Memory that taps of later blocks may lie in: the receiver puts there what it needs no more of the taps of earlier ones, and the
   * stream takes it away. New memory costs as much time as a tenth of the model.
   */
  readonly spare?: ArrayBuffer[];
  /** Stops the stream: it rejects with a PolysemeError of code `aborted`. */
  readonly signal?: AbortSignal;
  /** Told which layers run, of a model that runs in groups of them (`LoadOptions.weightsAtOnce`). */
  readonly onGroup?: (progress: GroupProgress) => void;
}

/** How far a model has come that runs in groups of layers. */
export interface GroupProgress {
  /** The layers that run, in words: `layers 8 to 15`. */
  readonly at: string;
  /** Contexts that go through all groups before others do. */
  readonly contexts: number;
  /** How many contexts the work would make that is done on contexts which are not given yet. */
  readonly ahead: number;
}

/**
 * Gives the taps of rows of `length` ids each: those of the contexts of a block (`copies` times), with the values of
 * the inputs that edits added [row, position], and of images `pixels` [row, channels, height, width].
 */
export type TapRun<C extends TapInput = TapInput> = (
  tokens: Int32Array,
  rows: number,
  length: number,
  contexts: readonly C[],
  inputs: Readonly<Record<string, Values>>,
) => Promise<Record<string, TapData>>;

/** Anything that streams taps: a model's opened taps, or files that somebody else wrote. */
export interface TapSource<C extends TapInput = TapInput> {
  stream(contexts: AsyncIterable<C> | Iterable<C>, options?: TapStreamOptions): AsyncIterable<TapBlock<C>>;
  close(): Promise<void>;
}

/** Stands for no token, after the end of a context that is shorter than others of its block. */
export const PADDING = -1;
/** Tokens of a run: 512 to 2048 is the sweet spot of ONNX Runtime. */
export const TOKENS_PER_RUN = 1024;
/** Bytes of pixels that a run takes. */
const PIXEL_BYTES_PER_RUN = 1 << 24;
/** Runs under way at a time: while one is in the model, the next is prepared. */
const AHEAD = 2;

/** Contexts of `length` tokens that a run takes. */
export function rowsPerRun(length: number, tokens = TOKENS_PER_RUN): number {
  return Math.max(1, Math.floor(tokens / length));
}

/**
 * The stream from contexts to activations, which all that reads a model's activations goes through: blocks in the order
 * of the contexts. At most two runs are under way when a block is asked for, and none is started until then, so that
 * memory is bounded. The values of a position depend neither on the block nor on the padding.
 */
export async function* streamTaps<C extends TapInput>(
  contexts: AsyncIterable<C> | Iterable<C>,
  run: TapRun<C>,
  options: TapStreamOptions = {},
): AsyncGenerator<TapBlock<C>, void, undefined> {
  const started = inOrder(batches(contexts, options), (batch) => runBatch(batch, run), options.signal);
  for await (const { contexts, length, tokens, text, taps } of started) {
    yield { contexts, length, tokens, text, taps };
  }
}

/** Contexts that run together, as a run takes them. */
export interface Batch<C extends TapInput> extends Omit<TapBlock<C>, 'taps'> {
  /** Rows of a run: contexts × copies. */
  readonly rows: number;
  /** Ids [row, position]. */
  readonly ids: Int32Array;
  readonly inputs: Readonly<Record<string, Values>>;
}

/** The contexts that run together, in order. */
export async function* batches<C extends TapInput>(
  contexts: AsyncIterable<C> | Iterable<C>,
  options: TapStreamOptions,
): AsyncGenerator<Batch<C>, void, undefined> {
  const { signal, tokens: most, copies = 1, sameLength = false } = options;
  let { rows } = options;
  let longest = 0;
  let batch: C[] = [];
  const whole = (): Batch<C> => {
    const made = batchOf(batch, options);
    batch = [];
    longest = 0;
    return made;
  };
  for await (const context of abortable(contexts, signal)) {
    if (most === undefined) rows ??= rowsPerRun(context.tokens.length);
    const { length } = context.tokens;
    const isFull = most !== undefined && copies * (batch.length + 1) * Math.max(longest, length) > most;
    const isOther = sameLength && batch[0]?.tokens.length !== length;
    if (batch.length > 0 && (isFull || isOther)) yield whole();
    longest = Math.max(longest, length);
    batch.push(context);
    const pixels = (context.pixels?.data.byteLength ?? 0) * copies * (batch.length + 1);
    if (pixels <= PIXEL_BYTES_PER_RUN && (rows === undefined || batch.length < rows)) continue;
    yield whole();
  }
  if (batch.length > 0) yield whole();
}

/** What is made of items, in their order, while the work on the next one is under way. */
export async function* inOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T) => Promise<R>,
  signal: AbortSignal | undefined,
): AsyncGenerator<R, void, undefined> {
  const underWay: Promise<R>[] = [];
  /** The oldest; it counts as under way until it has ended. */
  const next = async (): Promise<R> => {
    const made = await unlessAborted(underWay[0]!, signal);
    underWay.shift();
    return made;
  };
  try {
    for await (const item of items) {
      const made = work(item);
      made.catch(() => {});
      underWay.push(made);
      if (underWay.length >= AHEAD) yield await next();
    }
    while (underWay.length > 0) yield await next();
  } finally {
    await Promise.allSettled(underWay);
  }
}

/** A batch with the taps of a run of it. @param more inputs beside the batch's own */
export async function runBatch<C extends TapInput>(
  batch: Batch<C>,
  run: TapRun<C>,
  more: Readonly<Record<string, Values>> = {},
): Promise<Batch<C> & TapBlock<C>> {
  const { ids, rows, length, contexts, inputs } = batch;
  return { ...batch, taps: await run(ids, rows, length, contexts, { ...inputs, ...more }) };
}

function batchOf<C extends TapInput>(
  contexts: readonly C[],
  { specialIds, copies = 1 }: TapStreamOptions,
): Batch<C> {
  const rows = contexts.length;
  const length = Math.max(...contexts.map(({ tokens }) => tokens.length));
  const ids = new Int32Array(copies * rows * length).fill(PADDING);
  const text = new Uint8Array(rows * length);
  contexts.forEach(({ tokens }, row) => {
    for (let copy = 0; copy < copies; copy++) ids.set(tokens, (copy * rows + row) * length);
    tokens.forEach((id, t) => {
      text[row * length + t] = specialIds?.has(id) ? 0 : 1;
    });
  });
  const inputs = blockInputs(contexts, copies, length);
  return { contexts, length, tokens: ids.subarray(0, rows * length), text, ids, rows: copies * rows, inputs };
}

/** The contexts' inputs as rows of `length`, 0 at padded positions: those of all contexts, then the next copy's. */
function blockInputs(contexts: readonly TapInput[], copies: number, length: number): Record<string, Values> {
  const rows = contexts.length;
  const names = Object.keys(contexts[0]?.inputs ?? {});
  const pixels = contexts[0]?.pixels;
  const images: [string, Values][] =
    pixels === undefined
      ? []
      : [['pixels', { data: stacked(contexts, copies, pixels), shape: [copies * rows, ...pixels.shape] }]];
  return Object.fromEntries([
    ...images,
    ...names.map((name): [string, Values] => {
      const values = new Float32Array(copies * rows * length);
      contexts.forEach(({ tokens, inputs }, row) => {
        const own = inputs![name]!;
        for (let copy = 0; copy < copies; copy++) {
          const from = own.length > tokens.length ? copy * tokens.length : 0;
          values.set(own.subarray(from, from + tokens.length), (copy * rows + row) * length);
        }
      });
      return [name, { data: values, shape: [copies * rows, length] }];
    }),
  ]);
}

/** The pixels of all contexts, then the next copy's. */
function stacked(contexts: readonly TapInput[], copies: number, { shape }: Values): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = new Float32Array(copies * contexts.length * size);
  for (let at = 0; at < copies * contexts.length; at++) {
    const own = contexts[at % contexts.length]!.pixels;
    if (own?.data.length !== size)
      throw new PolysemeError('contexts of one stream have pixels of several sizes');
    data.set(own.data, at * size);
  }
  return data;
}

/** The same items, unless the signal is aborted, even while the next one is awaited. */
async function* abortable<T>(
  items: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  if (signal === undefined) {
    yield* items;
    return;
  }
  checkAborted(signal);
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let open = true;
  try {
    for (;;) {
      const next = await unlessAborted(Promise.resolve(iterator.next()), signal);
      if (next.done) break;
      yield next.value;
    }
    open = false;
  } finally {
    const ended = open ? Promise.resolve(iterator.return?.()) : null;
    // Once aborted it is not awaited: it may wait for the very item that the caller no longer wants.
    if (signal.aborted) ended?.catch(() => {});
    else await ended;
  }
}
