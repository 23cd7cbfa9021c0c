import type { OnnxDescription } from './describe.ts';

/** An ONNX file in numbers and names. */
export interface OnnxSummary {
  readonly producer: string;
  /** The operator set of its nodes. */
  readonly opset: number;
  readonly nodes: number;
  /** Its inputs, and what each is filled with. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: readonly string[];
  /** Its MLPs, in its order. */
  readonly mlps: readonly {
    readonly bank: string;
    /** The node that multiplies by the neurons' weights; of a gated MLP by the gate's. */
    readonly node: string;
    readonly width: number;
    readonly units: number;
    readonly activation: string;
    readonly gated: boolean;
  }[];
}

const FILLED = {
  ids: 'token ids',
  mask: 'ones',
  positions: 'positions',
  segments: 'zeros',
  past: 'nothing',
} as const;

export function onnxSummary({ file, inputs, image, blocks }: OnnxDescription): OnnxSummary {
  return {
    producer: file.producer,
    opset: file.opsets.get('')!,
    nodes: file.nodes.length,
    inputs:
      image === null
        ? Object.fromEntries([...inputs].map(([name, kind]) => [name, FILLED[kind]]))
        : { [image.input.name]: 'pixels' },
    outputs: file.outputs.map(({ name }) => name),
    mlps: blocks.map(({ up, gate, width, units, activation }, layer) => ({
      bank: `mlp.${layer}`,
      node: (gate ?? up).linear.node.name,
      width,
      units,
      activation,
      gated: gate !== null,
    })),
  };
}
