import { PolysemeError } from '../errors.ts';
import type { GraphBuilder, Wire } from '../onnx/graph.ts';
import { type Matrix, rowNorms } from '../tensors/matrix.ts';
import type { TensorRef } from '../tensors/safetensors.ts';
import { normalizesPerInput } from './config.ts';
import { decodesWithInputs, type SaeData } from './sae-data.ts';

/** Added to the standard deviation by `layer_norm`. */
const EPSILON = 1e-5;
/** Least ‖x‖ that `constant_norm_rescale` divides by: a zero input stays zero. */
const TINY = 1e-30;
/** Least decoder norm that latents are divided by. */
const MIN_NORM = 1e-8;

/** What encoding adds to a graph: wires of shape [..., width]. */
export interface EncodeWires {
  /** h, the input exactly as the encoder sees it: [..., dIn]. */
  readonly latentInputs: Wire;
  /** h·W_enc + b_enc (gated: of the magnitudes; × decoder norm where rescaled): [..., dSae]. */
  readonly preActivations: Wire;
  /** [..., dSae]. */
  readonly latents: Wire;
}

/**
 * Adds the SAE's encoder to a graph, reading `input` of shape [..., dIn] (`hook_z` flattened).
 * Wires that no output needs cost nothing.
 */
export function encodeNodes(graph: GraphBuilder, sae: SaeData, input: Wire): EncodeWires {
  const { config, tensors } = sae;
  const { normalized } = normalizeNodes(graph, sae, input);
  const latentInputs = config.applyBDecToInput
    ? graph.op('Sub', [normalized, graph.constant(tensors.b_dec)])
    : normalized;
  const product = graph.op('MatMul', [latentInputs, weight(graph, sae, 'W_enc')]);
  if (config.architecture === 'gated') {
    const gate = graph.op('Add', [product, graph.constant(tensors.b_gate!)]);
    const scaled = graph.op('Mul', [product, graph.constant(Float32Array.from(tensors.r_mag!, Math.exp))]);
    const preActivations = graph.op('Add', [scaled, graph.constant(tensors.b_mag!)]);
    const open = graph.op('Greater', [gate, graph.scalar(0)]);
    const latents = graph.op('Where', [open, graph.op('Relu', [preActivations]), graph.scalar(0)]);
    return { latentInputs, preActivations, latents };
  }
  let preActivations = graph.op('Add', [product, graph.constant(tensors.b_enc!)]);
  if (config.rescaleActsByDecoderNorm) {
    preActivations = graph.op('Mul', [preActivations, graph.constant(rowNorms(tensors.W_dec))]);
  }
  return { latentInputs, preActivations, latents: activate(graph, sae, preActivations) };
}

/**
 * Adds the SAE's decoder to a graph: latents [..., dSae] → outputs [..., dOut].
 * @param input the encoder's input; required where `decodesWithInputs`
 */
export function decodeNodes(graph: GraphBuilder, sae: SaeData, latents: Wire, input?: Wire): Wire {
  const { config, tensors } = sae;
  if (decodesWithInputs(sae) && input === undefined) throw inputsNeeded(sae);
  let scaled = latents;
  if (config.rescaleActsByDecoderNorm) {
    const inverse = rowNorms(tensors.W_dec).map((norm) => 1 / Math.max(norm, MIN_NORM));
    scaled = graph.op('Mul', [latents, graph.constant(inverse)]);
  }
  const product = graph.op('MatMul', [scaled, weight(graph, sae, 'W_dec')]);
  let output = graph.op('Add', [product, graph.constant(tensors.b_dec)]);
  if (!config.transcoder && normalizesPerInput(config)) {
    const { scale, mean } = normalizeNodes(graph, sae, input!);
    output = graph.op('Mul', [output, scale!]);
    if (mean !== undefined) output = graph.op('Add', [output, mean]);
  }
  if (tensors.W_skip === undefined) return output;
  const transposed = graph.op('Transpose', [weight(graph, sae, 'W_skip')], { perm: [1, 0] });
  return graph.op('Add', [output, graph.op('MatMul', [input!, transposed])]);
}

/** The error of decoding without the inputs that it needs. */
export function inputsNeeded({ label, config }: SaeData): PolysemeError {
  const why = normalizesPerInput(config)
    ? `normalises each input (${config.normalizeActivations})`
    : 'adds a skip connection from its input';
  return new PolysemeError(
    `${label} ${why}: pass the inputs to decode(latents, { inputs }), or use reconstruct(inputs)`,
  );
}

interface Normalized {
  readonly normalized: Wire;
  /** What an output is multiplied by to undo it. */
  readonly scale?: Wire;
  /** What is added to an output then. */
  readonly mean?: Wire;
}

