import type { GraphBuilder, Wire } from '../onnx/graph.ts';
import type { GraphEdit } from './compile.ts';

/**
 * What edits of a model's graph (GraphEdit) are made of: values that take a site's place, by position and by unit, and
 * what follows for the predicted token. `batch` is rows, or copies × rows where contexts run several times over.
 */

/** The model's input: token ids [batch, position]. */
export const TOKENS = 'tokens';

/** Which token a model's logits at a position are of: the next one, or (an encoder) the one that stands there. */
export type Predicted = 'next' | 'own';

const FLOAT = { to: 1 };
const BOOL = { to: 9 };
const INT64 = { to: 7 };

/** An input that an edit adds: a number for each position [batch, position], given as `TapInput.inputs`. */
export function positionInput(graph: GraphBuilder, name: string): Wire {
  return graph.input(name, 'float', ['batch', 'position']);
}

/** The copies of a batch, one after another: [rows, …] each. */
export function copiesOf(graph: GraphBuilder, wire: Wire, count: number): Wire[] {
  return graph.ops('Split', count, [wire], { axis: 0, num_outputs: count });
}

/** The same values for each position's whole width: [batch, position] → [batch, position, 1]. */
export function perPosition(graph: GraphBuilder, wire: Wire): Wire {
  return graph.op('Unsqueeze', [wire, graph.integers(-1)]);
}

/** Mask: `value` where the mask [batch, position] is not 0, else `kept`. */
export function maskNodes(graph: GraphBuilder, mask: Wire, value: Wire, kept: Wire): Wire {
  return graph.op('Where', [graph.op('Cast', [perPosition(graph, mask)], BOOL), value, kept]);
}

/** Ablate all: zeros of the same shape. */
export function zerosLike(graph: GraphBuilder, wire: Wire): Wire {
  return graph.op('Expand', [graph.scalar(0), graph.op('Shape', [wire])]);
}

/** Where neurons at a site are experts', edits that give each expert's output a weight of 1. */
export function wholeShares(activations: string, sites: ReadonlyMap<string, number>): GraphEdit[] {
  const site = activations.replace(/hook_post$/, 'hook_share');
  if (site === activations || !sites.has(site)) return [];
  return [
    {
      site,
      apply: (graph, wire) => ({
        replacement: graph.op('Expand', [graph.scalar(1), graph.op('Shape', [wire])]),
      }),
    },
  ];
}

/** Read: the activation of one unit at each position, by its index [batch, position] → [batch, position, 1]. */
export function unitNodes(graph: GraphBuilder, values: Wire, index: Wire): Wire {
  return graph.op('GatherElements', [values, unitIndex(graph, index)], { axis: -1 });
}

/**
 * Scale and add (ablate, steer): the activation a of one unit at each position becomes factor · a + shift; every other
 * unit stays. A factor of 0 ablates, one of 1 with a shift of 0 leaves the position as it is.
 * @param values [batch, position, units]; index, factor, shift: [batch, position]
 */
export function scaleUnitNodes(
  graph: GraphBuilder,
  values: Wire,
  { index, factor, shift }: { readonly index: Wire; readonly factor: Wire; readonly shift: Wire },
): Wire {
  const scaled = graph.op('Mul', [unitNodes(graph, values, index), perPosition(graph, factor)]);
  const changed = graph.op('Add', [scaled, perPosition(graph, shift)]);
  return graph.op('ScatterElements', [values, unitIndex(graph, index), changed], { axis: -1 });
}

/**
 * −log p of the token that is predicted at each position [batch, position, 1]. That of padding, and of a last position
 * where it is the next token, means nothing.
 */
export function tokenLoss(graph: GraphBuilder, logp: Wire, predicted: Predicted): Wire {
  const ids =
    predicted === 'own'
      ? TOKENS
      : graph.op('Concat', [shifted(graph, 1, 2 ** 31 - 1), shifted(graph, 0, 1)], { axis: 1 });
  const known = graph.op('Max', [ids, graph.constant(Int32Array.of(0), [])]);
  return graph.op('Neg', [graph.op('GatherElements', [logp, perPosition(graph, known)], { axis: -1 })]);
}

/** KL(clean ‖ other) of the predicted token's distribution at each position [rows, position, 1], of log-probabilities. */
export function divergenceNodes(graph: GraphBuilder, clean: Wire, other: Wire): Wire {
  const difference = graph.op('Sub', [clean, other]);
  const weighted = graph.op('Mul', [graph.op('Exp', [clean]), difference]);
  return graph.op('ReduceSum', [weighted, graph.integers(-1)]);
}

/** 1 where a position holds text, else 0 [batch, position]. @param special 1 for each id that is no text */
export function textMask(graph: GraphBuilder, ids: Wire, special: Float32Array): Wire {
  const zero = graph.constant(Int32Array.of(0), []);
  const isToken = graph.op('Cast', [graph.op('GreaterOrEqual', [ids, zero])], FLOAT);
  // Padding counts as token 0 here.
  const isSpecial = graph.op('Gather', [graph.constant(special), graph.op('Max', [ids, zero])]);
  return graph.op('Mul', [isToken, graph.op('Sub', [graph.scalar(1), isSpecial])]);
}

function unitIndex(graph: GraphBuilder, index: Wire): Wire {
  return graph.op('Cast', [perPosition(graph, index)], INT64);
}

/** Positions `from` to before `to` of the tokens. */
function shifted(graph: GraphBuilder, from: number, to: number): Wire {
  return graph.op('Slice', [TOKENS, graph.integers(from), graph.integers(to), graph.integers(1)]);
}
