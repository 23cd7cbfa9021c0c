import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Element types of ONNX tensors that we write, by their TensorProto.DataType number. */
export const ELEMENT = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;
export type ElementType = keyof typeof ELEMENT;

/**
 * An attribute of a node. A plain number is an integer; a real one must be written `{ float: 1e-5 }`; bytes are an
 * AttributeProto as a file has it.
 */
export type Attribute = number | string | readonly number[] | { readonly float: number } | Uint8Array;

export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Values that graphs inside it read. */
  readonly captured?: readonly string[];
}

/** A constant tensor: its bytes, or the place in a file where they lie. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly length: number };
}

/** A graph input or output; a dimension is a size, the name of a free one, or not known; without a shape it is inferred. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape?: readonly (number | string | null)[];
}

/** A constant tensor as a file has it: its TensorProto, under another name. */
export interface EncodedInitializer {
  readonly name: string;
  readonly encoded: Uint8Array;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly initializers: readonly (Initializer | EncodedInitializer)[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Versions of the operator sets, by domain; default: that of new graphs, `OPSETS`. */
  readonly opsets?: ReadonlyMap<string, number>;
}

/** Operator sets of new graphs. */
export const OPSETS: ReadonlyMap<string, number> = new Map([
  ['', 23],
  ['com.microsoft', 1],
]);
const IR_VERSION = 11;

/** Serialises a graph as an ONNX ModelProto. Field numbers: onnx/onnx.proto of ONNX 1.18. */
export function encodeModel(graph: Graph): Uint8Array {
  const model = new BinaryWriter();
  integer(model, 1, IR_VERSION);
  text(model, 2, 'polyseme');
  message(model, 7, () => {
    for (const node of graph.nodes) message(model, 1, () => encodeNode(model, node));
    text(model, 2, 'polyseme');
    for (const initializer of graph.initializers)
      message(model, 5, () => encodeInitializer(model, initializer));
    for (const value of graph.inputs) message(model, 11, () => encodeValue(model, value));
    for (const value of graph.outputs) message(model, 12, () => encodeValue(model, value));
  });
  for (const [domain, version] of graph.opsets ?? OPSETS) {
    message(model, 8, () => {
      text(model, 1, domain);
      integer(model, 2, version);
    });
  }
  return model.finish();
}

/** An operator that needs no input and gives no tensor, but an empty sequence; older operator sets than 11 lack it. */
export const EMPTY_SEQUENCE = 'SequenceEmpty';

/** An encoded model with one output more, before its own: an empty sequence. */
export function withEmptySequence(encoded: Uint8Array, name: string): Uint8Array {
  const model = new BinaryWriter();
  message(model, 7, () => {
    message(model, 1, () =>
      encodeNode(model, { op: EMPTY_SEQUENCE, domain: '', inputs: [], outputs: [name], attributes: {} }),
    );
    message(model, 12, () => {
      text(model, 1, name);
      // Its type: a sequence of tensors of floats.
      message(model, 2, () =>
        message(model, 4, () =>
          message(model, 1, () => message(model, 1, () => integer(model, 1, ELEMENT.float))),
        ),
      );
    });
  });
  // Parts of a message that come one after another are one.
  return model.raw(encoded).finish();
}

function encodeNode(w: BinaryWriter, node: Node): void {
  for (const input of node.inputs) text(w, 1, input);
  for (const output of node.outputs) text(w, 2, output);
  text(w, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    if (value instanceof Uint8Array) {
      bytes(w, 5, value);
      continue;
    }
    message(w, 5, () => {
      text(w, 1, name);
      if (typeof value === 'number') {
        integer(w, 3, value);
        integer(w, 20, 2);
      } else if (typeof value === 'string') {
        text(w, 4, value);
        integer(w, 20, 3);
      } else if ('float' in value) {
        w.tag(2, WireType.Bit32).float(value.float);
        integer(w, 20, 1);
      } else {
        for (const item of value) integer(w, 8, item);
        integer(w, 20, 7);
      }
    });
  }
  if (node.domain !== '') text(w, 7, node.domain);
}

function encodeInitializer(w: BinaryWriter, initializer: Initializer | EncodedInitializer): void {
  if ('encoded' in initializer) {
    // Of two values of one field the last one holds: the name of ours.
    w.raw(initializer.encoded);
    text(w, 8, initializer.name);
    return;
  }
  const { name, type, shape, data } = initializer;
  for (const size of shape) integer(w, 1, size);
  integer(w, 2, ELEMENT[type]);
  text(w, 8, name);
  if (data instanceof Uint8Array) {
    bytes(w, 9, data);
    return;
  }
  for (const key of ['location', 'offset', 'length'] as const) {
    message(w, 13, () => {
      text(w, 1, key);
      text(w, 2, String(data[key]));
    });
  }
  integer(w, 14, 1);
}

function encodeValue(w: BinaryWriter, { name, type, shape }: Value): void {
  text(w, 1, name);
  message(w, 2, () =>
    message(w, 1, () => {
      integer(w, 1, ELEMENT[type]);
      if (shape === undefined) return;
      message(w, 2, () => {
        for (const size of shape) {
          message(w, 1, () => {
            if (typeof size === 'number') integer(w, 1, size);
            else if (size !== null) text(w, 2, size);
          });
        }
      });
    }),
  );
}

function integer(w: BinaryWriter, field: number, value: number): void {
  w.tag(field, WireType.Varint).int64(value);
}

function text(w: BinaryWriter, field: number, value: string): void {
  w.tag(field, WireType.LengthDelimited).string(value);
}

function bytes(w: BinaryWriter, field: number, value: Uint8Array): void {
  w.tag(field, WireType.LengthDelimited).bytes(value);
}

function message(w: BinaryWriter, field: number, write: () => void): void {
  w.tag(field, WireType.LengthDelimited).fork();
  write();
  w.join();
}
