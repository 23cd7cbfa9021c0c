import { PolysemeError } from '../errors.ts';
import { openFile, type RandomFile, readFloats } from '../tensors/random-file.ts';
import {
  type Dtype,
  readSafetensorsHeader,
  type SafetensorsHeader,
  type TensorRef,
} from '../tensors/safetensors.ts';

/** Positions of one context. */
const MAX_LENGTH = 2 ** 16;
/** Positions of one file of activations. */
const MAX_POSITIONS = 2 ** 28;
/** Token ids; float32 holds all whole numbers up to it. */
const MAX_ID = 2 ** 24;

const TYPES: Readonly<Record<'floats' | 'integers', readonly Dtype[]>> = {
  floats: ['F32', 'F16', 'BF16'],
  integers: ['I64', 'I32', 'I16', 'I8', 'U8'],
};

/** A tensor of a file of activations, row-major [positions, width]. */
export interface GivenTensor {
  readonly ref: TensorRef;
  readonly width: number;
}

/** One `part-*.safetensors`: contexts one after another. */
export interface GivenPart {
  readonly path: string;
  /** File name. */
  readonly name: string;
  /** Id of its first context. */
  readonly first: number;
  readonly contexts: number;
  /** Positions of each context. */
  readonly lengths: Int32Array;
  /** Row of each context's first position in the tensors, seen as [positions, width]. */
  readonly starts: Int32Array;
  readonly longest: number;
  readonly inputs: GivenTensor;
  readonly activations: GivenTensor;
  readonly tokens: TensorRef | null;
}

/**
 * Reads a part's header, lengths, and nothing else.
 * @param first id of its first context
 */
export async function readPart(
  path: string,
  name: string,
  { units, width }: { readonly units: number; readonly width: number },
  first: number,
): Promise<GivenPart> {
  const header = await readSafetensorsHeader(path);
  const inputs = tensorRef(header, path, 'inputs', 'floats');
  const activations = tensorRef(header, path, 'activations', 'floats');
  const leading = inputs.shape.slice(0, -1);
  const expect = (tensor: string, ref: TensorRef, shape: readonly number[]): void => {
    if (ref.shape.length === shape.length && ref.shape.every((size, i) => size === shape[i])) return;
    throw new PolysemeError(
      `${path}: ${tensor} has the shape ${shapeText(ref.shape)}; with inputs ${shapeText(inputs.shape)}, ${units} units and d = ${width} it must be ${shapeText(shape)}`,
    );
  };
  if (leading.length < 1 || leading.length > 2) {
    throw new PolysemeError(
      `${path}: inputs has the shape ${shapeText(inputs.shape)}; it must be [rows, T, d] or [n, d]`,
    );
  }
  expect('inputs', inputs, [...leading, width]);
  expect('activations', activations, [...leading, units]);
  const tokens = header.tensors.has('tokens') ? tensorRef(header, path, 'tokens', 'integers') : null;
  if (tokens !== null) expect('tokens', tokens, leading);
  const positions = leading.reduce((product, size) => product * size, 1);
  if (positions > MAX_POSITIONS)
    throw new PolysemeError(
      `${path}: ${positions} positions (limit ${MAX_POSITIONS}): write more, smaller parts`,
    );
  const { lengths, starts } = await readLengths(header, path, leading);
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  if (longest > MAX_LENGTH)
    throw new PolysemeError(`${path}: a context has ${longest} positions (limit ${MAX_LENGTH})`);
  return {
    path,
    name,
    first,
    contexts: lengths.length,
    lengths,
    starts,
    longest,
    inputs: { ref: inputs, width },
    activations: { ref: activations, width: units },
    tokens,
  };
}

/** A part open for reading; numbers are checked as they are read. */
export class PartReader {
  readonly part: GivenPart;
  readonly #file: RandomFile;
  #tokens: Int32Array | null = null;

  private constructor(part: GivenPart, file: RandomFile) {
    this.part = part;
    this.#file = file;
  }

  static async open(part: GivenPart): Promise<PartReader> {
    return new PartReader(part, await openFile(part.path));
  }

