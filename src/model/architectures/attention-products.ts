import type { GraphBuilder, Wire } from '../../onnx/graph.ts';

/** What a key that is not seen has for a score: its weight is 0, and shaders need not know infinity. */
const UNSEEN = -1e30;

/**
 * Attention as products and a softmax, for devices without an operator of that name: softmax(scale · Q Kᵀ + bias) V.
 * It takes memory for all scores, 4 · batch · heads · position² bytes.
 *
 * @param rows query [batch, position, heads · headDim], key and value [batch, position, kvHeads · headDim]
 * @param plan `allowed`: the keys that count, bool, for each query; `bias`: what is added to scores
 * @returns [batch, position, heads · headDim]
 */
export function attentionProducts(
  graph: GraphBuilder,
  rows: { readonly query: Wire; readonly key: Wire; readonly value: Wire },
  plan: {
    readonly heads: number;
    readonly kvHeads: number;
    readonly headDim: number;
    readonly scale: number;
    readonly softCap?: number | null | undefined;
    readonly allowed: Wire | null;
    readonly bias: Wire | null;
  },
): Wire {
  const { heads, kvHeads, headDim, scale, softCap, allowed, bias } = plan;
  const byHead = (wire: Wire, count: number, perm: readonly number[]): Wire => {
    const split = graph.op('Reshape', [wire, graph.integers(0, 0, count, headDim)]);
    return graph.op('Transpose', [split], { perm });
  };
  // Queries of the heads that share a key lie below each other: [batch, kvHeads, share · position, headDim].
  const shared = (wire: Wire, last: number): Wire =>
    heads === kvHeads ? wire : graph.op('Reshape', [wire, graph.integers(0, kvHeads, -1, last)]);
  const apart = (wire: Wire, last: number): Wire =>
    heads === kvHeads ? wire : graph.op('Reshape', [wire, graph.integers(0, heads, -1, last)]);

  const query = byHead(graph.op('Mul', [rows.query, graph.scalar(scale)]), heads, [0, 2, 1, 3]);
  const key = byHead(rows.key, kvHeads, [0, 2, 3, 1]);
  const value = byHead(rows.value, kvHeads, [0, 2, 1, 3]);
  // A last size of 0 means: as it is.
  let scores = apart(graph.op('MatMul', [shared(query, headDim), key]), 0);
  if (softCap) {
    const cap = graph.scalar(softCap);
    scores = graph.op('Mul', [graph.op('Tanh', [graph.op('Div', [scores, cap])]), cap]);
  }
  if (bias !== null) scores = graph.op('Add', [scores, bias]);
  if (allowed !== null) scores = graph.op('Where', [allowed, scores, graph.scalar(UNSEEN)]);
  const weights = graph.op('Softmax', [scores], { axis: -1 });
  const found = apart(graph.op('MatMul', [shared(weights, 0), value]), headDim);
  return graph.op('Reshape', [
    graph.op('Transpose', [found], { perm: [0, 2, 1, 3] }),
    graph.integers(0, 0, heads * headDim),
  ]);
}
