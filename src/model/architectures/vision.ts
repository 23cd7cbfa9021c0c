import type { Wire } from '../../onnx/graph.ts';
import type { Architecture, ModelConfig } from './architecture.ts';
import { block } from './blocks.ts';
import { type Emitter, emitter, linear, norm, weight } from './parts.ts';
import type { BlockPlan, LinearPlan, NormPlan } from './plan.ts';
import { mlpNames } from './transformer.ts';

/** What a vision transformer is made of, as data; `visionTransformer` makes an `Architecture` of it. */
export interface VisionPlan {
  readonly config: ModelConfig & { readonly image: NonNullable<ModelConfig['image']> };
  readonly prefixes: readonly string[];
  readonly ignored?: RegExp;
  /** The convolution that makes a vector of each patch. */
  readonly patches: { readonly name: string; readonly bias: boolean };
  /** Vectors before the patches: tensors [1, n, width], or [width] of one. */
  readonly whole: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly registers?: { readonly name: string; readonly shape: readonly number[] };
  /** Learned positions of the whole's vectors and the patches: [1, n, width], or a table [n, width]. */
  readonly positions: { readonly name: string; readonly table: boolean };
  /** Norm of the sum, before the first block. */
  readonly embeddingNorm?: NormPlan;
  block(layer: number): BlockPlan;
  /** Norm of the stream after the last block, before the head. */
  readonly finalNorm: NormPlan | null;
  /** What makes class logits; null for a model without. */
  readonly head: ClassHead | null;
}

export interface ClassHead {
  /**
   * What is classified: the first position; the first two by a classifier each, on average; the first beside the
   * patches' mean; the patches' mean.
   */
  readonly reads: 'first' | 'first two' | 'first and mean' | 'mean';
  readonly classifiers: readonly LinearPlan[];
}

/** The architecture of a vision transformer. `logits` stand at every position, the same at each. */
export function visionTransformer(plan: VisionPlan): Architecture {
  const { config } = plan;
  return {
    config,
    prefixes: plan.prefixes,
    ignored: plan.ignored ?? /^$/,
    mlp: (layer, weights) => mlpNames(plan.block(layer).mlp, config.width, weights),
    build(graph, weights, site): void {
      const tokens = graph.input('tokens', 'int32', ['batch', 'position']);
      const e = emitter({ graph, weights, site, width: config.width, tokens, seen: null });
      let x = embed(e, plan);
      for (let l = 0; l < config.layers; l++) x = block(e, l, x, plan.block(l));
      if (plan.head === null) return;
      if (plan.finalNorm !== null) x = norm(e, x, plan.finalNorm, config.width);
      const classes = config.image.classes!.length;
      const logits = graph.op('Unsqueeze', [classify(e, x, plan, plan.head), graph.integers(1)]);
      const positions = graph.op('Shape', [x], { start: 0, end: 2 });
      const everywhere = graph.op('Concat', [positions, graph.integers(1)], { axis: 0 });
      site('logits', graph.op('Expand', [logits, everywhere]), classes);
    },
  };
}

function embed(e: Emitter, plan: VisionPlan): Wire {
  const { graph, width } = e;
  const { image } = plan.config;
  const side = image.patch!;
  const size = image.anySize ? ['height', 'width'] : [image.height, image.width];
  const pixels = graph.input('pixels', 'float', ['batch', image.channels, ...size]);
  const { name, bias } = plan.patches;
  const kernel = weight(e, `${name}.weight`, width, image.channels, side, side);
  const grid = graph.op(
    'Conv',
    bias ? [pixels, kernel, weight(e, `${name}.bias`, width)] : [pixels, kernel],
    {
      kernel_shape: [side, side],
      strides: [side, side],
    },
  );
  const flat = graph.op('Reshape', [grid, graph.integers(0, width, -1)]);
  const patches = graph.op('Transpose', [flat], { perm: [0, 2, 1] });
  const batch = graph.op(
    'Concat',
    [graph.op('Gather', [graph.op('Shape', [pixels]), graph.integers(0)]), graph.integers(1, 1)],
    { axis: 0 },
  );
  const lead = ({ name: own, shape }: { name: string; shape: readonly number[] }): Wire => {
    const stored = weight(e, own, ...shape);
    const rows = graph.op('Reshape', [stored, graph.integers(1, -1, width)]);
    return graph.op('Expand', [rows, batch]);
  };
  const placed = graph.op('Add', [
    graph.op('Concat', [...plan.whole.map(lead), patches], { axis: 1 }),
    learnedPositions(e, plan, grid),
  ]);
  const x = plan.registers === undefined ? placed : withRegisters(e, plan, placed, lead(plan.registers));
  return plan.embeddingNorm === undefined ? x : norm(e, x, plan.embeddingNorm, width);
}