  /** Token ids of a context (counted in the part); zeros where the part has no tokens. */
  async tokens(context: number): Promise<Int32Array> {
    const { tokens, starts, lengths, path } = this.part;
    const [start, length] = [starts[context]!, lengths[context]!];
    if (tokens === null) return new Int32Array(length);
    if (this.#tokens === null) {
      const count = tokens.shape.reduce((product, size) => product * size, 1);
      const read = await readFloats(this.#file, tokens.offset, count, tokens.dtype);
      this.#tokens = Int32Array.from(read);
    }
    const own = this.#tokens.slice(start, start + length);
    const bad = own.findIndex((id) => !(id >= 0 && id < MAX_ID));
    if (bad >= 0) {
      throw new PolysemeError(
        `${path}: tokens of context ${context} hold ${own[bad]} at position ${bad}; ids go from 0 to ${MAX_ID - 1}`,
      );
    }
    return own;
  }

  /** The numbers of consecutive contexts, each padded with zeros to `length` positions. */
  async floats(
    name: 'inputs' | 'activations',
    context: number,
    count: number,
    length: number,
  ): Promise<Float32Array> {
    const { starts, lengths, path } = this.part;
    const { ref, width } = this.part[name];
    const last = context + count - 1;
    const start = starts[context]!;
    const end = starts[last]! + lengths[last]!;
    const bytes = ref.length / ref.shape.reduce((product, size) => product * size, 1);
    const read = await readFloats(
      this.#file,
      ref.offset + start * width * bytes,
      (end - start) * width,
      ref.dtype,
    );
    const out = new Float32Array(count * length * width);
    for (let c = 0; c < count; c++) {
      const from = (starts[context + c]! - start) * width;
      const values = read.subarray(from, from + lengths[context + c]! * width);
      // A sum of v·0 is 0 unless one v is NaN or infinite.
      let sum = 0;
      for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
      if (sum !== 0) {
        const at = values.findIndex((value) => !Number.isFinite(value));
        throw new PolysemeError(
          `${path}: ${name} of context ${context + c} hold ${values[at]} at position ${Math.floor(at / width)}, element ${at % width}: every number must be finite`,
        );
      }
      out.set(values, c * length * width);
    }
    return out;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** A tensor that must be there, of floats or of integers. */
export function tensorRef(
  header: SafetensorsHeader,
  path: string,
  name: string,
  type: 'floats' | 'integers',
): TensorRef {
  const ref = header.tensors.get(name);
  if (ref === undefined) {
    const there = [...header.tensors.keys()].slice(0, 10).join(', ');
    throw new PolysemeError(`${path} has no tensor ${name}; it has ${there || 'none'}`);
  }
  if (TYPES[type].includes(ref.dtype)) return ref;
  throw new PolysemeError(
    `${path}: ${name} has the element type ${ref.dtype}; it must be one of ${TYPES[type].join(', ')}`,
  );
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/**
 * Positions of each context, and where each begins. [rows, T, …]: a row each, of T positions or what `lengths` says.
 * [n, …]: `lengths` adds up to n; without it each vector is a context of its own.
 */
async function readLengths(header: SafetensorsHeader, path: string, leading: readonly number[]) {
  const [rows, T] = leading as [number, number?];
  if (!header.tensors.has('lengths')) {
    const length = T ?? 1;
    return {
      lengths: new Int32Array(rows).fill(length),
      starts: Int32Array.from({ length: rows }, (_, c) => c * length),
    };
  }
  const ref = tensorRef(header, path, 'lengths', 'integers');
  if (ref.shape.length !== 1 || (T !== undefined && ref.shape[0] !== rows)) {
    const rule = T === undefined ? '[contexts]' : `[${rows}]`;
    throw new PolysemeError(`${path}: lengths has the shape ${shapeText(ref.shape)}; it must be ${rule}`);
  }
  const file = await openFile(path);
  let lengths: Int32Array;
  try {
    lengths = Int32Array.from(await readFloats(file, ref.offset, ref.shape[0]!, ref.dtype));
  } finally {
    await file.close();
  }
  const most = T ?? rows;
  const bad = lengths.findIndex((length) => !(length >= 1 && length <= most));
  if (bad >= 0)
    throw new PolysemeError(
      `${path}: lengths holds ${lengths[bad]} for context ${bad}; it must be from 1 to ${most}`,
    );
  const starts = new Int32Array(lengths.length);
  if (T !== undefined) {
    starts.forEach((_, c) => {
      starts[c] = c * T;
    });
    return { lengths, starts };
  }
  let total = 0;
  lengths.forEach((length, c) => {
    starts[c] = total;
    total += length;
  });
  if (total !== rows)
    throw new PolysemeError(`${path}: lengths adds up to ${total}, but inputs holds ${rows} vectors`);
  return { lengths, starts };
}
