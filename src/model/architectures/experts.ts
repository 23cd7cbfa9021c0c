import type { Wire } from '../../onnx/graph.ts';
import type { Activation } from './architecture.ts';
import { activate, type Emitter, linear } from './parts.ts';
import type { ExpertsPlan, GatedPlan } from './plan.ts';

/** Marks a value of the layer's MLP as a site. */
type Mark = (name: string, wire: Wire, width: number) => Wire;

/**
 * A mixture of experts on h: what it adds to the stream. Every expert is computed at every position; where the router
 * does not choose it its activations are 0. Its sites are those of an MLP whose neurons are all experts', one expert
 * after another, before the router's weight; `shared.` those of the expert that is always there. `hook_share` is the weight
 * of each expert's output.
 */
export function mixture(e: Emitter, h: Wire, plan: ExpertsPlan, activation: Activation, mark: Mark): Wire {
  const { graph, width } = e;
  const { count, shared } = plan;
  const experts = Array.from({ length: count }, (_, i) => plan.expert(i));
  const all = count * plan.width;
  const split = (wire: Wire): Wire[] => graph.ops('Split', count, [wire], { axis: -1, num_outputs: count });
  const join = (wires: readonly Wire[]): Wire => graph.op('Concat', wires, { axis: -1 });
  const each = (pick: (expert: GatedPlan) => GatedPlan['up']): Wire =>
    join(experts.map((expert) => linear(e, h, pick(expert), width, plan.width)));

  const { chosen, weights } = route(e, h, plan);
  const pre = mark(
    'hook_pre',
    each(({ gate }) => gate),
    all,
  );
  const up = mark(
    'hook_pre_linear',
    each((expert) => expert.up),
    all,
  );
  const gated = split(graph.op('Mul', [activate(graph, activation, pre), up]));
  const masks = split(chosen);
  const post = mark('hook_post', join(gated.map((own, i) => graph.op('Mul', [own, masks[i]!]))), all);
  const shares = split(mark('hook_share', weights, count));
  const outs = split(post).map((own, i) =>
    graph.op('Mul', [linear(e, own, experts[i]!.out, plan.width, width), shares[i]!]),
  );
  if (shared !== undefined) outs.push(sharedExpert(e, h, shared, activation, mark));
  return graph.op('Sum', outs);
}

/** Which experts the router chooses (0 or 1), and their weights (else 0), both [batch, position, experts]. */
function route(
  e: Emitter,
  h: Wire,
  { router, count, chosen, normalized }: ExpertsPlan,
): { chosen: Wire; weights: Wire } {
  const { graph, width } = e;
  const probabilities = graph.op('Softmax', [linear(e, h, router, width, count)], { axis: -1 });
  const inputs = [probabilities, graph.integers(chosen)];
  let [values, indices] = graph.ops('TopK', 2, inputs, { axis: -1 }) as [Wire, Wire];
  if (normalized) {
    const sum = graph.op('ReduceSum', [values, graph.integers(-1)], { keepdims: 1 });
    values = graph.op('Div', [values, sum]);
  }
  const depth = graph.constant(BigInt64Array.of(BigInt(count)), []);
  const hot = graph.op('OneHot', [indices, depth, graph.constant(Float32Array.of(0, 1))], { axis: -1 });
  const sumOfChosen = (wire: Wire): Wire =>
    graph.op('ReduceSum', [wire, graph.integers(-2)], { keepdims: 0 });
  const columns = graph.op('Unsqueeze', [values, graph.integers(-1)]);
  return { chosen: sumOfChosen(hot), weights: sumOfChosen(graph.op('Mul', [hot, columns])) };
}

function sharedExpert(
  e: Emitter,
  h: Wire,
  plan: NonNullable<ExpertsPlan['shared']>,
  activation: Activation,
  mark: Mark,
): Wire {
  const { graph, width } = e;
  const pre = mark('shared.hook_pre', linear(e, h, plan.gate, width, plan.width), plan.width);
  const up = mark('shared.hook_pre_linear', linear(e, h, plan.up, width, plan.width), plan.width);
  const product = graph.op('Mul', [activate(graph, activation, pre), up]);
  const post = mark('shared.hook_post', product, plan.width);
  const share = mark('shared.hook_share', graph.op('Sigmoid', [linear(e, h, plan.share, width, 1)]), 1);
  return graph.op('Mul', [linear(e, post, plan.out, plan.width, width), share]);
}
