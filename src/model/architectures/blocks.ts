import type { GraphBuilder, Wire } from '../../onnx/graph.ts';
import { attention } from './attention.ts';
import { mixture } from './experts.ts';
import {
  activate,
  type Emitter,
  linear,
  norm,
  normalize,
  normWeights,
  positions,
  rowsOf,
  weight,
} from './parts.ts';
import type { BlockPlan, BranchPlan, EmbeddingPlan, HeadPlan, MlpPlan, NormPlan } from './plan.ts';

/**
 * One transformer block, from the stream before it to the stream after it. Where something befalls what attention or the
 * MLP gives before it is added, its own output is a site, too: `attn.hook_out`, `mlp.hook_out`.
 */
export function block(e: Emitter, layer: number, stream: Wire, plan: BlockPlan): Wire {
  const { graph, width } = e;
  const at = `blocks.${layer}`;
  const mark = (name: string, wire: Wire, wide = width): Wire => e.site(`${at}.${name}`, wire, wide);
  const x = mark('hook_resid_pre', stream);
  const read = plan.attentionNorm === null ? x : norm(e, x, plan.attentionNorm, width);
  const heads = plan.attention.heads * plan.attention.headDim;
  const z = mark('attn.hook_z', attention(e, read, plan.attention), heads);
  let attended = linear(e, z, plan.attention.out, heads, width);
  if (plan.attentionOut !== undefined) attended = mark('attn.hook_out', attended);
  const attentionOut = mark('hook_attn_out', branch(e, attended, plan.attentionOut));
  if (plan.order === 'parallel') {
    const { out } = mlp(e, at, x, plan.mlp, plan.mlpOut);
    return mark('hook_resid_post', graph.op('Add', [graph.op('Add', [x, attentionOut]), out]));
  }
  const middle = mark('hook_resid_mid', graph.op('Add', [x, attentionOut]));
  const { h, out } = mlp(e, at, middle, plan.mlp, plan.mlpOut);
  const after = mark('hook_resid_post', graph.op('Add', [plan.order === 'post' ? h : middle, out]));
  if (plan.streamNorm === undefined) return after;
  return mark('hook_normalized_resid_post', norm(e, after, plan.streamNorm, width));
}

/** The sum of what is known of each position before the first block. @param matrix name of the embedding */
export function embed(e: Emitter, plan: EmbeddingPlan, matrix: string, vocabulary: number): Wire {
  const { graph, width, tokens } = e;
  let x = rowsOf(e, matrix, tokens, vocabulary, plan.project?.width ?? width);
  if (plan.project !== undefined) x = linear(e, x, plan.project.matrix, plan.project.width, width);
  if (plan.scale !== undefined) x = graph.op('Mul', [x, graph.scalar(plan.scale)]);
  if (plan.positions !== undefined) {
    const { name, rows } = plan.positions;
    const row = positionRows(e, plan.positions);
    x = graph.op('Add', [x, rowsOf(e, name, row, rows, width)]);
  }
  if (plan.segments !== undefined) {
    const { name, rows } = plan.segments;
    x = graph.op('Add', [x, rowsOf(e, name, graph.integers(0), rows, width)]);
  }
  return plan.norm === undefined ? x : norm(e, x, plan.norm, width);
}

/** Logits of the stream after its last norm. @param matrix name of the output matrix */
export function logits(e: Emitter, stream: Wire, plan: HeadPlan, matrix: string, vocabulary: number): Wire {
  const { graph, width, weights } = e;
  let x = stream;
  if (plan.transform !== undefined) {
    const { linear: dense, activation, norm: after } = plan.transform;
    x = norm(e, activate(graph, activation, linear(e, x, dense, width, width)), after, width);
  }
  if (plan.project !== undefined) x = linear(e, x, plan.project.matrix, width, plan.project.width);
  const output = weight(e, matrix, vocabulary, plan.project?.width ?? width);
  let y = graph.timesTransposed(x, output);
  const names = biasNames(plan);
  const bias = names.find((name) => weights.has(name)) ?? names[0];
  if (bias !== undefined) y = graph.op('Add', [y, weight(e, bias, vocabulary)]);
  if (plan.scale !== undefined) y = graph.op('Mul', [y, graph.scalar(plan.scale)]);
  return plan.softCap ? softCap(graph, y, plan.softCap) : y;
}

/** The names that the output matrix's bias may go by; none where there is none. */
export function biasNames({ name, bias }: HeadPlan): readonly string[] {
  return typeof bias === 'object' ? bias : bias ? [`${name}.bias`] : [];
}

