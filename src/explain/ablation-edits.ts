import { PolysemeError } from '../errors.ts';
import type { ModelConfig } from '../model/architectures/architecture.ts';
import type { EditResult, GraphEdit } from '../model/compile.ts';
import type { Predicted } from '../model/edits.ts';
import {
  copiesOf,
  divergenceNodes,
  perPosition,
  positionInput,
  scaleUnitNodes,
  tokenLoss,
} from '../model/edits.ts';
import type { GraphBuilder, Wire } from '../onnx/graph.ts';
import { readNodes, writeNodes } from '../sae/attach.ts';
import { decodeNodes, encodeNodes } from '../sae/sae-nodes.ts';
import type { ModelBank } from './explained.ts';
import { UNIT_INPUT } from './unit-taps.ts';

/** The inputs of the graph: numbers for each token of each copy. At a position, a becomes factor · a + shift. */
export const ABLATION_INPUTS = {
  unit: UNIT_INPUT,
  factor: 'explain.factor',
  shift: 'explain.shift',
  /** 1 at the position whose prediction is handed over, else 0. */
  read: 'explain.read',
  /** Another unit, and what its activation grows by (stand-ins alone). */
  other: 'explain.other',
  otherShift: 'explain.other_shift',
} as const;

/** What the graph gives; the first copy is the clean one, the others are variants. */
export const ABLATION_TAPS = {
  /** KL(clean ‖ variant) of the predicted token: [rows, position, variants]. */
  divergence: 'explain.divergence',
  /** −log p of the predicted token: [copies · rows, position, 1]. */
  loss: 'explain.loss',
  /** log p of every token at the position that is read: [copies · rows, 1, vocabulary]. */
  next: 'explain.next',
} as const;

/**
 * Edits that run a context several times at once, each time with another change of one unit's activation, and compare what
 * the model predicts. A latent's change is added as decode(changed) − decode(latents), so that the SAE's error is kept.
 */
export function ablationEdits(bank: ModelBank, copies: number, predicted: Predicted): GraphEdit[] {
  return [
    ...changeEdits(bank, changeUnit),
    {
      site: 'logits',
      apply: (graph, logits) => ({ taps: predictionTaps(graph, logits, copies, predicted) }),
    },
  ];
}

/**
 * Edits that change a unit in the second copy of each context. The only tap is the divergence at the position that is read
 * [rows, 1, 1].
 */
export function controlEdits(bank: ModelBank, config: ModelConfig): GraphEdit[] {
  return [
    ...changeEdits(bank, changeUnit),
    readEdit(config),
    {
      site: 'logits',
      apply(graph, logits) {
        const [clean, changed] = copiesOf(graph, graph.op('LogSoftmax', [logits], { axis: -1 }), 2);
        return {
          taps: { [ABLATION_TAPS.divergence]: { wire: divergenceNodes(graph, clean!, changed!), width: 0 } },
        };
      },
    },
  ];
}

/** Edits that change one unit's activation and add to another one's. The only tap is `next`. */
export function standInEdits(bank: ModelBank, config: ModelConfig): GraphEdit[] {
  const change = (graph: GraphBuilder, values: Wire): Wire =>
    scaleUnitNodes(graph, changeUnit(graph, values), {
      index: positionInput(graph, ABLATION_INPUTS.other),
      factor: graph.constant(Float32Array.of(1), [1, 1]),
      shift: positionInput(graph, ABLATION_INPUTS.otherShift),
    });
  return [
    ...changeEdits(bank, change),
    readEdit(config),
    {
      site: 'logits',
      apply(graph, logits) {
        const next = graph.op('LogSoftmax', [logits], { axis: -1 });
        return { taps: { [ABLATION_TAPS.next]: { wire: next, width: 0 } } };
      },
    },
  ];
}

/** Past the last block only the position that is read is computed. */
function readEdit({ layers }: ModelConfig): GraphEdit {
  return {
    site: `blocks.${layers - 1}.hook_resid_post`,
    apply: (graph, stream) => ({ replacement: graph.op('MatMul', [readPlace(graph), stream]) }),
  };
}

/** How a graph changes the activations of a bank. */
type Change = (graph: GraphBuilder, values: Wire) => Wire;

/** Edits that change one unit's activation at each position, as `ABLATION_INPUTS` say. */
export function unitEdits(bank: ModelBank): GraphEdit[] {
  return changeEdits(bank, changeUnit);
}

function changeUnit(graph: GraphBuilder, values: Wire): Wire {
  return scaleUnitNodes(graph, values, {
    index: positionInput(graph, ABLATION_INPUTS.unit),
    factor: positionInput(graph, ABLATION_INPUTS.factor),
    shift: positionInput(graph, ABLATION_INPUTS.shift),
  });
}

function changeEdits({ sae, activations }: ModelBank, change: Change): GraphEdit[] {
  if (sae === null) {
    return [{ site: activations, apply: (graph, wire) => ({ replacement: change(graph, wire) }) }];
  }
  const { data, attachment } = sae;
  let difference: Wire | null = null;
  const read: GraphEdit = {
    site: attachment.site,
    apply(graph, wire, width) {
      const x = readNodes(graph, attachment, wire, width);
      const { latents } = encodeNodes(graph, data, x);
      const decoded = [change(graph, latents), latents].map((values) => decodeNodes(graph, data, values, x));
      difference = graph.op('Sub', decoded);
      return {};
    },
  };
  const write: GraphEdit = {
    site: attachment.output,
    apply(graph, wire, width): EditResult {
      if (difference === null) {
        throw new PolysemeError(
          `${data.label} predicts ${attachment.output}, which comes before ${attachment.site}`,
        );
      }
      const part = readNodes(graph, { ...attachment, centred: false }, wire, width);
      return {
        replacement: writeNodes(graph, attachment, wire, width, graph.op('Add', [part, difference])),
      };
    },
  };
  return [read, write];
}

function predictionTaps(
  graph: GraphBuilder,
  logits: Wire,
  copies: number,
  predicted: Predicted,
): NonNullable<EditResult['taps']> {
  const logp = graph.op('LogSoftmax', [logits], { axis: -1 });
  const [clean, ...variants] = copiesOf(graph, logp, copies);
  const divergences = variants.map((other) => divergenceNodes(graph, clean!, other));
  const { divergence, loss, next } = ABLATION_TAPS;
  return {
    [divergence]: {
      wire: graph.op('Concat', divergences, { axis: -1 }),
      width: copies - 1,
    },
    [loss]: { wire: tokenLoss(graph, logp, predicted), width: 1 },
    // The widths of taps that are no positions' are not asked for.
    [next]: { wire: graph.op('MatMul', [readPlace(graph), logp]), width: 0 },
  };
}

/** [rows, 1, position], to be multiplied by [rows, position, vocabulary]: the row of the one position that is read. */
function readPlace(graph: GraphBuilder): Wire {
  return graph.op('Transpose', [perPosition(graph, positionInput(graph, ABLATION_INPUTS.read))], {
    perm: [0, 2, 1],
  });
}
