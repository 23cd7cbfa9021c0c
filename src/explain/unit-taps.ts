import { PolysemeError } from '../errors.ts';
import type { ModelConfig } from '../model/architectures/architecture.ts';
import type { GraphEdit } from '../model/compile.ts';
import { positionInput, unitNodes } from '../model/edits.ts';
import type { TapInput } from '../model/taps.ts';
import type { GraphBuilder, Wire } from '../onnx/graph.ts';
import { readNodes } from '../sae/attach.ts';
import { encodeNodes } from '../sae/sae-nodes.ts';
import type { ModelBank } from './explained.ts';

/** The tap of `readUnits`: one activation at each position. */
export const UNIT_TAP = 'explain.activation';
/** The input that says which unit is read at each position. */
export const UNIT_INPUT = 'explain.unit';

/**
 * The edit that taps the activation of one unit of a bank at each position, whichever the input `UNIT_INPUT` names: so
 * that one graph serves all units of the bank, and little is handed over.
 */
export function readUnits(bank: ModelBank): GraphEdit {
  const { sae, activations } = bank;
  const tap = (graph: GraphBuilder, values: Wire) => ({
    taps: { [UNIT_TAP]: { wire: unitNodes(graph, values, positionInput(graph, UNIT_INPUT)), width: 1 } },
  });
  if (sae === null) return { site: activations, apply: tap };
  return {
    site: sae.attachment.site,
    apply(graph, wire, width) {
      const { latents } = encodeNodes(graph, sae.data, readNodes(graph, sae.attachment, wire, width));
      return tap(graph, latents);
    },
  };
}

/** The tokens of a context that the values at a position depend on: those up to it, or an encoder's whole context. */
export function seenAt(
  tokens: Int32Array,
  position: number,
  { bidirectional }: Pick<ModelConfig, 'bidirectional'>,
): Int32Array {
  return bidirectional ? tokens : tokens.slice(0, position + 1);
}

/** Tokens with the unit that is read at all of them. */
export function unitInput(tokens: Int32Array, index: number): TapInput {
  return { tokens, inputs: { [UNIT_INPUT]: new Float32Array(tokens.length).fill(index) } };
}

/** @throws PolysemeError where a number is not finite: the weights overflow, or are damaged */
export function checkNumber(value: number, what: string): number {
  if (Number.isFinite(value)) return value;
  throw new PolysemeError(`${what} is ${value}: the weights overflow in float32, or are damaged`, 'damaged');
}
