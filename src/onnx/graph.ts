import { PolysemeError } from '../errors.ts';
import type { TensorRef } from '../tensors/safetensors.ts';
import { type Constants, lowered } from './lower.ts';
import {
  type Attribute,
  type ElementType,
  type EncodedInitializer,
  encodeModel,
  type Initializer,
  type Node,
  OPSETS,
  type Value,
} from './proto.ts';

/** The name of a value that flows through the graph. */
export type Wire = string;

/** The operator set that this code is written in. */
const OPSET = OPSETS.get('')!;

type Data = Float32Array | Float64Array | BigInt64Array | Int32Array;

const STORED: Record<string, ElementType> = {
  F32: 'float',
  F16: 'float16',
  BF16: 'bfloat16',
  F64: 'double',
};
/** Element types of tensors as a foreign file has them. */
const AS_THEY_ARE: Record<string, ElementType> = {
  ...STORED,
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  U16: 'uint16',
  I16: 'int16',
  U32: 'uint32',
  I32: 'int32',
  U64: 'uint64',
  I64: 'int64',
};

/** What a graph that keeps a foreign file's nodes needs. */
export interface GraphOptions {
  /** Versions of the operator sets, by domain: the file's. */
  readonly opsets?: ReadonlyMap<string, number>;
  /** Before the names of all values that the builder names itself. */
  readonly prefix?: string;
  /** Whether weights of which rows are read are cast whole: a GPU need not know their type, and reads no rows of it. */
  readonly castWhole?: boolean;
  /**
   * Whether attention is to be products and a softmax, and a product with a transposed weight two steps: a device without
   * such operators would leave them to the processor.
   */
  readonly plainOperators?: boolean;
}

/**
 * Builds an ONNX graph node by node. Everything may be emitted freely: `encode` keeps only what the asked
 * outputs need, so a tap in layer 2 costs no work in layer 3.
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.input('x', 'float', ['n', 4]);
 * const y = graph.op('MatMul', [x, graph.constant(Float32Array.from(weights), [4, 2])]);
 * const { bytes } = graph.encode([y]);
 */
