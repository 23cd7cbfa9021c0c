import { PolysemeError } from '../errors.ts';
import type { ModelConfig } from '../model/architectures/architecture.ts';
import type { GraphEdit } from '../model/compile.ts';
import { perPosition, positionInput, wholeShares } from '../model/edits.ts';
import { isWritingSite } from '../model/sites.ts';
import type { GraphBuilder, Wire } from '../onnx/graph.ts';
import { writeNodes } from '../sae/attach.ts';
import { decodeNodes } from '../sae/sae-nodes.ts';
import type { Explained, ModelBank } from './explained.ts';
import { type DirectEffect, directEffectResult } from './results.ts';
import { UNIT_INPUT } from './unit-taps.ts';

/** Tokens of a list. */
const LISTED = 12;
const FACTOR_INPUT = 'explain.factor';
const DIRECTION_TAP = 'explain.direction';
/** Where what a site inside an MLP or attention holds is written to the residual stream. */
const WRITTEN_AT: Readonly<Record<string, string>> = {
  'mlp.hook_post': 'hook_mlp_out',
  'mlp.shared.hook_post': 'hook_mlp_out',
  'attn.hook_z': 'hook_attn_out',
};

/**
 * The direct effect of a unit: its output weights through the final norm (at a scale of 1) and the unembedding, less the
 * mean over the vocabulary. An effect is by how much a logit grows for each 1 of activation, before a soft cap of the logits.
 * Where a norm stands after the MLP it is taken at a scale of 1, too. An encoder has none: between
 * its stream and its logits stand norms of the stream or a head that is not linear.
 *
 * @throws PolysemeError where there is no such unit, or no model
 * @example
 * const study = openStudy('study.db');
 * const explained = openExplained(study);
 * const { raised } = await directEffect(explained, { bank: 'mlp.1', index: 7 });
 * console.log(raised?.map(({ text }) => text));
 * await explained.close();
 * study.close();
 */
export async function directEffect(
  explained: Explained,
  { bank: name, index, signal }: { bank: string; index: number; signal?: AbortSignal },
): Promise<DirectEffect> {
  // Complains of a unit that is not there.
  explained.study.words(name, index);
  const key = { kind: 'direct effect 2', key: `${name}/${index}` };
  const kept = explained.results.read(key, directEffectResult);
  if (kept !== null) return kept;
  const [model, bank] = await Promise.all([explained.model(), explained.bank(name)]);
  if (model.config.bidirectional) return { raised: null, lowered: null };
  const edits = directEdits(bank, model.config, model.sites);
  if (edits === null) return { raised: null, lowered: null };
  const taps = model.openTaps(['logits', DIRECTION_TAP], edits);
  try {
    const tokens = new Int32Array(2);
    const inputs = { [UNIT_INPUT]: Float32Array.of(index, index), [FACTOR_INPUT]: Float32Array.of(1, 0) };
    for await (const block of taps.stream([{ tokens, inputs }], { signal })) {
      const effects = logitEffects(block.taps['logits']!.data, block.taps[DIRECTION_TAP]!.data, model.config);
      const found = listed(effects, (id) => model.tokenizer.text(id), model.tokenizer.size);
      explained.results.write(key, found);
      return found;
    }
    throw new PolysemeError('the model gave nothing', 'damaged');
  } finally {
    await taps.close();
  }
}

/**
 * Edits that put a unit's output in the place of the last residual stream: at position 0 as it is, at position 1 with the
 * other sign, so that what norm and unembedding add by themselves falls out of the difference. The model is run at two
 * positions: with the unit on, and off. Null where the bank's output is not written to the residual stream.
 */
function directEdits(
  bank: ModelBank,
  { layers, norm, logitCap }: ModelConfig,
  sites: ReadonlyMap<string, number>,
): GraphEdit[] | null {
  const site = bank.sae === null ? bank.activations : bank.sae.attachment.output;
  const [, block, part] = /^(blocks\.\d+)\.(.+)$/.exec(site) ?? [];
  const last = `blocks.${layers - 1}.hook_resid_post`;
  /** On and off [rows, 2, width]. */
  let written: Wire | null = null;
  const put: GraphEdit = {
    site: last,
    apply(graph, _, width) {
      const both = written ?? outputNodes(graph, bank, width);
      const at = (position: number): Wire =>
        graph.op('Slice', [both, graph.integers(position), graph.integers(position + 1), graph.integers(1)]);
      const direction = graph.op('Sub', [at(0), at(1)]);
      // Under a soft cap logits so small that it leaves them as they are.
      const put = logitCap == null ? direction : fainter(graph, direction, norm.epsilon).faint;
      return {
        taps: { [DIRECTION_TAP]: { wire: direction, width } },
        replacement: graph.op('Concat', [put, graph.op('Neg', [put])], { axis: 1 }),
      };
    },
  };
  if (isWritingSite(site)) return [put];
  const through = WRITTEN_AT[part ?? ''];
  if (through === undefined || !sites.has(`${block}.${through}`)) return null;
  // Where a norm stands between what the part gives and the stream.
  const inner = `${block}.${through.replace(/^hook_(mlp|attn)_out$/, '$1.hook_out')}`;
  const normed = sites.has(inner);
  if (normed && norm.kind !== 'rmsnorm') return null;
  let size: Wire | null = null;
  const before: GraphEdit = {
    site: inner,
    apply(graph, wire) {
      const off = graph.op('Slice', [wire, graph.integers(1), graph.integers(2), graph.integers(1)]);
      const found = fainter(graph, graph.op('Sub', [wire, off]), norm.epsilon);
      size = found.size;
      return { replacement: found.faint };
    },
  };
  return [
    { site, apply: (graph, _, width) => ({ replacement: outputNodes(graph, bank, width) }) },
    ...wholeShares(site, sites),
    ...(normed ? [before] : []),
    {
      site: `${block}.${through}`,
      apply(graph, wire) {
        written = size === null ? wire : graph.op('Mul', [wire, size]);
        return {};
      },
    },
    put,
  ];
}

