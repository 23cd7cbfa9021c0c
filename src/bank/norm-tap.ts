import type { GraphEdit } from '../model/compile.ts';

/** A tap of the norm ‖x‖ of what flows at a site, one number a position: computed in the model's graph. */
export interface NormTap {
  readonly site: string;
  readonly tap: string;
  /** The node that must be added to the model's graph for the tap. */
  readonly edit: GraphEdit;
}

export function normTap(site: string): NormTap {
  const tap = `${site}.norm`;
  return {
    site,
    tap,
    edit: {
      site,
      apply(graph, wire) {
        const norm = graph.op('ReduceL2', [wire, graph.integers(-1)]);
        return { taps: { [tap]: { wire: norm, width: 1 } } };
      },
    },
  };
}
