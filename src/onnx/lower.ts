import type { ElementType, Node } from './proto.ts';

/** A constant's numbers by its name; null of other values. */
export type Constants = (wire: string) => { readonly type: ElementType; readonly data: Uint8Array } | null;

/**
 * The nodes that give in an older operator set what a node of ours does: a foreign file is kept as it is, so that what
 * we add to it must be written as its operator set has it. Operators that are as old as the oldest set are not named.
 */
export function lowered(node: Node, opset: number, constantOf: Constants): Node[] {
  if (node.domain !== '') return [node];
  const { op, inputs, attributes } = node;
  const { approximate, ...rest } = attributes;
  switch (op) {
    case 'Squeeze':
    case 'Unsqueeze':
    case 'ReduceSum':
      return opset < 13 ? [axesAsAttribute(node, constantOf)] : [node];
    case 'ReduceMean':
    case 'ReduceMax':
    case 'ReduceMin':
    case 'ReduceL2':
    case 'ReduceSumSquare':
      return opset < 18 ? [axesAsAttribute(node, constantOf)] : [node];
    case 'Split': {
      const { num_outputs: _, ...kept } = attributes;
      return opset < 18 ? [{ ...node, attributes: kept }] : [node];
    }
    case 'GreaterOrEqual':
      return opset < 12 ? opposite(node, 'Less') : [node];
    case 'LessOrEqual':
      return opset < 12 ? opposite(node, 'Greater') : [node];
    case 'Max':
      // Older sets have it of real numbers alone.
      return opset < 12 && inputs.some((name) => constantOf(name)?.type === 'int32') ? maximum(node) : [node];
    case 'Gelu':
      if (opset >= 20) return [node];
      return [
        {
          ...node,
          op: approximate === 'tanh' ? 'FastGelu' : 'Gelu',
          domain: 'com.microsoft',
          attributes: rest,
        },
      ];
    case 'RMSNormalization':
      return opset < 23 ? [{ ...node, op: 'SimplifiedLayerNormalization', inputs, attributes }] : [node];
    default:
      return [node];
  }
}

function axesAsAttribute(node: Node, constantOf: Constants): Node {
  const [x, axes] = node.inputs;
  if (axes === undefined) return node;
  const { data } = constantOf(axes)!;
  const numbers = Array.from(new BigInt64Array(data.slice().buffer), Number);
  return { ...node, inputs: [x!], attributes: { ...node.attributes, axes: numbers } };
}

/** a ≥ b as not (a < b). */
function opposite(node: Node, op: string): Node[] {
  const between = `${node.outputs[0]}_opposite`;
  return [
    { ...node, op, outputs: [between] },
    { ...node, op: 'Not', inputs: [between], attributes: {} },
  ];
}

/** The larger of whole numbers, as real ones: token ids are exact in float. */
function maximum(node: Node): Node[] {
  const [output] = node.outputs as [string];
  const casts = node.inputs.map(
    (input, i): Node => ({
      op: 'Cast',
      domain: '',
      inputs: [input],
      outputs: [`${output}_${i}`],
      attributes: { to: 1 },
    }),
  );
  const inputs = casts.map(({ outputs }) => outputs[0]!);
  return [
    ...casts,
    { ...node, inputs, outputs: [`${output}_float`] },
    { ...node, op: 'Cast', inputs: [`${output}_float`], attributes: { to: 6 } },
  ];
}
