import type { Wire } from '../../onnx/graph.ts';
import { attentionProducts } from './attention-products.ts';
import { type Emitter, linear, norm, normalize, positions, weight } from './parts.ts';
import type { AttentionPlan, NormPlan, RelativeBias, Rotary } from './plan.ts';

/** What attention gives before its output matrix, [batch, position, heads · headDim]. */
export function attention(e: Emitter, x: Wire, plan: AttentionPlan): Wire {
  const { heads, kvHeads, headDim, norms, rotary = null } = plan;
  let [query, key, value] = projections(e, x, plan);
  if (norms !== undefined) {
    const { q, k, over } = norms;
    const normed = (x: Wire, plan: NormPlan, count: number): Wire =>
      over === 'all' ? norm(e, x, plan, count * headDim) : headNorm(e, x, plan, count, headDim, over);
    query = normed(query, q, heads);
    key = normed(key, k, kvHeads);
  }
  if (rotary !== null) {
    query = rotate(e, query, rotary, heads, headDim);
    key = rotate(e, key, rotary, kvHeads, headDim);
  }
  if (e.graph.plainOperators) {
    return attentionProducts(
      e.graph,
      { query, key, value },
      { ...plan, allowed: allowedKeys(e, plan, plan.causal), bias: scoreBias(e, plan) },
    );
  }
  const mask = scoreMask(e, plan);
  return e.graph.op('Attention', mask === null ? [query, key, value] : [query, key, value, mask], {
    q_num_heads: heads,
    kv_num_heads: kvHeads,
    is_causal: plan.causal ? 1 : 0,
    scale: { float: plan.scale },
    ...(plan.softCap ? { softcap: { float: plan.softCap } } : {}),
  });
}

function projections(
  e: Emitter,
  x: Wire,
  { qkv, heads, kvHeads, headDim }: AttentionPlan,
): [Wire, Wire, Wire] {
  const { graph, width } = e;
  const wide = heads * headDim;
  const narrow = kvHeads * headDim;
  if (!('all' in qkv)) {
    return [
      linear(e, x, qkv.q, width, wide),
      linear(e, x, qkv.k, width, narrow),
      linear(e, x, qkv.v, width, narrow),
    ];
  }
  const all = linear(e, x, qkv.all, width, wide + 2 * narrow);
  if (qkv.order === 'blocks') {
    if (heads === kvHeads) {
      return graph.ops('Split', 3, [all], { axis: -1, num_outputs: 3 }) as [Wire, Wire, Wire];
    }
    return graph.ops('Split', 3, [all, graph.integers(wide, narrow, narrow)], { axis: -1 }) as [
      Wire,
      Wire,
      Wire,
    ];
  }
  const share = heads / kvHeads;
  const grouped = graph.op('Reshape', [all, graph.integers(0, 0, kvHeads, share + 2, headDim)]);
  const parts = graph.ops('Split', 3, [grouped, graph.integers(share, 1, 1)], { axis: 3 });
  const flat = (part: Wire, size: number): Wire => graph.op('Reshape', [part, graph.integers(0, 0, size)]);
  return [flat(parts[0]!, wide), flat(parts[1]!, narrow), flat(parts[2]!, narrow)];
}

/** A norm over each head by itself. */
function headNorm(
  e: Emitter,
  x: Wire,
  plan: NormPlan,
  heads: number,
  headDim: number,
  over: 'head' | 'each head',
): Wire {
  const { graph } = e;
  const byHead = graph.op('Reshape', [x, graph.integers(0, 0, heads, headDim)]);
  const normed = over === 'head' ? norm(e, byHead, plan, headDim) : ownNorms(e, byHead, plan, heads, headDim);
  return graph.op('Reshape', [normed, graph.integers(0, 0, heads * headDim)]);
}

/** Each head with a γ of its own. */
function ownNorms(e: Emitter, byHead: Wire, plan: NormPlan, heads: number, headDim: number): Wire {
  const { graph } = e;
  const ones = e.once(`ones ${headDim}`, () => graph.constant(new Float32Array(headDim).fill(1)));
  const alone = normalize(e, byHead, plan, { gamma: ones, beta: null });
  const gammas = Array.from({ length: heads }, (_, i) => weight(e, `${plan.name}.${i}.weight`, headDim));
  const gamma = graph.op('Reshape', [
    graph.op('Concat', gammas, { axis: 0 }),
    graph.integers(heads, headDim),
  ]);
  return graph.op('Mul', [alone, gamma]);
}

function rotate(e: Emitter, x: Wire, rotary: Rotary, heads: number, headDim: number): Wire {
  const { cos, sin, rows } = e.once(rotary, () => angles(e, rotary));
  const rotated = 2 * rotary.frequencies.length;
  return e.graph.op('RotaryEmbedding', [x, cos, sin, rows], {
    num_heads: heads,
    interleaved: rotary.interleaved ? 1 : 0,
    ...(rotated < headDim ? { rotary_embedding_dim: rotated } : {}),
  });
}

