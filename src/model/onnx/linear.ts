import type { OnnxFile, OnnxNode } from '../../onnx/read-onnx.ts';
import type { OnnxTensor } from '../../onnx/tensors.ts';

/** A matrix product with a weight of the file, and its bias where it has one. */
export interface Linear {
  readonly node: OnnxNode;
  /** What is multiplied. */
  readonly input: string;
  /** What comes out, bias added. */
  readonly output: string;
  readonly weight: string;
  /** Which axis of the weight runs over the outputs. */
  readonly layout: 'in_out' | 'out_in';
  readonly bias: string | null;
  readonly inputs: number;
  readonly outputs: number;
  /** TensorProto.DataType of the weight, in which the product is computed. */
  readonly type: number;
}

/** Operators that leave numbers and their order as they are. */
const TRANSPARENT = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout']);
/** float, float16, double, bfloat16 */
const REAL = new Set([1, 10, 11, 16]);

/** A file's nodes by what they read and give, and its matrix products. */
export class OnnxIndex {
  readonly file: OnnxFile;
  /** Matrix products in the file's order. */
  readonly linears: readonly Linear[];
  readonly #producers = new Map<string, OnnxNode>();
  readonly #consumers = new Map<string, OnnxNode[]>();
  readonly #byOutput = new Map<string, Linear>();

  constructor(file: OnnxFile) {
    this.file = file;
    for (const node of file.nodes) {
      for (const name of node.outputs) this.#producers.set(name, node);
      for (const name of new Set([...node.inputs, ...node.captured])) {
        const readers = this.#consumers.get(name);
        if (readers === undefined) this.#consumers.set(name, [node]);
        else readers.push(node);
      }
    }
    this.linears = file.nodes.map((node) => this.#linear(node)).filter((linear) => linear !== null);
    for (const linear of this.linears) this.#byOutput.set(linear.output, linear);
  }

  producer(name: string): OnnxNode | null {
    return this.#producers.get(name) ?? null;
  }

  consumers(name: string): readonly OnnxNode[] {
    return this.#consumers.get(name) ?? [];
  }

  /** The same numbers further back, before operators that only shape them. */
  unshaped(name: string): string {
    for (let node = this.producer(name); isTransparent(node) && node!.outputs[0] === name; ) {
      name = node!.inputs[0]!;
      node = this.producer(name);
    }
    return name;
  }

  /** The matrix product whose outputs these numbers are. */
  linearOf(name: string): Linear | null {
    for (let node = this.producer(name); ; node = this.producer(name)) {
      const linear = this.#byOutput.get(name);
      if (linear !== undefined) return linear;
      if (!isTransparent(node) || node!.outputs[0] !== name) return null;
      name = node!.inputs[0]!;
    }
  }

  /** A constant, other names of it resolved. */
  constant(name: string): OnnxTensor | null {
    for (let node = this.producer(name); node?.op === 'Identity'; node = this.producer(name)) {
      name = node.inputs[0]!;
    }
    return this.file.tensors.get(name) ?? null;
  }

  #linear(node: OnnxNode): Linear | null {
    if (node.domain !== '' || (node.op !== 'MatMul' && node.op !== 'Gemm')) return null;
    const gemm = node.op === 'Gemm';
    if (gemm && !isPlainGemm(node)) return null;
    const found = this.#matrix(node.inputs[1] ?? '');
    if (found === null || this.constant(node.inputs[0] ?? '') !== null) return null;
    const transposed = found.transposed !== (gemm && node.attributes.get('transB')?.integer === 1);
    const [rows, columns] = found.tensor.shape as [number, number];
    const [inputs, outputs] = transposed ? [columns, rows] : [rows, columns];
    const common = {
      node,
      input: node.inputs[0]!,
      weight: found.tensor.name,
      layout: transposed ? ('out_in' as const) : ('in_out' as const),
      inputs,
      outputs,
      type: found.tensor.type,
    };
    const product = node.outputs[0]!;
    if (gemm && (node.inputs[2] ?? '') !== '') {
      const bias = this.#vector(node.inputs[2]!, outputs);
      return bias === null ? null : { ...common, output: product, bias };
    }
    const readers = this.consumers(product);
    const add = readers.length === 1 && readers[0]!.op === 'Add' ? readers[0]! : null;
    const other = add?.inputs.find((name) => name !== product);
    const bias = other === undefined ? null : this.#vector(other, outputs);
    return bias === null
      ? { ...common, output: product, bias: null }
      : { ...common, output: add!.outputs[0]!, bias };
  }

  /** A matrix of weights, behind a transposition or not. */
  #matrix(name: string): { tensor: OnnxTensor; transposed: boolean } | null {
    let transposed = false;
    for (let node = this.producer(name); node !== null; node = this.producer(name)) {
      if (node.op === 'Transpose') {
        const perm = node.attributes.get('perm')?.integers ?? [1, 0];
        if (perm.join() !== '1,0') return null;
        transposed = !transposed;
      } else if (node.op !== 'Identity') return null;
      name = node.inputs[0]!;
    }
    const tensor = this.file.tensors.get(name);
    if (tensor?.ref == null || tensor.shape.length !== 2 || !REAL.has(tensor.type)) return null;
    return { tensor, transposed };
  }

  /** The name of a constant that is one number for each output. */
  #vector(name: string, outputs: number): string | null {
    const tensor = this.constant(name);
    if (tensor?.ref == null || !REAL.has(tensor.type)) return null;
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    return count === outputs && tensor.shape.at(-1) === outputs ? tensor.name : null;
  }
}

function isTransparent(node: OnnxNode | null): boolean {
  return node !== null && node.domain === '' && TRANSPARENT.has(node.op);
}

function isPlainGemm({ attributes }: OnnxNode): boolean {
  const is = (name: string, value: number): boolean => (attributes.get(name)?.float ?? 1) === value;
  return is('alpha', 1) && is('beta', 1) && (attributes.get('transA')?.integer ?? 0) === 0;
}