/** Size of a direction that the norms read, relative to √ε: the norm is a multiplication by γ ÷ √(ε(1 + FAINT²)) there. */
const FAINT = 1e-3;

/** A direction of another size: that of √ε times FAINT, and by what a norm's output of it is multiplied to have γ · direction. */
function fainter(graph: GraphBuilder, direction: Wire, epsilon: number): { faint: Wire; size: Wire } {
  const mean = graph.op('ReduceMean', [graph.op('Mul', [direction, direction]), graph.integers(-1)]);
  // A direction of zeros stays one.
  const rms = graph.op('Add', [graph.op('Sqrt', [mean]), graph.scalar(1e-20)]);
  const unit = graph.op('Div', [direction, rms]);
  return {
    faint: graph.op('Mul', [unit, graph.scalar(FAINT * Math.sqrt(epsilon))]),
    size: graph.op('Mul', [rms, graph.scalar(Math.sqrt(1 + FAINT ** 2) / FAINT)]),
  };
}

/** What the bank writes at its site where one unit is `FACTOR_INPUT` and all others are 0. */
function outputNodes(graph: GraphBuilder, { sae, units }: ModelBank, width: number): Wire {
  const index = graph.op('Cast', [positionInput(graph, UNIT_INPUT)], { to: 7 });
  const choice = graph.op('OneHot', [index, graph.integers(units), graph.constant(Float32Array.of(0, 1))], {
    axis: -1,
  });
  const one = graph.op('Mul', [choice, perPosition(graph, positionInput(graph, FACTOR_INPUT))]);
  if (sae === null) return one;
  const { data, attachment } = sae;
  // Where each input is normalised, this one has mean 0 and deviation 1.
  const input = graph.constant(
    Float32Array.from({ length: data.config.dIn }, (_, i) => (i % 2 === 0 ? 1 : -1)),
    [1, 1, data.config.dIn],
  );
  const decoded = decodeNodes(graph, data, one, input);
  if (attachment.slice === null) return decoded;
  const rows = graph.op('Mul', [perPosition(graph, positionInput(graph, FACTOR_INPUT)), graph.scalar(0)]);
  const empty = graph.op('Add', [rows, graph.constant(new Float32Array(width), [1, 1, width])]);
  return writeNodes(graph, attachment, empty, width, decoded);
}

/** By token, from the logits with either sign of the direction; the norm's own scale is undone. */
function logitEffects(
  logits: Float32Array,
  direction: Float32Array,
  { norm, logitCap }: ModelConfig,
): Float64Array {
  const vocabulary = logits.length / 2;
  const mean = norm.kind === 'layernorm' ? direction.reduce((sum, x) => sum + x, 0) / direction.length : 0;
  const squares = direction.reduce((sum, x) => sum + (x - mean) ** 2, 0) / direction.length;
  const scale =
    (logitCap == null ? Math.sqrt(squares + norm.epsilon) : Math.sqrt(squares * (1 + FAINT ** 2)) / FAINT) /
    2;
  const effects = Float64Array.from(
    { length: vocabulary },
    (_, id) => scale * (logits[id]! - logits[vocabulary + id]!),
  );
  const average = effects.reduce((sum, x) => sum + x, 0) / vocabulary;
  return effects.map((x) => x - average);
}

/** @param size tokens that the tokenizer has: a model's vocabulary may be padded */
function listed(effects: Float64Array, text: (id: number) => string, size: number): DirectEffect {
  const ids = Array.from({ length: Math.min(size, effects.length) }, (_, id) => id);
  ids.sort((a, b) => effects[b]! - effects[a]! || a - b);
  const shown = (chosen: readonly number[]) =>
    chosen.map((id) => ({ id, text: text(id), effect: effects[id]! }));
  return {
    raised: shown(ids.slice(0, LISTED).filter((id) => effects[id]! > 0)),
    lowered: shown(
      ids
        .slice(-LISTED)
        .reverse()
        .filter((id) => effects[id]! < 0),
    ),
  };
}