function normalizeNodes(graph: GraphBuilder, { config }: SaeData, input: Wire): Normalized {
  const last = graph.integers(-1);
  switch (config.normalizeActivations) {
    case 'layer_norm': {
      const mean = graph.op('ReduceMean', [input, last]);
      const centred = graph.op('Sub', [input, mean]);
      const squares = graph.op('ReduceSumSquare', [centred, last]);
      const scale = graph.op('Sqrt', [graph.op('Div', [squares, graph.scalar(config.dIn - 1)])]);
      const normalized = graph.op('Div', [centred, graph.op('Add', [scale, graph.scalar(EPSILON)])]);
      return { normalized, scale, mean };
    }
    case 'constant_norm_rescale': {
      const norm = graph.op('Max', [graph.op('ReduceL2', [input, last]), graph.scalar(TINY)]);
      const scale = graph.op('Div', [norm, graph.scalar(Math.sqrt(config.dIn))]);
      return { normalized: graph.op('Div', [input, scale]), scale };
    }
    default:
      return { normalized: input };
  }
}

function activate(graph: GraphBuilder, { config, tensors }: SaeData, pre: Wire): Wire {
  const zero = graph.scalar(0);
  switch (config.architecture) {
    case 'standard':
      return graph.op('Relu', [pre]);
    case 'jumprelu':
      return jumpNodes(graph, pre, tensors.threshold!);
    case 'topk': {
      const [values, indices] = graph.ops('TopK', 2, [pre, graph.integers(config.k!)], { axis: -1 });
      return scatter(graph, pre, indices!, graph.op('Relu', [values!]));
    }
    case 'abstopk': {
      const [, indices] = graph.ops('TopK', 2, [graph.op('Abs', [pre]), graph.integers(config.k!)], {
        axis: -1,
      });
      return scatter(graph, pre, indices!, graph.op('GatherElements', [pre, indices!], { axis: -1 }));
    }
    case 'groupmax': {
      const size = config.dSae / config.k!;
      const shape = graph.op('Shape', [pre]);
      const leading = graph.op('Slice', [shape, graph.integers(0), graph.integers(-1)]);
      const groups = graph.op('Concat', [leading, graph.integers(config.k!, size)], { axis: 0 });
      const split = graph.op('Reshape', [pre, groups]);
      const best = graph.op('ArgMax', [split], { axis: -1, keepdims: 1 });
      const isBest = graph.op('Equal', [best, graph.integers(...Array(size).keys())]);
      const kept = graph.op('Where', [isBest, graph.op('Relu', [split]), zero]);
      return graph.op('Reshape', [kept, shape]);
    }
    default:
      throw new Error(`no activation for ${config.architecture}`);
  }
}

/**
 * relu(p) where p > threshold, else 0. As relu(p) is 0 below 0, so may thresholds be, and the comparison can
 * follow the Relu: products in place, which costs half of what Where does.
 */
function jumpNodes(graph: GraphBuilder, pre: Wire, threshold: Float32Array): Wire {
  const least = threshold.map((value) => Math.max(0, value));
  const positive = graph.op('Relu', [pre]);
  if (least.every((value) => value === 0)) return positive;
  if (least.every((value) => value === least[0] && Number.isFinite(value))) {
    return graph.op('ThresholdedRelu', [pre], { alpha: { float: least[0]! } });
  }
  const above = graph.op('Greater', [positive, graph.constant(least)]);
  return graph.op('Mul', [positive, graph.op('Cast', [above], { to: 1 })]);
}

/** Zeros like `pre`, with `values` at `indices` of the last axis. */
function scatter(graph: GraphBuilder, pre: Wire, indices: Wire, values: Wire): Wire {
  const zeros = graph.op('Expand', [graph.scalar(0), graph.op('Shape', [pre])]);
  return graph.op('ScatterElements', [zeros, indices, values], { axis: -1 });
}

/**
 * A weight matrix, mapped from its file where the file still is what was read, else inline.
 * A matrix stored the other way round is transposed by the runtime while it loads.
 */
function weight(graph: GraphBuilder, { tensors }: SaeData, name: 'W_enc' | 'W_dec' | 'W_skip'): Wire {
  const m = tensors[name]!;
  const { data, rows, cols, transposed } = m;
  const stored = mappable(m)
    ? graph.weight(`${m.ref!.file}:${m.ref!.offset}`, plainRef(m.ref!))
    : graph.constant(data, transposed ? [cols, rows] : [rows, cols]);
  return transposed ? graph.op('Transpose', [stored], { perm: [1, 0] }) : stored;
}

/** What a program can carry to another thread. */
function plainRef({ file, dtype, shape, offset, length }: TensorRef): TensorRef {
  return { file, dtype, shape, offset, length };
}

function mappable({ ref }: Matrix): boolean {
  return ref !== undefined && ['F32', 'F16', 'BF16'].includes(ref.dtype) && ref.unchanged();
}
