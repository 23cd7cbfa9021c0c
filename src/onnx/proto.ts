/** Element types of ONNX tensors that we write, by their TensorProto.DataType number. */
export const ELEMENT = {
  float: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  bfloat16: 16,
} as const;
export type ElementType = keyof typeof ELEMENT;

/** An attribute of a node. A plain number is an integer; a real one must be written `{ float: 1e-5 }`. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A constant tensor: its bytes, or the place in a file where they lie. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly length: number };
}

/** A graph input or output; a dimension is a size or the name of a free one; without a shape it is inferred. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape?: readonly (number | string)[];
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

const IR_VERSION = 11;
const OPSET = 23;

/**
 * Serialises a graph as an ONNX ModelProto (opset 23 and com.microsoft 1), by hand:
 * the few messages that it needs are fields of varints and length-delimited bytes.
 * Field numbers: onnx/onnx.proto of ONNX 1.18.
 */
export function encodeModel(graph: Graph): Uint8Array {
  const model = new Message();
  model.integer(1, IR_VERSION);
  model.text(2, 'polyseme');
  model.message(7, (g) => {
    for (const node of graph.nodes) g.message(1, (m) => encodeNode(m, node));
    g.text(2, 'polyseme');
    for (const initializer of graph.initializers) g.message(5, (m) => encodeInitializer(m, initializer));
    for (const value of graph.inputs) g.message(11, (m) => encodeValue(m, value));
    for (const value of graph.outputs) g.message(12, (m) => encodeValue(m, value));
  });
  for (const [domain, version] of [
    ['', OPSET],
    ['com.microsoft', 1],
  ] as const) {
    model.message(8, (m) => {
      m.text(1, domain);
      m.integer(2, version);
    });
  }
  return model.bytes();
}

function encodeNode(m: Message, node: Node): void {
  for (const input of node.inputs) m.text(1, input);
  for (const output of node.outputs) m.text(2, output);
  m.text(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    m.message(5, (a) => {
      a.text(1, name);
      if (typeof value === 'number') {
        a.integer(3, value);
        a.integer(20, 2);
      } else if (typeof value === 'string') {
        a.text(4, value);
        a.integer(20, 3);
      } else if ('float' in value) {
        a.float(2, value.float);
        a.integer(20, 1);
      } else {
        for (const item of value) a.integer(8, item);
        a.integer(20, 7);
      }
    });
  }
  if (node.domain !== '') m.text(7, node.domain);
}

function encodeInitializer(m: Message, { name, type, shape, data }: Initializer): void {
  for (const size of shape) m.integer(1, size);
  m.integer(2, ELEMENT[type]);
  m.text(8, name);
  if (data instanceof Uint8Array) {
    m.raw(9, data);
    return;
  }
  for (const key of ['location', 'offset', 'length'] as const) {
    m.message(13, (entry) => {
      entry.text(1, key);
      entry.text(2, String(data[key]));
    });
  }
  m.integer(14, 1);
}

function encodeValue(m: Message, { name, type, shape }: Value): void {
  m.text(1, name);
  m.message(2, (typeProto) =>
    typeProto.message(1, (tensor) => {
      tensor.integer(1, ELEMENT[type]);
      if (shape === undefined) return;
      tensor.message(2, (shapeProto) => {
        for (const size of shape) {
          shapeProto.message(1, (dim) =>
            typeof size === 'number' ? dim.integer(1, size) : dim.text(2, size),
          );
        }
      });
    }),
  );
}

const utf8 = new TextEncoder();

/** A protocol-buffers message being written. */
class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  integer(field: number, value: number): void {
    this.#push(Uint8Array.from([...varint(field * 8), ...varint(value)]));
  }

  float(field: number, value: number): void {
    this.#push(Uint8Array.from(varint(field * 8 + 5)));
    this.#push(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): void {
    this.raw(field, utf8.encode(value));
  }

  raw(field: number, bytes: Uint8Array): void {
    this.#push(Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length)]));
    this.#push(bytes);
  }

  message(field: number, write: (inner: Message) => void): void {
    const inner = new Message();
    write(inner);
    this.#push(Uint8Array.from([...varint(field * 8 + 2), ...varint(inner.#length)]));
    for (const part of inner.#parts) this.#push(part);
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
  }
}

/** Base-128 varint of a whole number; a negative one as the ten bytes of its 64-bit two's complement. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}
