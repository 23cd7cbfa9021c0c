import type { GraphEdit } from '../model/compile.ts';
import { positionInput, wholeShares } from '../model/edits.ts';
import { isWritingSite } from '../model/sites.ts';
import { rowsOf } from '../tensors/matrix.ts';
import type { Explained, ExplainModel, ModelBank } from './explained.ts';
import { UNIT_INPUT } from './unit-taps.ts';

/** Longest context that units are run in, one at each position. */
const MAX_LENGTH = 512;

/** What the units of a bank write to the residual stream for an activation of 1. */
export interface OutputDirections {
  /** Width of the stream. */
  readonly width: number;
  /** units × width, row-major. */
  readonly rows: Float32Array;
}

/**
 * What each unit of a bank writes to the residual stream: for the neurons of a layer their output weights, for the latents
 * of an SAE their decoder rows. Null where the bank writes elsewhere.
 */
export async function outputDirections(explained: Explained, name: string): Promise<OutputDirections | null> {
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  if (bank.sae === null) return neuronOutputs(model, bank);
  const { data, attachment } = bank.sae;
  const { W_dec } = data.tensors;
  if (!isWritingSite(attachment.output) || attachment.slice !== null) return null;
  return { width: W_dec.cols, rows: rowsOf(W_dec, 0, W_dec.rows) };
}

/** Runs the end of the MLP with one neuron on at each position, less what it gives with none. */
async function neuronOutputs(model: ExplainModel, bank: ModelBank): Promise<OutputDirections> {
  const { units, activations } = bank;
  const tap = activations.replace(/mlp\.(shared\.)?hook_post$/, 'hook_mlp_out');
  const width = model.sites.get(tap)!;
  const one: GraphEdit = {
    site: activations,
    apply(graph) {
      const index = graph.op('Cast', [positionInput(graph, UNIT_INPUT)], { to: 7 });
      const values = graph.constant(Float32Array.of(0, 1));
      return { replacement: graph.op('OneHot', [index, graph.integers(units), values], { axis: -1 }) };
    },
  };
  const length = Math.min(model.config.contextLength, MAX_LENGTH, units + 1);
  const contexts = Array.from({ length: Math.ceil(units / (length - 1)) }, (_, i) => {
    const first = i * (length - 1);
    // At the last position no neuron is on: the index is beyond them.
    const on = Float32Array.from({ length }, (_, t) =>
      t === length - 1 ? units : Math.min(units, first + t),
    );
    return { first, tokens: new Int32Array(length), inputs: { [UNIT_INPUT]: on } };
  });
  const rows = new Float32Array(units * width);
  const taps = model.openTaps([tap], [one, ...wholeShares(activations, model.sites)]);
  try {
    for await (const block of taps.stream(contexts)) {
      const { data } = block.taps[tap]!;
      block.contexts.forEach(({ first }, row) => {
        const start = row * block.length * width;
        const none = start + (length - 1) * width;
        for (let unit = first; unit < Math.min(units, first + length - 1); unit++) {
          const from = start + (unit - first) * width;
          for (let k = 0; k < width; k++) rows[unit * width + k] = data[from + k]! - data[none + k]!;
        }
      });
    }
  } finally {
    await taps.close();
  }
  return { width, rows };
}
