import { PolysemeError } from '../errors.ts';
import type { Device } from '../model/device.ts';

/** Where activations come from: what must agree for two sources to give the same vectors. */
export interface ActivationOrigin {
  /** The model as it was named, and a digest of its config and weights. */
  readonly model: string;
  readonly modelDigest: string;
  readonly site: string;
  readonly data: string;
  readonly column: string;
  /** Tokens of a context, BOS counted. */
  readonly context: number;
  readonly bos: boolean;
  /** Contexts chosen, spread over the documents; null for all. */
  readonly contexts: number | null;
  /** Where the model ran, if not on the processor: the last digits differ. */
  readonly device?: Device;
}

/** Vectors side by side, n × width, and the place after them in their pass: plain JSON. */
export interface ActivationBlock {
  readonly vectors: Float32Array;
  readonly cursor: unknown;
  /** Share of the pass that is done with this block, 0 to 1. */
  readonly done: number;
}

/** A finite sequence of vectors that can be read again and again, and from any block on. */
export interface ActivationSource {
  readonly origin: ActivationOrigin;
  readonly width: number;
  /** Most vectors of a block. */
  readonly blockSize: number;
  /** Pass `epoch` (from 0), from its start or after the block whose cursor is given: the same blocks each time. */
  pass(epoch: number, after?: unknown): AsyncIterable<ActivationBlock>;
  close(): Promise<void>;
}

/** A place in an endless reading. */
export interface EndlessCursor {
  readonly epoch: number;
  /** Cursor of the last block of this pass; null at its start. */
  readonly after: unknown;
}

export interface EndlessBlock {
  readonly vectors: Float32Array;
  readonly cursor: EndlessCursor;
}

/** Pass after pass without end. @throws PolysemeError where a whole pass holds no vector */
export async function* endless(
  source: ActivationSource,
  from: EndlessCursor = { epoch: 0, after: null },
): AsyncGenerator<EndlessBlock, never> {
  let { epoch, after } = from;
  for (;;) {
    let found = after !== null;
    for await (const { vectors, cursor } of source.pass(epoch, after ?? undefined)) {
      found ||= vectors.length > 0;
      yield { vectors, cursor: { epoch, after: cursor } };
    }
    if (!found) {
      const { data, site } = source.origin;
      throw new PolysemeError(`${data}: no activation of ${site}: every token is special`);
    }
    epoch++;
    after = null;
  }
}
