import type { ContextPart } from '../corpus/context-part.ts';
import { type Context, type ContextCursor, type Contexts, NO_SUMMARY } from '../corpus/contexts.ts';
import { PolysemeError } from '../errors.ts';
import type { TapData } from '../model/session.ts';
import { streamTaps, type TapSource } from '../model/taps.ts';
import { GIVEN_ACTIVATIONS, GIVEN_INPUTS, type GivenFolder } from './given-folder.ts';
import { type GivenPart, PartReader } from './given-part.ts';

/**
 * The contexts of a folder of activations, from the start or after a cursor; each is a document of its own.
 * @param vocabulary token ids that the tokenizer has; null without one
 */
export function givenContexts(
  { parts, contexts }: GivenFolder,
  vocabulary: number | null,
  from?: ContextCursor,
): Contexts {
  const summary = { ...NO_SUMMARY, ...from?.summary };
  async function* iterate(): AsyncGenerator<Context> {
    const next = from?.id ?? 0;
    for (const [file, part] of parts.entries()) {
      if (part.first + part.contexts <= next) continue;
      const reader = await PartReader.open(part);
      try {
        for (let c = Math.max(0, next - part.first); c < part.contexts; c++) {
          const id = part.first + c;
          const tokens = await reader.tokens(c);
          checkIds(tokens, vocabulary, part, c);
          summary.documents++;
          summary.contexts++;
          summary.tokens += tokens.length;
          const document = { file, row: c + 1, part: 0, byte: 0, document: id };
          yield {
            id,
            document: id,
            documentName: `${part.name}:${c + 1}`,
            start: 0,
            tokens,
            cursor: { id: id + 1, document, window: 1, summary: { ...summary } },
            done: (id + 1) / contexts,
          };
        }
      } finally {
        await reader.close();
      }
    }
  }
  return { summary, [Symbol.asyncIterator]: iterate };
}

/** The contexts of a part of an earlier reading. */
export async function* givenPart(
  folder: GivenFolder,
  vocabulary: number | null,
  { first, count, document }: ContextPart,
): AsyncGenerator<Context> {
  let left = count;
  const from = { id: first, document, window: 1, summary: NO_SUMMARY };
  for await (const context of givenContexts(folder, vocabulary, from)) {
    yield context;
    if (--left === 0) return;
  }
}

function checkIds(tokens: Int32Array, vocabulary: number | null, { path }: GivenPart, context: number): void {
  if (vocabulary === null) return;
  const bad = tokens.findIndex((id) => id >= vocabulary);
  if (bad < 0) return;
  throw new PolysemeError(
    `${path}: tokens of context ${context} hold ${tokens[bad]} at position ${bad}, but the tokenizer's ids end at ${vocabulary - 1}: is it another model's?`,
  );
}

/** Streams the activations of these contexts from the files, which are read one block after another. */
export function givenSource(folder: GivenFolder): TapSource<Context> {
  let last: Promise<unknown> = Promise.resolve();
  return {
    stream: (contexts, options) =>
      streamTaps(
        contexts,
        (_tokens, _rows, length, block) => {
          const ids = block.map(({ id }) => id);
          const taps = last.then(() => readBlock(folder, ids, length));
          last = taps.catch(() => {});
          return taps;
        },
        options,
      ),
    close: async () => {
      await last;
    },
  };
}

async function readBlock(
  { parts, bank }: GivenFolder,
  ids: readonly number[],
  length: number,
): Promise<Record<string, TapData>> {
  const widths = { [GIVEN_INPUTS]: bank.width, [GIVEN_ACTIVATIONS]: bank.units };
  const taps = Object.fromEntries(
    Object.entries(widths).map(([name, width]) => [
      name,
      { data: new Float32Array(ids.length * length * width), shape: [ids.length, length, width] },
    ]),
  );
  for (const { part, context, count, row } of consecutive(parts, ids)) {
    const reader = await PartReader.open(part);
    try {
      for (const name of [GIVEN_INPUTS, GIVEN_ACTIVATIONS] as const) {
        const values = await reader.floats(name, context, count, length);
        taps[name]!.data.set(values, row * length * widths[name]!);
      }
    } finally {
      await reader.close();
    }
  }
  return taps;
}

/** Runs of contexts that lie one after another in one part: `row` is the first's row in the block. */
function* consecutive(parts: readonly GivenPart[], ids: readonly number[]) {
  for (let row = 0; row < ids.length; ) {
    const part = partOf(parts, ids[row]!);
    const end = part.first + part.contexts;
    let count = 1;
    while (row + count < ids.length && ids[row + count] === ids[row]! + count && ids[row + count]! < end)
      count++;
    yield { part, context: ids[row]! - part.first, count, row };
    row += count;
  }
}

/** The part that holds a context, found by bisection. */
function partOf(parts: readonly GivenPart[], id: number): GivenPart {
  let low = 0;
  let high = parts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (parts[middle]!.first <= id) low = middle;
    else high = middle - 1;
  }
  return parts[low]!;
}