export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<Wire, Initializer | EncodedInitializer>();
  readonly #inputs: Value[] = [];
  readonly #refs = new Map<Wire, TensorRef>();
  /** Weights by where they lie: as they are stored, and as float. */
  readonly #stored = new Map<string, Wire>();
  readonly #floats = new Map<Wire, Wire>();
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #prefix: string;
  readonly #castWhole: boolean;
  /** What `plainOperators` was. */
  readonly plainOperators: boolean;
  #count = 0;

  constructor({
    opsets = OPSETS,
    prefix = '',
    castWhole = false,
    plainOperators = false,
  }: GraphOptions = {}) {
    this.#opsets = opsets;
    this.#prefix = prefix;
    this.#castWhole = castWhole;
    this.plainOperators = plainOperators;
  }

  /** An input of the graph; one name is one input, however often it is asked for. */
  input(name: string, type: ElementType, shape: readonly (number | string)[]): Wire {
    if (!this.#inputs.some((known) => known.name === name)) this.#inputs.push({ name, type, shape });
    return name;
  }

  /** One node with one output. */
  op(op: string, inputs: readonly Wire[], attributes: Record<string, Attribute> = {}, domain = ''): Wire {
    return this.ops(op, 1, inputs, attributes, domain)[0]!;
  }

  /** One node with `outputs` outputs. */
  ops(
    op: string,
    outputs: number,
    inputs: readonly Wire[],
    attributes: Record<string, Attribute> = {},
    domain = '',
  ): Wire[] {
    const names = Array.from({ length: outputs }, () => this.#name(op));
    const node = { op, domain, inputs, outputs: names, attributes };
    const opset = this.#opsets.get('') ?? OPSET;
    this.#nodes.push(...(opset < OPSET ? lowered(node, opset, (wire) => this.#constant(wire)) : [node]));
    return names;
  }

  /** x · Wᵀ, of a weight that is stored [out, in]. */
  timesTransposed(x: Wire, weight: Wire): Wire {
    if (!this.plainOperators) return this.op('FusedMatMul', [x, weight], { transB: 1 }, 'com.microsoft');
    // The runtime transposes a constant once, when the graph is loaded.
    return this.op('MatMul', [x, this.op('Transpose', [weight], { perm: [1, 0] })]);
  }

  /** A node of a foreign file, as it is there. */
  foreign(node: Node): void {
    this.#nodes.push(node);
  }

  /** A small constant, kept in the graph itself. */
  constant(data: Data, shape: readonly number[] = [data.length]): Wire {
    const name = this.#name('constant');
    const type: ElementType =
      data instanceof Float32Array
        ? 'float'
        : data instanceof Float64Array
          ? 'double'
          : data instanceof BigInt64Array
            ? 'int64'
            : 'int32';
    this.#initializers.set(name, {
      name,
      type,
      shape,
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    return name;
  }

  /** 64-bit integers, as shapes, axes and indices want them. */
  integers(...values: number[]): Wire {
    return this.constant(BigInt64Array.from(values, BigInt));
  }

  /** A float scalar. */
  scalar(value: number): Wire {
    return this.constant(Float32Array.of(value), []);
  }

  /**
   * A weight, mapped by ONNX Runtime from the file where it lies. Other precisions are cast to float while
   * the session loads.
   */
  weight(name: string, ref: TensorRef): Wire {
    const stored = this.#mapped(name, ref);
    const known = this.#floats.get(stored);
    if (known !== undefined) return known;
    const wire = ref.dtype === 'F32' ? stored : this.#float(stored);
    this.#floats.set(stored, wire);
    return wire;
  }

  /** Rows of a weight, by their numbers: they are cast when they are read, and the whole is left as it is stored (but see `castWhole`). */
  rows(name: string, ref: TensorRef, numbers: Wire): Wire {
    if (this.#castWhole) return this.op('Gather', [this.weight(name, ref), numbers]);
    const rows = this.op('Gather', [this.#mapped(name, ref), numbers]);
    return ref.dtype === 'F32' ? rows : this.#float(rows);
  }

  /** A tensor of a foreign file, where it lies or as it is written, in its own element type. */
  tensor(name: string, tensor: TensorRef | Uint8Array): Wire {
    if (tensor instanceof Uint8Array) {
      this.#initializers.set(name, { name, encoded: tensor });
      return name;
    }
    const { dtype, shape, file, offset, length } = tensor;
    const data = { location: locationOf(file), offset, length };
    this.#initializers.set(name, { name, type: AS_THEY_ARE[dtype]!, shape, data });
    if (isReal(dtype) && shape.length === 2) this.#refs.set(name, tensor);
    return name;
  }

  /**
   * The ONNX bytes of the part of the graph that `outputs` need, and the inputs and weights that it reads.
   * @param given values that are inputs here, in the place of what makes them
   */
  encode(
    outputs: readonly Wire[],
    given: readonly Value[] = [],
  ): {
    bytes: Uint8Array;
    inputs: readonly string[];
    weights: ReadonlyMap<string, TensorRef>;
  } {
    const needed = new Set<Wire>(outputs);
    const ends = new Set(given.map(({ name }) => name));
    const nodes: Node[] = [];
    for (let i = this.#nodes.length - 1; i >= 0; i--) {
      const node = this.#nodes[i]!;
      if (!node.outputs.some((name) => needed.has(name) && !ends.has(name))) continue;
      for (const name of node.inputs) needed.add(name);
      for (const name of node.captured ?? []) needed.add(name);
      nodes.push(node);
    }
    nodes.reverse();
    const types = new Map(this.#inputs.map((value) => [value.name, value.type]));
    const inputs = [...this.#inputs, ...given].filter(({ name }) => needed.has(name));
    const bytes = encodeModel({
      nodes,
      initializers: [...this.#initializers.values()].filter(({ name }) => needed.has(name)),
      inputs,
      outputs: [...new Set(outputs)].map((name) => ({ name, type: types.get(name) ?? this.#type(name) })),
      opsets: this.#opsets,
    });
    return {
      bytes,
      inputs: inputs.map(({ name }) => name),
      weights: new Map([...this.#refs].filter(([name]) => needed.has(name))),
    };
  }

  /** A weight as it is stored; one that was named before keeps that name. */
  #mapped(name: string, ref: TensorRef): Wire {
    const key = `${ref.file}:${ref.offset}`;
    const known = this.#stored.get(key);
    if (known !== undefined) return known;
    const type = STORED[ref.dtype];
    if (type === undefined) {
      throw new PolysemeError(
        `tensor ${name} in ${ref.file} is ${ref.dtype}; F32, F16, BF16 and F64 can be run: convert the checkpoint`,
      );
    }
    this.#initializers.set(name, {
      name,
      type,
      shape: ref.shape,
      data: { location: locationOf(ref.file), offset: ref.offset, length: ref.length },
    });
    this.#refs.set(name, ref);
    this.#stored.set(key, name);
    return name;
  }

  #float(wire: Wire): Wire {
    return this.op('Cast', [wire], { to: 1 });
  }

  #type(wire: Wire): ElementType {
    const node = this.#nodes.find(({ outputs }) => outputs.includes(wire));
    if (node?.op === 'TopK' && node.outputs[1] === wire) return 'int64';
    if (node?.op === 'Cast' && node.attributes['to'] === 6) return 'int32';
    return 'float';
  }

  #constant(wire: Wire): ReturnType<Constants> {
    const constant = this.#initializers.get(wire);
    if (constant === undefined || !('data' in constant) || !(constant.data instanceof Uint8Array))
      return null;
    return { type: constant.type, data: constant.data };
  }

  #name(op: string): Wire {
    return `${this.#prefix}${op}_${this.#count++}`;
  }
}

function isReal(dtype: string): boolean {
  return dtype.startsWith('F') || dtype === 'BF16';
}

/** A file's place from the root of its file system or drive, as a graph has it: ONNX Runtime takes no absolute one. */
export function locationOf(file: string): string {
  const drive = /^[A-Za-z]:[\\/]/.test(file);
  return drive ? file.slice(3).replaceAll('\\', '/') : file.replace(/^\//, '');
}
