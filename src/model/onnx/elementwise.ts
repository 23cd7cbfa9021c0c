import { gateActivations, normalCumulative } from '../../embed/gate-activation.ts';
import type { OnnxNode } from '../../onnx/read-onnx.ts';
import type { OnnxIndex } from './linear.ts';

/** A function of a few numbers, made of the nodes between some values and another. */
export interface ElementwiseFunction {
  /** The values that it starts from. */
  readonly sources: readonly string[];
  /** In float64. */
  evaluate(values: readonly number[]): number;
}

/** Values of an activation function; a GELU written out has about twenty. */
const MAX_VALUES = 128;

type Compute = (inputs: readonly number[], node: OnnxNode) => number;

/**
 * The function that gives `name`, element by element, of the values that `isSource` names; null where it is none: other
 * operators, or vectors, take part.
 */
export function elementwiseFunction(
  index: OnnxIndex,
  name: string,
  isSource: (name: string) => boolean,
): ElementwiseFunction | null {
  const slots = new Map<string, number>();
  /** A number for each value: constants now, the rest when the function is evaluated. */
  const numbers: number[] = [];
  const sources: string[] = [];
  const steps: { node: OnnxNode; compute: Compute; inputs: readonly number[]; output: number }[] = [];
  const slot = (wire: string, value = Number.NaN): number => {
    slots.set(wire, numbers.push(value) - 1);
    return numbers.length - 1;
  };
  const visit = (wire: string): number | null => {
    const seen = slots.get(wire);
    if (seen !== undefined) return seen;
    const constant = index.constant(wire);
    // An input that is left out is no number.
    if (wire === '') return slot(wire);
    if (constant !== null) return constant.values?.length === 1 ? slot(wire, constant.values[0]) : null;
    if (isSource(wire)) {
      sources.push(wire);
      return slot(wire);
    }
    const node = index.producer(wire);
    if (node === null || !isElementwise(node) || node.outputs[0] !== wire || slots.size >= MAX_VALUES) {
      return null;
    }
    const inputs: number[] = [];
    for (const input of SHAPING.has(node.op) ? node.inputs.slice(0, 1) : node.inputs) {
      const from = visit(input);
      if (from === null) return null;
      inputs.push(from);
    }
    const output = slot(wire);
    steps.push({ node, compute: COMPUTE[`${node.domain}/${node.op}`]!, inputs, output });
    return output;
  };
  const result = visit(name);
  if (result === null) return null;
  return {
    sources,
    evaluate(values) {
      sources.forEach((source, i) => {
        numbers[slots.get(source)!] = values[i]!;
      });
      for (const { node, compute, inputs, output } of steps) {
        numbers[output] = compute(
          inputs.map((from) => numbers[from]!),
          node,
        );
      }
      return numbers[result]!;
    },
  };
}

/** Whether a node computes each number from the same ones of its inputs alone. */
export function isElementwise({ domain, op }: OnnxNode): boolean {
  return Object.hasOwn(COMPUTE, `${domain}/${op}`);
}

/** Operators whose further inputs are shapes. */
const SHAPING = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Dropout', 'CastLike']);

const first: Compute = ([x]) => x!;

const COMPUTE: Readonly<Record<string, Compute>> = {
  '/Identity': first,
  '/Cast': first,
  '/CastLike': first,
  '/Reshape': first,
  '/Flatten': first,
  '/Squeeze': first,
  '/Unsqueeze': first,
  '/Dropout': first,
  '/Add': ([a, b]) => a! + b!,
  '/Sub': ([a, b]) => a! - b!,
  '/Mul': ([a, b]) => a! * b!,
  '/Div': ([a, b]) => a! / b!,
  '/Pow': ([a, b]) => a! ** b!,
  '/Neg': ([x]) => -x!,
  '/Abs': ([x]) => Math.abs(x!),
  '/Exp': ([x]) => Math.exp(x!),
  '/Sqrt': ([x]) => Math.sqrt(x!),
  '/Reciprocal': ([x]) => 1 / x!,
  '/Erf': ([x]) => 2 * normalCumulative(x! * Math.SQRT2) - 1,
  '/Tanh': ([x]) => Math.tanh(x!),
  '/Sigmoid': ([x]) => sigmoid(x!),
  '/Relu': ([x]) => Math.max(0, x!),
  '/Max': (values) => Math.max(...values),
  '/Min': (values) => Math.min(...values),
  '/Gelu': ([x], { attributes }) =>
    gateActivations[attributes.get('approximate')?.text === 'tanh' ? 'gelu_tanh' : 'gelu'](x!).value,
  '/Swish': ([x], { attributes }) => x! * sigmoid((attributes.get('alpha')?.float ?? 1) * x!),
  'com.microsoft/Gelu': ([x]) => gateActivations.gelu(x!).value,
  // A second input would be a bias, which stands between the product and the activation.
  'com.microsoft/FastGelu': ([x, bias]) =>
    bias === undefined || Number.isNaN(bias) ? gateActivations.gelu_tanh(x!).value : Number.NaN,
  'com.microsoft/QuickGelu': ([x], { attributes }) =>
    x! * sigmoid((attributes.get('alpha')?.float ?? 1.702) * x!),
};

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
