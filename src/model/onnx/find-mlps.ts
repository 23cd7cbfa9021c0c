import { gateActivations } from '../../embed/gate-activation.ts';
import type { OnnxNode } from '../../onnx/read-onnx.ts';
import type { Activation } from '../architectures/architecture.ts';
import { type ElementwiseFunction, elementwiseFunction } from './elementwise.ts';
import type { Linear, OnnxIndex } from './linear.ts';

/** An MLP of a file: the values of its sites, and where its neurons' weights lie. */
export interface MlpBlock {
  /** The MLP's input h, and the nodes of the MLP that read it. */
  readonly input: string;
  readonly readers: readonly OnnxNode[];
  readonly up: Neurons;
  readonly gate: Neurons | null;
  readonly activation: Activation;
  readonly post: string;
  /** What follows: the product with the output weights. */
  readonly down: Linear;
  readonly width: number;
  readonly units: number;
}

/** The pre-activations of the neurons: a matrix product, or a half of one. */
export interface Neurons {
  readonly wire: string;
  readonly linear: Linear;
  /** First of the product's outputs that are these neurons'. */
  readonly first: number;
}

/**
 * The MLPs of a file, found by their shape: a product with a weight, then element by element an activation function,
 * however it is written out, then a product with a weight; gated ones have two products of one input before it.
 */
export function findMlps(index: OnnxIndex): MlpBlock[] {
  const blocks: MlpBlock[] = [];
  const seen = new Set<string>();
  for (const down of index.linears) {
    const block = mlpBefore(index, down);
    if (block === null || seen.has(block.up.wire)) continue;
    seen.add(block.up.wire);
    blocks.push(block);
  }
  return blocks;
}

// ----------------------------------------------------------------

function mlpBefore(index: OnnxIndex, down: Linear): MlpBlock | null {
  const neurons = new Map<string, Neurons>();
  const found = elementwiseFunction(index, down.input, (wire) => {
    const from = neuronsOf(index, wire);
    if (from !== null) neurons.set(wire, from);
    return from !== null;
  });
  if (found === null) return null;
  const [one, other, ...more] = found.sources.map((wire) => neurons.get(wire)!);
  if (one === undefined || more.length > 0) return null;
  const tolerance = one.linear.type === 1 || one.linear.type === 11 ? 1e-5 : 3e-4;
  if (other === undefined) {
    const activation = activationOf((x) => found.evaluate([x]), tolerance);
    if (activation === null || one.first !== 0 || one.linear.outputs !== down.inputs) return null;
    return {
      input: one.linear.input,
      readers: [one.linear.node],
      up: one,
      gate: null,
      activation,
      post: down.input,
      down,
      width: one.linear.inputs,
      units: down.inputs,
    };
  }
  const roles = gateOf(found, tolerance);
  if (roles === null) return null;
  const [gate, up] = roles.gateFirst ? [one, other] : [other, one];
  const input = commonInput(index, gate.linear, up.linear);
  if (input === null || !holdsAll(gate, up, down.inputs)) return null;
  return {
    input,
    readers: [gate, up].map(({ linear }) => readerOf(index, linear, input)),
    up,
    gate,
    activation: roles.activation,
    post: down.input,
    down,
    width: gate.linear.inputs,
    units: down.inputs,
  };
}

/** The pre-activations that a value is: a product's outputs, or one half of them. */
export function neuronsOf(index: OnnxIndex, wire: string): Neurons | null {
  const linear = index.linearOf(wire);
  if (linear !== null) return { wire, linear, first: 0 };
  const node = index.producer(wire);
  if (node === null || node.domain !== '') return null;
  const both = index.linearOf(node.inputs[0] ?? '');
  if (both === null || both.outputs % 2 !== 0) return null;
  const half = both.outputs / 2;
  if (node.op === 'Split') {
    const sizes = index.constant(node.inputs[1] ?? '')?.values ??
      node.attributes.get('split')?.integers ?? [half, half];
    if (
      !isLastAxis(node.attributes.get('axis')?.integer ?? 0) ||
      node.outputs.length !== 2 ||
      sizes.join() !== `${half},${half}`
    )
      return null;
    return { wire, linear: both, first: node.outputs.indexOf(wire) * half };
  }
  if (node.op === 'Slice') {
    const [start, end, axis, step] = [1, 2, 3, 4].map((at) => index.constant(node.inputs[at] ?? '')?.values);
    if (start?.length !== 1 || end?.length !== 1 || !isLastAxis(axis?.[0] ?? 0) || (step?.[0] ?? 1) !== 1)
      return null;
    if (start[0] === 0 && end[0] === half) return { wire, linear: both, first: 0 };
    if (start[0] === half && end[0]! >= both.outputs) return { wire, linear: both, first: half };
  }
  return null;
}

/** The last axis of values that have a batch, positions and a width. */
function isLastAxis(axis: number): boolean {
  return axis === -1 || axis === 2;
}

/** Whether gate and up are two matrices of this many neurons, or the two halves of one. */
function holdsAll(gate: Neurons, up: Neurons, units: number): boolean {
  if (gate.linear === up.linear) return gate.linear.outputs === 2 * units && gate.first !== up.first;
  return [gate, up].every(({ linear, first }) => linear.outputs === units && first === 0);
}

/** The value that both products are of. */
function commonInput(index: OnnxIndex, a: Linear, b: Linear): string | null {
  if (a.input === b.input) return a.input;
  const input = index.unshaped(a.input);
  return input === index.unshaped(b.input) ? input : null;
}

/** The node that reads `input` on its way to a product: the product itself, or what shapes its input. */
function readerOf(index: OnnxIndex, { node, input: own }: Linear, input: string): OnnxNode {
  let reader = node;
  for (let wire = own; wire !== input; wire = reader.inputs[0]!) reader = index.producer(wire)!;
  return reader;
}

/** Points at which functions are compared: GELU's two forms differ by 5e-4 about 2, far less elsewhere. */
const POINTS = [-7.5, -4, -2.7, -2, -1.1, -0.6, -0.2, 0, 0.3, 0.9, 1.6, 2.2, 3.1, 5, 8];

function activationOf(value: (x: number) => number, tolerance: number): Activation | null {
  for (const [name, reference] of Object.entries(gateActivations)) {
    if (POINTS.every((x) => isNear(value(x), reference(x).value, tolerance))) return name as Activation;
  }
  return null;
}

/** Which of two values goes through the activation, where the function is activation(gate) · up. */
function gateOf(
  { evaluate }: ElementwiseFunction,
  tolerance: number,
): { gateFirst: boolean; activation: Activation } | null {
  for (const gateFirst of [true, false]) {
    const at = (gate: number, up: number): number => evaluate(gateFirst ? [gate, up] : [up, gate]);
    const activation = activationOf((x) => at(x, 1), tolerance);
    if (activation === null) continue;
    const linear = POINTS.every((x) => isNear(at(x, -2.5), -2.5 * at(x, 1), tolerance));
    if (linear) return { gateFirst, activation };
  }
  return null;
}

function isNear(value: number, reference: number, tolerance: number): boolean {
  return Math.abs(value - reference) <= tolerance * Math.max(1, Math.abs(reference));
}