/** Registers come after the whole's vectors, and have no place. */
function withRegisters({ graph }: Emitter, { config }: VisionPlan, x: Wire, registers: Wire): Wire {
  const { whole } = config.image;
  const part = (from: number, to: number): Wire =>
    graph.op('Slice', [x, graph.integers(from), graph.integers(to), graph.integers(1)]);
  return graph.op('Concat', [part(0, whole), registers, part(whole, 2 ** 31 - 1)], { axis: 1 });
}

/**
 * Learned positions [1, positions, width]. Where images may have any size, the patches' are interpolated (bicubic, a =
 * −0.75, as torch does) to the grid that the image has.
 */
function learnedPositions(e: Emitter, { positions, config }: VisionPlan, grid: Wire): Wire {
  const { graph, width } = e;
  const { image } = config;
  const [rows, columns] = [image.height, image.width].map((side) => Math.floor(side / image.patch!));
  const count = image.whole + rows! * columns!;
  const stored = positions.table
    ? weight(e, positions.name, count, width)
    : weight(e, positions.name, 1, count, width);
  const all = graph.op('Reshape', [stored, graph.integers(1, -1, width)]);
  if (!image.anySize) return all;
  const part = (from: number, to: number): Wire =>
    graph.op('Slice', [all, graph.integers(from), graph.integers(to), graph.integers(1)]);
  const patches = graph.op('Reshape', [
    part(image.whole, 2 ** 31 - 1),
    graph.integers(1, rows!, columns!, width),
  ]);
  const planes = graph.op('Transpose', [patches], { perm: [0, 3, 1, 2] });
  const shape = graph.op(
    'Concat',
    [graph.integers(1, width), graph.op('Gather', [graph.op('Shape', [grid]), graph.integers(2, 3)])],
    { axis: 0 },
  );
  const resized = graph.op('Resize', [planes, '', '', shape], {
    mode: 'cubic',
    cubic_coeff_a: { float: -0.75 },
    coordinate_transformation_mode: 'half_pixel',
  });
  const back = graph.op('Reshape', [
    graph.op('Transpose', [resized], { perm: [0, 2, 3, 1] }),
    graph.integers(1, -1, width),
  ]);
  return graph.op('Concat', [part(0, image.whole), back], { axis: 1 });
}

/** Class logits [batch, classes] of the stream after its last norm. */
function classify(e: Emitter, x: Wire, { config }: VisionPlan, { reads, classifiers }: ClassHead): Wire {
  const { graph, width } = e;
  const { whole, registers, classes } = config.image;
  const at = (position: number): Wire =>
    graph.op('Gather', [x, graph.constant(BigInt64Array.of(BigInt(position)), [])], { axis: 1 });
  const mean = (): Wire => {
    const patches = graph.op('Slice', [
      x,
      graph.integers(whole + registers),
      graph.integers(2 ** 31 - 1),
      graph.integers(1),
    ]);
    return graph.op('ReduceMean', [patches, graph.integers(1)], { keepdims: 0 });
  };
  const logits = (read: Wire, own: LinearPlan, inputs = width): Wire =>
    linear(e, read, own, inputs, classes!.length);
  switch (reads) {
    case 'first':
      return logits(at(0), classifiers[0]!);
    case 'mean':
      return logits(mean(), classifiers[0]!);
    case 'first and mean':
      return logits(graph.op('Concat', [at(0), mean()], { axis: -1 }), classifiers[0]!, 2 * width);
    case 'first two': {
      const [cls, distilled] = classifiers.map((own, position) => logits(at(position), own));
      return graph.op('Mul', [graph.op('Add', [cls!, distilled!]), graph.scalar(0.5)]);
    }
  }
}