/** Rows of learned positions: of all contexts alike [position], or of each its own [batch, position]. */
function positionRows(e: Emitter, { offset = 0, uncounted }: NonNullable<EmbeddingPlan['positions']>): Wire {
  const { graph, tokens } = e;
  if (uncounted === undefined) {
    const number = positions(e);
    return offset === 0 ? number : graph.op('Add', [number, graph.integers(offset)]);
  }
  const padding = graph.op('Equal', [tokens, graph.constant(Int32Array.of(uncounted), [])]);
  const counted = graph.op('Cast', [graph.op('Not', [padding])], { to: 7 });
  const number = graph.op('CumSum', [counted, graph.constant(BigInt64Array.of(1n), [])]);
  return graph.op('Add', [graph.op('Mul', [number, counted]), graph.integers(uncounted)]);
}

// ---------------------------------------------------------------- inside a block

/**
 * The MLP of the stream: its input h (`mlp.hook_in`, with γ and β in it), and what it adds (`hook_mlp_out`).
 */
function mlp(
  e: Emitter,
  at: string,
  stream: Wire,
  plan: MlpPlan,
  after?: BranchPlan,
): { h: Wire; out: Wire } {
  const { graph, width, site } = e;
  const { neurons, width: units } = plan;
  const h = mlpInput(e, at, stream, plan.norm);
  if (plan.experts !== undefined) {
    const own = (name: string, wire: Wire, wide: number): Wire => site(`${at}.mlp.${name}`, wire, wide);
    const out = mixture(e, h, plan.experts, plan.activation, own);
    return { h, out: site(`${at}.hook_mlp_out`, branch(e, out, after), width) };
  }
  const mark = (name: string, wire: Wire): Wire => site(`${at}.mlp.${name}`, wire, units);
  let post: Wire;
  if ('up' in neurons && !('gate' in neurons)) {
    const pre = mark('hook_pre', linear(e, h, neurons.up, width, units));
    post = activate(graph, plan.activation, pre);
  } else {
    let gate: Wire;
    let up: Wire;
    if ('gateUp' in neurons) {
      const both = linear(e, h, neurons.gateUp, width, 2 * units);
      [gate, up] = graph.ops('Split', 2, [both], { axis: -1, num_outputs: 2 }) as [Wire, Wire];
    } else {
      gate = linear(e, h, neurons.gate, width, units);
      up = linear(e, h, neurons.up, width, units);
    }
    const pre = mark('hook_pre', gate);
    const linearPre = mark('hook_pre_linear', up);
    post = graph.op('Mul', [activate(graph, plan.activation, pre), linearPre]);
  }
  let out = linear(e, mark('hook_post', post), plan.out, units, width);
  if (after !== undefined) out = site(`${at}.mlp.hook_out`, out, width);
  return { h, out: site(`${at}.hook_mlp_out`, branch(e, out, after), width) };
}

/**
 * `ln2.hook_normalized` is the stream normalised alone, `mlp.hook_in` has γ and β in it. The two are one operator
 * unless the normalised value is replaced.
 */
function mlpInput(e: Emitter, at: string, stream: Wire, plan: NormPlan | null): Wire {
  const { graph, site, width } = e;
  if (plan === null) return site(`${at}.mlp.hook_in`, stream, width);
  const ones = e.once('ones', () => graph.constant(new Float32Array(width).fill(1)));
  const alone = normalize(e, stream, plan, { gamma: ones, beta: null });
  const normalized = site(`${at}.ln2.hook_normalized`, alone, width);
  const { gamma, beta } = normWeights(e, plan, width);
  let h: Wire;
  if (normalized === alone) h = normalize(e, stream, plan, { gamma, beta });
  else {
    h = graph.op('Mul', [normalized, gamma]);
    if (beta !== null) h = graph.op('Add', [h, beta]);
  }
  return site(`${at}.mlp.hook_in`, h, width);
}

function branch(e: Emitter, x: Wire, plan: BranchPlan = {}): Wire {
  const normed = plan.norm === undefined ? x : norm(e, x, plan.norm, e.width);
  return plan.factor === undefined ? normed : e.graph.op('Mul', [normed, weight(e, plan.factor, e.width)]);
}

function softCap(graph: GraphBuilder, x: Wire, cap: number): Wire {
  const limit = graph.scalar(cap);
  return graph.op('Mul', [graph.op('Tanh', [graph.op('Div', [x, limit])]), limit]);
}
