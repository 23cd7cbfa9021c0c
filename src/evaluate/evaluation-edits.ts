import { PolysemeError } from '../errors.ts';
import type { EditResult, GraphEdit } from '../model/compile.ts';
import type { Predicted } from '../model/edits.ts';
import {
  copiesOf,
  divergenceNodes,
  maskNodes,
  TOKENS,
  textMask,
  tokenLoss,
  zerosLike,
} from '../model/edits.ts';
import type { GraphBuilder, Wire } from '../onnx/graph.ts';
import { readNodes, type SaeAttachment, writeNodes } from '../sae/attach.ts';
import type { Sae } from '../sae/sae.ts';
import { decodeNodes, encodeNodes } from '../sae/sae-nodes.ts';

/** Taps of the evaluation's graph: [contexts, positions, …] unless said otherwise. */
export const EVALUATION_TAPS = {
  /** What is to be reconstructed: dOut numbers. */
  target: 'evaluation.target',
  /** Numbers of a position, as SUMS names them. */
  sums: 'evaluation.sums',
  /** Text tokens with a latent that is not 0: [1, dSae]. */
  fired: 'evaluation.fired',
  /** −log p of the predicted token: [3·contexts, positions, 1], clean, with SAE, ablated. */
  loss: 'evaluation.loss',
  /** KL(clean ‖ with SAE) and KL(clean ‖ ablated) of the predicted token's distribution. */
  divergence: 'evaluation.divergence',
} as const;

/** Numbers of a position in the `sums` tap. */
export const SUMS = ['error', 'input', 'output', 'product', 'l0', 'l1'] as const;

/**
 * The edits of a model that evaluate an SAE in one run: every context stands three times in the batch (all clean
 * ones, then all with SAE, then all ablated). Special and padded positions keep their activation in the second part,
 * and all positions of the third are zero.
 */
export function evaluationEdits(
  sae: Sae,
  attachment: SaeAttachment,
  {
    specialIds,
    vocabulary,
    predicted,
  }: { specialIds: ReadonlySet<number>; vocabulary: number; predicted: Predicted },
): GraphEdit[] {
  let encoded: { x: Wire; latents: Wire } | null = null;
  const special = new Float32Array(vocabulary);
  for (const id of specialIds) if (id < vocabulary) special[id] = 1;

  const read = (graph: GraphBuilder, wire: Wire, width: number): void => {
    const x = readNodes(graph, attachment, thirds(graph, wire)[0]!, width);
    encoded = { x, latents: encodeNodes(graph, sae, x).latents };
  };
  const write = (graph: GraphBuilder, wire: Wire, width: number): EditResult => {
    if (encoded === null) {
      throw new PolysemeError(
        `${sae.label} predicts ${attachment.output}, which comes before ${attachment.site}`,
      );
    }
    const [clean] = thirds(graph, wire);
    const target = readNodes(graph, attachment, clean!, width);
    const output = decodeNodes(graph, sae, encoded.latents, encoded.x);
    const [ids] = thirds(graph, TOKENS);
    const isText = textMask(graph, ids!, special);
    const written = writeNodes(graph, attachment, clean!, width, output);
    const patched = maskNodes(graph, isText, written, clean!);
    const ablated = writeNodes(graph, attachment, clean!, width, zerosLike(graph, target));
    const { target: t, sums, fired } = EVALUATION_TAPS;
    return {
      replacement: graph.op('Concat', [clean!, patched, ablated], { axis: 0 }),
      taps: {
        [t]: { wire: target === wire ? graph.op('Identity', [target]) : target, width: sae.config.dOut },
        [sums]: { wire: sumNodes(graph, target, output, encoded.latents), width: SUMS.length },
        [fired]: {
          wire: firedNodes(graph, encoded.latents, isText, sae.config.dSae),
          width: sae.config.dSae,
        },
      },
    };
  };
  return [
    {
      site: attachment.site,
      apply(graph, wire, width) {
        read(graph, wire, width);
        return attachment.output === attachment.site ? write(graph, wire, width) : {};
      },
    },
    ...(attachment.output === attachment.site
      ? []
      : [
          {
            site: attachment.output,
            apply: (graph: GraphBuilder, wire: Wire, width: number) => write(graph, wire, width),
          },
        ]),
    { site: 'logits', apply: (graph, logits) => ({ taps: predictionTaps(graph, logits, predicted) }) },
  ];
}

/** The three parts of a batch. */
function thirds(graph: GraphBuilder, wire: Wire): Wire[] {
  return copiesOf(graph, wire, 3);
}

function sumNodes(graph: GraphBuilder, target: Wire, output: Wire, latents: Wire): Wire {
  const last = graph.integers(-1);
  const squares = (wire: Wire): Wire => graph.op('ReduceSumSquare', [wire, last]);
  const sums: Record<(typeof SUMS)[number], Wire> = {
    error: squares(graph.op('Sub', [target, output])),
    input: squares(target),
    output: squares(output),
    product: graph.op('ReduceSum', [graph.op('Mul', [target, output]), last]),
    l0: graph.op('ReduceSum', [firing(graph, latents), last]),
    l1: graph.op('ReduceL1', [latents, last]),
  };
  return graph.op(
    'Concat',
    SUMS.map((name) => sums[name]),
    { axis: -1 },
  );
}

/** 1 where a latent is not 0. */
function firing(graph: GraphBuilder, latents: Wire): Wire {
  return graph.op('Abs', [graph.op('Sign', [latents])]);
}

function firedNodes(graph: GraphBuilder, latents: Wire, isText: Wire, count: number): Wire {
  const rows = graph.op('Reshape', [firing(graph, latents), graph.integers(-1, count)]);
  return graph.op('MatMul', [graph.op('Reshape', [isText, graph.integers(1, -1)]), rows]);
}

function predictionTaps(
  graph: GraphBuilder,
  logits: Wire,
  predicted: Predicted,
): NonNullable<EditResult['taps']> {
  const logp = graph.op('LogSoftmax', [logits], { axis: -1 });
  const [clean, patched, ablated] = thirds(graph, logp) as [Wire, Wire, Wire];
  const divergences = [patched, ablated].map((other) => divergenceNodes(graph, clean, other));
  return {
    [EVALUATION_TAPS.loss]: { wire: tokenLoss(graph, logp, predicted), width: 1 },
    [EVALUATION_TAPS.divergence]: { wire: graph.op('Concat', divergences, { axis: -1 }), width: 2 },
  };
}