/** Cosines and sines by position, and each token's position. */
function angles(e: Emitter, { frequencies, factor }: Rotary): { cos: Wire; sin: Wire; rows: Wire } {
  const { graph, tokens } = e;
  // Angles in double: position × frequency would lose digits in float far from the start.
  const position = positions(e);
  const exact = graph.op('Cast', [graph.op('Unsqueeze', [position, graph.integers(1)])], { to: 11 });
  const angle = graph.op('Mul', [exact, graph.constant(frequencies, [1, frequencies.length])]);
  const table = (op: 'Cos' | 'Sin'): Wire => {
    const values = graph.op(op, [angle]);
    const scaled =
      factor === 1 ? values : graph.op('Mul', [values, graph.constant(Float64Array.of(factor), [])]);
    return graph.op('Cast', [scaled], { to: 1 });
  };
  const rows = e.once('rows of positions', () => {
    const zeros = graph.op('Sub', [tokens, tokens]);
    return graph.op('Add', [
      graph.op('Cast', [zeros], { to: 7 }),
      graph.op('Unsqueeze', [position, graph.integers(0)]),
    ]);
  });
  return { cos: table('Cos'), sin: table('Sin'), rows };
}

/** What of the scores counts beside causality: a window, padding, an added bias; null where nothing does. */
function scoreMask(e: Emitter, plan: AttentionPlan): Wire | null {
  const mask = allowedKeys(e, plan, false);
  const bias = scoreBias(e, plan);
  if (bias === null || mask === null) return bias ?? mask;
  return e.graph.op('Where', [mask, bias, e.graph.scalar(-Infinity)]);
}

/** The keys that a query may see, as a window, padding and, if asked for, causality have it; null where it sees all. */
function allowedKeys(e: Emitter, { window = null, causal }: AttentionPlan, causalToo: boolean): Wire | null {
  const { graph, seen } = e;
  const masks: Wire[] = [];
  if (causalToo) masks.push(e.once('causal', () => notLater(e)));
  if (window !== null) masks.push(e.once(`window ${window}`, () => windowMask(e, window)));
  if (seen !== null && !causal) masks.push(e.once('seen', () => seenMask(e, seen)));
  return masks.length === 0 ? null : masks.reduce((a, b) => graph.op('And', [a, b]));
}

function scoreBias(e: Emitter, { relative, heads }: AttentionPlan): Wire | null {
  return relative === undefined ? null : e.once(relative.name, () => relativeNodes(e, relative, heads));
}

/** What is added to the scores by distance, [1, heads, position, position]. */
function relativeNodes(e: Emitter, { name, buckets, bucket, longest }: RelativeBias, heads: number): Wire {
  const { graph } = e;
  const table = BigInt64Array.from({ length: 2 * longest - 1 }, (_, i) => BigInt(bucket(i - longest + 1)));
  const place = graph.op('Add', [apart(e), graph.integers(longest - 1)]);
  const byPair = graph.op('Gather', [
    weight(e, name, buckets, heads),
    graph.op('Gather', [graph.constant(table), place]),
  ]);
  return graph.op('Unsqueeze', [graph.op('Transpose', [byPair], { perm: [2, 0, 1] }), graph.integers(0)]);
}

/** Key − query, [position, position]. */
function apart(e: Emitter): Wire {
  const { graph } = e;
  return e.once('apart', () => {
    const number = positions(e);
    const keys = graph.op('Unsqueeze', [number, graph.integers(0)]);
    return graph.op('Sub', [keys, graph.op('Unsqueeze', [number, graph.integers(1)])]);
  });
}

/** Keys that are not after the query, bool [position, position]. */
function notLater(e: Emitter): Wire {
  const { graph } = e;
  return graph.op('LessOrEqual', [apart(e), graph.constant(BigInt64Array.of(0n), [])]);
}

/** |i − j| < window, bool [position, position]. */
function windowMask(e: Emitter, window: number): Wire {
  const { graph } = e;
  const limit = graph.constant(BigInt64Array.of(BigInt(window)), []);
  return graph.op('Less', [graph.op('Abs', [apart(e)]), limit]);
}

/**
 * Keys that may be seen, bool [batch, 1, position, position]: ONNX Runtime wants the queries' axis whole. Every position
 * sees itself: one of padding may have no other key in its window, and NaN there would reach all.
 */
function seenMask(e: Emitter, seen: Wire): Wire {
  const { graph } = e;
  const keys = graph.op('Unsqueeze', [seen, graph.integers(1, 2)]);
  const own = graph.op('Equal', [apart(e), graph.constant(BigInt64Array.of(0n), [])]);
  return graph.op('Or', [keys, own]);
}
