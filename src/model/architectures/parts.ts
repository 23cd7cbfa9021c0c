import type { GraphBuilder, Wire } from '../../onnx/graph.ts';
import type { Activation, MarkSite, Weights } from './architecture.ts';
import type { LinearPlan, NormPlan } from './plan.ts';

/** Where the parts of a model are emitted to. */
export interface Emitter {
  readonly graph: GraphBuilder;
  readonly weights: Weights;
  readonly site: MarkSite;
  /** Width of the residual stream. */
  readonly width: number;
  /** Ids [batch, position]; also of a model of images, for whose positions they stand. */
  readonly tokens: Wire;
  /** Positions that attention may see, bool [batch, position]; null where all or causal ones. */
  readonly seen: Wire | null;
  /** What `make` gives, emitted once for each key. */
  once<T>(key: unknown, make: () => T): T;
}

export function emitter(
  parts: Pick<Emitter, 'graph' | 'weights' | 'site' | 'width' | 'tokens' | 'seen'>,
): Emitter {
  const made = new Map<unknown, unknown>();
  return {
    ...parts,
    once<T>(key: unknown, make: () => T): T {
      if (!made.has(key)) made.set(key, make());
      return made.get(key) as T;
    },
  };
}

/** A tensor of the checkpoint by its name without prefix. */
export function weight({ graph, weights }: Emitter, name: string, ...shape: number[]): Wire {
  return graph.weight(name, weights.ref(name, shape));
}

/** Rows of such a tensor, by their numbers. */
export function rowsOf({ graph, weights }: Emitter, name: string, numbers: Wire, ...shape: number[]): Wire {
  return graph.rows(name, weights.ref(name, shape), numbers);
}

/** x · W (+ b). */
export function linear(e: Emitter, x: Wire, plan: LinearPlan, inputs: number, outputs: number): Wire {
  const { graph } = e;
  const name = `${plan.name}.weight`;
  const y =
    plan.layout === 'in_out'
      ? graph.op('MatMul', [x, weight(e, name, inputs, outputs)])
      : graph.timesTransposed(x, weight(e, name, outputs, inputs));
  if (plan.bias === 'ignored' && e.weights.has(`${plan.name}.bias`)) e.weights.ignore(`${plan.name}.bias`);
  return hasBias(e.weights, plan) ? graph.op('Add', [y, weight(e, `${plan.name}.bias`, outputs)]) : y;
}

/** Whether a bias takes part. */
export function hasBias(weights: Pick<Weights, 'has'>, { name, bias }: LinearPlan): boolean {
  return bias === true || (bias === 'found' && weights.has(`${name}.bias`));
}

/** The norm of x over its last axis, of `width` values. */
export function norm(e: Emitter, x: Wire, plan: NormPlan, width: number): Wire {
  return normalize(e, x, plan, normWeights(e, plan, width));
}

/** The non-linearity as nodes. */
export function activate(graph: GraphBuilder, kind: Activation, x: Wire): Wire {
  switch (kind) {
    case 'gelu':
      return graph.op('Gelu', [x], { approximate: 'none' });
    case 'gelu_tanh':
      return graph.op('Gelu', [x], { approximate: 'tanh' });
    case 'quick_gelu': {
      const steeper = graph.op('Mul', [x, graph.scalar(1.702)]);
      return graph.op('Mul', [x, graph.op('Sigmoid', [steeper])]);
    }
    case 'relu':
      return graph.op('Relu', [x]);
    case 'silu':
      return graph.op('Mul', [x, graph.op('Sigmoid', [x])]);
  }
}

/** Numbers 0 … length − 1 of the positions, int64. */
export function positions({ graph, tokens, once }: Emitter): Wire {
  return once('positions', () => {
    const length = graph.op('Squeeze', [
      graph.op('Gather', [graph.op('Shape', [tokens]), graph.integers(1)]),
    ]);
    const at = (n: number): Wire => graph.constant(BigInt64Array.of(BigInt(n)), []);
    return graph.op('Range', [at(0), length, at(1)]);
  });
}

/** γ and β of a norm. */
export interface NormWeights {
  readonly gamma: Wire;
  readonly beta: Wire | null;
}

export function normWeights(e: Emitter, plan: NormPlan, width: number): NormWeights {
  const stored = weight(e, `${plan.name}.weight`, width);
  const gamma = plan.plusOne ? e.graph.op('Add', [stored, e.graph.scalar(1)]) : stored;
  const biased = plan.kind === 'layernorm' && plan.bias !== false;
  return { gamma, beta: biased ? weight(e, `${plan.name}.bias`, width) : null };
}

/** The norm with these γ and β. */
export function normalize({ graph }: Emitter, x: Wire, plan: NormPlan, { gamma, beta }: NormWeights): Wire {
  const attributes = { axis: -1, epsilon: { float: plan.epsilon } };
  if (plan.kind === 'rmsnorm')
    return graph.op('RMSNormalization', [x, gamma], { ...attributes, stash_type: 1 });
  return graph.op('LayerNormalization', beta === null ? [x, gamma] : [x, gamma, beta], attributes);
}
