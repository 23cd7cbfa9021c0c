import type { TappedBank } from '../bank/bank.ts';
import type { EditResult, GraphEdit } from '../model/compile.ts';
import type { GraphBuilder, Wire } from '../onnx/graph.ts';

/** What an activation is divided by: each unit's own maximum of the sign that counts; 0 for units that are never to fire. */
export interface OwnMaxima {
  readonly sign: 'positive' | 'negative' | 'absolute';
  /** By unit; negative where `sign` is. */
  readonly maxima: Float32Array;
}

/** Taps of the units that fire most at each position, relative to their own maximum. */
export interface StrongestTaps {
  /** Their indices, and their activations: `count` numbers a position, the strongest first. */
  readonly indices: string;
  readonly activations: string;
  readonly count: number;
  readonly edits: readonly GraphEdit[];
}

/** Adds nodes to a model's graph that choose the `most` units of a bank that fire most at each position. */
export function strongestUnits(bank: TappedBank, own: OwnMaxima, most: number): StrongestTaps {
  const count = Math.min(most, bank.units);
  const indices = `${bank.name}.strongest`;
  const activations = `${bank.name}.strongest_activations`;
  const taps = (graph: GraphBuilder, wire: Wire): NonNullable<EditResult['taps']> => {
    const size = own.sign === 'absolute' ? graph.op('Abs', [wire]) : wire;
    const share = graph.op('Mul', [
      size,
      graph.constant(own.maxima.map((value) => (value === 0 ? 0 : 1 / value))),
    ]);
    const [, chosen] = graph.ops('TopK', 2, [share, graph.integers(count)], { axis: -1 });
    return {
      // A float holds every index: banks have at most 2^24 units.
      [indices]: { wire: graph.op('Cast', [chosen!], { to: 1 }), width: count },
      [activations]: { wire: graph.op('GatherElements', [wire, chosen!], { axis: -1 }), width: count },
    };
  };
  return { indices, activations, count, edits: withTaps(bank, taps) };
}

/** The bank's edits, with more taps computed from its activations. */
function withTaps(
  bank: TappedBank,
  taps: (graph: GraphBuilder, wire: Wire) => NonNullable<EditResult['taps']>,
): readonly GraphEdit[] {
  if (bank.edits.length === 0) {
    return [{ site: bank.activations, apply: (graph, wire) => ({ taps: taps(graph, wire) }) }];
  }
  return bank.edits.map((edit) => ({
    site: edit.site,
    apply(graph, wire, width) {
      const result = edit.apply(graph, wire, width);
      const own = result.taps?.[bank.activations];
      return own === undefined ? result : { ...result, taps: { ...result.taps, ...taps(graph, own.wire) } };
    },
  }));
}
