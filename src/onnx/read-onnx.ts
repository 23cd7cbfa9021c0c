import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { PolysemeError } from '../errors.ts';
import { type OnnxTensor, readTensorProto } from './tensors.ts';
import { type Field, WireFile } from './wire.ts';

/** An ONNX file's graph: what it computes, and where its weights lie. */
export interface OnnxFile {
  readonly path: string;
  readonly producer: string;
  /** Versions of the operator sets, by domain; `ai.onnx` is ''. */
  readonly opsets: ReadonlyMap<string, number>;
  /** In the file's order, which is one in which they can run. */
  readonly nodes: readonly OnnxNode[];
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  /** Values outside that the branches or the body of an If, Loop or Scan read. */
  readonly captured: readonly string[];
}

export interface OnnxAttribute {
  /** The AttributeProto. */
  readonly encoded: Uint8Array;
  readonly float: number;
  readonly integer: number;
  readonly text: string;
  readonly integers: readonly number[];
}

export interface OnnxValue {
  readonly name: string;
  /** TensorProto.DataType; 0 where it is no tensor. */
  readonly type: number;
  /** A size, or the name of a free one ('' where it has none); null where the file does not say. */
  readonly shape: readonly (number | string)[] | null;
}

/** Bytes held of one file: names, attributes, small tensors. */
const MAX_HELD = 256 << 20;
const MAX_NODES = 1_000_000;
const MAX_TENSORS = 1_000_000;
/** Graphs inside graphs. */
const MAX_DEPTH = 16;
/** The oldest operator set whose operators are what we take them for. */
const MIN_OPSET = 11;

/**
 * Reads an ONNX file without its weights. Lengths and shapes that lie, weights outside the folder, names that nothing
 * computes and circles are errors of one line.
 */
export function readOnnx(path: string): OnnxFile {
  const fd = openFile(path);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new PolysemeError(`${path} is not a file`);
    const wire = new WireFile(fd, status.size, path, MAX_HELD);
    return readModelProto(wire, path);
  } finally {
    closeSync(fd);
  }
}

// ----------------------------------------------------------------

function openFile(path: string): number {
  try {
    // A pipe would be waited for.
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new PolysemeError(`${path}: no such file`, 'not-found');
    throw new PolysemeError(`${path} cannot be read: ${message}`);
  }
}

function readModelProto(wire: WireFile, path: string): OnnxFile {
  let producer = '';
  let graph: Field | null = null;
  const opsets = new Map<string, number>();
  for (const field of wire.fields(0, wire.size)) {
    if (field.number === 2) producer = wire.text(field);
    if (field.number === 7) {
      if (graph !== null) throw wire.damaged('it has two graphs');
      graph = field;
    }
    if (field.number === 8) {
      const [domain, version] = readOpset(wire, field);
      opsets.set(domain, version);
    }
    if (field.number === 25) {
      throw new PolysemeError(
        `${path} has functions of its own, which hide what it computes: inline them once with Python's onnx: ` +
          'onnx.save(onnx.inliner.inline_local_functions(onnx.load(IN)), OUT)',
        'unsupported',
      );
    }
  }
  if (graph === null) throw wire.damaged('it has no graph');
  const opset = opsets.get('');
  if (opset === undefined) throw wire.damaged('it names no operator set');
  if (opset < MIN_OPSET) {
    throw new PolysemeError(
      `${path} is of operator set ${opset}; ${MIN_OPSET} and newer can be run: convert it once with Python's onnx: ` +
        'onnx.save(onnx.version_converter.convert_version(onnx.load(IN), 17), OUT)',
      'unsupported',
    );
  }
  return { path, producer, opsets, ...readGraph(wire, path, graph) };
}

function readOpset(wire: WireFile, range: Field): [string, number] {
  let domain = '';
  let version = 0;
  for (const field of wire.fields(range.start, range.end)) {
    if (field.number === 1) domain = wire.text(field);
    if (field.number === 2) version = field.value;
  }
  return [domain === 'ai.onnx' ? '' : domain, version];
}

function readGraph(
  wire: WireFile,
  path: string,
  range: Field,
): Pick<OnnxFile, 'nodes' | 'tensors' | 'inputs' | 'outputs'> {
  const nodes: OnnxNode[] = [];
  const tensors = new Map<string, OnnxTensor>();
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const keep = (tensor: OnnxTensor): void => {
    if (tensors.has(tensor.name)) throw wire.damaged(`two tensors ${JSON.stringify(tensor.name)}`);
    tensors.set(tensor.name, tensor);
    if (tensors.size > MAX_TENSORS) throw new PolysemeError(`${path} has more than ${MAX_TENSORS} tensors`);
  };
  for (const field of wire.fields(range.start, range.end)) {
    switch (field.number) {
      case 1: {
        const node = readNode(wire, path, field);
        if ('shape' in node) keep(node);
        else nodes.push(node);
        if (nodes.length > MAX_NODES) throw new PolysemeError(`${path} has more than ${MAX_NODES} nodes`);
        break;
      }
      case 5:
        keep(readTensorProto(wire, path, field));
        break;
      case 11:
        inputs.push(readValue(wire, field));
        break;
      case 12:
        outputs.push(readValue(wire, field));
        break;
      case 15:
        throw new PolysemeError(`${path} has sparse weights: export it with dense ones`, 'unsupported');
    }
  }
  // Older files name their weights as inputs too.
  const given = inputs.filter(({ name }) => !tensors.has(name));
  checkOrder({ nodes, tensors, inputs: given, outputs }, wire);
  return { nodes, tensors, inputs: given, outputs };
}

