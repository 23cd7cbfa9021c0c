import { GraphBuilder } from '../../onnx/graph.ts';
import { attentionProducts } from '../architectures/attention-products.ts';
import type { BackendReference } from '../backend.ts';

/** Sizes of the reference block. */
export const SIZES = { vocabulary: 5, width: 8, heads: 2, hidden: 12 } as const;
export const TOKENS = [3, 0, 4, 1] as const;
export const EPSILON = 1e-5;

/** Weights of the reference: float32, fixed, of about one unit's size. */
export function referenceWeights(seed: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(1 + 7.3 * seed + 1.7 * i)));
}

/**
 * One small block of a transformer with every operator that models here are made of: embedding, LayerNorm, rotary
 * causal attention (as one operator, and as products and a softmax), RMSNorm, a gated MLP (GELU × SiLU). The expected values were computed in float64.
 */
export function backendReference(): BackendReference {
  const { vocabulary, width, heads, hidden } = SIZES;
  const headDim = width / heads;
  const graph = new GraphBuilder();
  const weight = (seed: number, ...shape: number[]) =>
    graph.constant(
      referenceWeights(
        seed,
        shape.reduce((a, b) => a * b),
      ),
      shape,
    );
  const tokens = graph.input('tokens', 'int32', ['batch', 'position']);
  const x = graph.op('Gather', [weight(0, vocabulary, width), tokens]);
  const normed = graph.op('LayerNormalization', [x, weight(1, width), weight(2, width)], {
    axis: -1,
    epsilon: { float: EPSILON },
  });
  const qkv = graph.op('MatMul', [normed, weight(3, width, 3 * width)]);
  const [q, k, v] = graph.ops('Split', 3, [qkv], { axis: -1, num_outputs: 3 });
  const angles = Float32Array.from(
    { length: (TOKENS.length * headDim) / 2 },
    (_, i) => Math.floor(i / (headDim / 2)) * 10 ** (-(i % (headDim / 2)) / 2),
  );
  const cos = graph.constant(angles.map(Math.cos), [TOKENS.length, headDim / 2]);
  const sin = graph.constant(angles.map(Math.sin), [TOKENS.length, headDim / 2]);
  const positions = graph.constant(
    BigInt64Array.from(TOKENS, (_, i) => BigInt(i)),
    [1, TOKENS.length],
  );
  const rotate = (wire: string) =>
    graph.op('RotaryEmbedding', [wire, cos, sin, positions], { num_heads: heads, interleaved: 0 });
  const [query, key, scale] = [rotate(q!), rotate(k!), 1 / Math.sqrt(headDim)];
  const attention = graph.op('Attention', [query, key, v!], {
    q_num_heads: heads,
    kv_num_heads: heads,
    is_causal: 1,
    scale: { float: scale },
  });
  const allowed = graph.op('LessOrEqual', [
    graph.constant(
      BigInt64Array.from({ length: TOKENS.length ** 2 }, (_, i) =>
        BigInt((i % TOKENS.length) - Math.floor(i / TOKENS.length)),
      ),
      [TOKENS.length, TOKENS.length],
    ),
    graph.constant(BigInt64Array.of(0n), []),
  ]);
  const inSteps = attentionProducts(
    graph,
    { query, key, value: v! },
    { heads, kvHeads: heads, headDim, scale, allowed, bias: null },
  );
  // Both ways of attention, half and half: graphs have one or the other.
  const mixed = graph.op('Mul', [graph.op('Add', [attention, inSteps]), graph.scalar(0.5)]);
  const middle = graph.op('Add', [x, mixed]);
  const h = graph.op('RMSNormalization', [middle, weight(4, width)], {
    axis: -1,
    epsilon: { float: EPSILON },
    stash_type: 1,
  });
  const gate = graph.op('FusedMatMul', [h, weight(5, hidden, width)], { transB: 1 }, 'com.microsoft');
  const up = graph.op('MatMul', [h, weight(6, width, hidden)]);
  const silu = graph.op('Mul', [gate, graph.op('Sigmoid', [gate])]);
  const gelu = graph.op('Gelu', [up], { approximate: 'tanh' });
  const exactGelu = graph.op('Gelu', [up], { approximate: 'none' });
  const post = graph.op('Mul', [silu, graph.op('Sub', [graph.op('Add', [gelu, exactGelu]), up])]);
  const y = graph.op('Add', [middle, graph.op('MatMul', [post, weight(7, hidden, width)])]);
  return {
    bytes: graph.encode([y]).bytes,
    inputs: { tokens: { data: Int32Array.from(TOKENS), shape: [1, TOKENS.length] } },
    outputs: { [y]: EXPECTED },
  };
}

// biome-ignore format: a table
const EXPECTED: readonly number[] = [
  -0.0853553442, -3.2632410184, 0.9262566319, 3.0245549142, -1.7056510862, -2.5850273024, 2.3717842683, 1.9738447431,
  -0.0624248716, 4.4294422406, -1.0789936448, -4.1513975174, 2.1487717038, 3.597713988, -3.0758629697, -2.8050979233,
  -1.0866913596, 0.6137727213, 0.9285289169, -0.8530443497, -0.2362609918, 2.653593326, -0.4475407458, -2.5382669205,
  0.6182414445, 0.9160765378, -0.8543042135, -0.6959317032, 1.2444108412, 1.1444885585, -1.5393328989, -0.7478193497,
];