/** A node, or the tensor that it is where it only gives one. */
function readNode(wire: WireFile, path: string, range: Field): OnnxNode | OnnxTensor {
  let name = '';
  let op = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const fields: Field[] = [];
  for (const field of wire.fields(range.start, range.end)) {
    if (field.number === 1) inputs.push(wire.text(field));
    if (field.number === 2) outputs.push(wire.text(field));
    if (field.number === 3) name = wire.text(field);
    if (field.number === 4) op = wire.text(field);
    if (field.number === 5) fields.push(field);
    if (field.number === 7) domain = wire.text(field);
  }
  if (domain === 'ai.onnx') domain = '';
  if (op === 'Constant' && domain === '') {
    const tensor = constantTensor(wire, path, fields, outputs[0] ?? '');
    if (tensor !== null) return tensor;
  }
  const attributes = new Map<string, OnnxAttribute>();
  const captured = new Set<string>();
  for (const field of fields) {
    const [key, attribute] = readAttribute(wire, field, captured);
    attributes.set(key, attribute);
  }
  const label = name === '' ? (outputs.find((output) => output !== '') ?? '') : name;
  return { name: label, op, domain, inputs, outputs, attributes, captured: [...captured] };
}

/** What a Constant gives, where it is a tensor. */
function constantTensor(wire: WireFile, path: string, attributes: Field[], name: string): OnnxTensor | null {
  for (const attribute of attributes) {
    for (const field of wire.fields(attribute.start, attribute.end)) {
      if (field.number === 5) return readTensorProto(wire, path, field, name);
    }
  }
  return null;
}

function readAttribute(wire: WireFile, range: Field, captured: Set<string>): [string, OnnxAttribute] {
  let name = '';
  let float = 0;
  let integer = 0;
  let text = '';
  const integers: number[] = [];
  for (const field of wire.fields(range.start, range.end)) {
    if (field.number === 1) name = wire.text(field);
    if (field.number === 2) float = wire.floats(field)[0] ?? 0;
    if (field.number === 3) integer = field.value;
    if (field.number === 4) text = new TextDecoder().decode(wire.take(field));
    if (field.number === 8) integers.push(...wire.integers(field));
    if (field.number === 6 || field.number === 11) {
      for (const outside of capturedNames(wire, field, 1)) captured.add(outside);
    }
  }
  return [name, { encoded: wire.take(range), float, integer, text, integers }];
}

/** The names that a graph inside a node reads and does not give itself. */
function capturedNames(wire: WireFile, range: Field, depth: number): Set<string> {
  if (depth > MAX_DEPTH) throw wire.damaged(`more than ${MAX_DEPTH} graphs inside each other`);
  const read = new Set<string>();
  const given = new Set<string>(['']);
  for (const field of wire.fields(range.start, range.end)) {
    if (field.number === 11) given.add(readValue(wire, field).name);
    if (field.number === 12) read.add(readValue(wire, field).name);
    if (field.number === 5) {
      for (const part of wire.fields(field.start, field.end))
        if (part.number === 8) given.add(wire.text(part));
    }
    if (field.number !== 1) continue;
    for (const part of wire.fields(field.start, field.end)) {
      if (part.number === 1) read.add(wire.text(part));
      if (part.number === 2) given.add(wire.text(part));
      if (part.number !== 5) continue;
      for (const inner of wire.fields(part.start, part.end)) {
        if (inner.number !== 6 && inner.number !== 11) continue;
        for (const name of capturedNames(wire, inner, depth + 1)) read.add(name);
      }
    }
  }
  return new Set([...read].filter((name) => !given.has(name)));
}

/** A ValueInfoProto. */
function readValue(wire: WireFile, range: Field): OnnxValue {
  let name = '';
  let type = 0;
  let shape: (number | string)[] | null = null;
  for (const field of wire.fields(range.start, range.end)) {
    if (field.number === 1) name = wire.text(field);
    if (field.number !== 2) continue;
    for (const kind of wire.fields(field.start, field.end)) {
      if (kind.number !== 1) continue;
      for (const part of wire.fields(kind.start, kind.end)) {
        if (part.number === 1) type = part.value;
        if (part.number === 2) shape = readShape(wire, part);
      }
    }
  }
  return { name, type, shape };
}

function readShape(wire: WireFile, range: Field): (number | string)[] {
  const shape: (number | string)[] = [];
  for (const dimension of wire.fields(range.start, range.end)) {
    if (dimension.number !== 1) continue;
    let size: number | string = '';
    for (const field of wire.fields(dimension.start, dimension.end)) {
      if (field.number === 1) size = field.value;
      if (field.number === 2) size = wire.text(field);
    }
    shape.push(size);
  }
  return shape;
}

/** Every value is given once, before it is read: then there is no circle either. */
function checkOrder(
  { nodes, tensors, inputs, outputs }: Pick<OnnxFile, 'nodes' | 'tensors' | 'inputs' | 'outputs'>,
  wire: WireFile,
): void {
  const given = new Set<string>(['', ...tensors.keys()]);
  const give = (name: string): void => {
    if (name !== '' && given.has(name)) throw wire.damaged(`${JSON.stringify(name)} is computed twice`);
    given.add(name);
  };
  for (const { name } of inputs) give(name);
  for (const { name, op, inputs: read, outputs: written, captured } of nodes) {
    const missing = [...read, ...captured].find((wanted) => !given.has(wanted));
    if (missing !== undefined) {
      throw wire.damaged(
        `node ${JSON.stringify(name)} (${op}) reads ${JSON.stringify(missing)}, which nothing before it computes`,
      );
    }
    for (const output of written) give(output);
  }
  const missing = outputs.find(({ name }) => !given.has(name));
  if (missing !== undefined)
    throw wire.damaged(`nothing computes its output ${JSON.stringify(missing.name)}`);
}
