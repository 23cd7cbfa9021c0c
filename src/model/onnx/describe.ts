import { PolysemeError } from '../../errors.ts';
import { type OnnxFile, type OnnxNode, readOnnx } from '../../onnx/read-onnx.ts';
import { findMlps, type MlpBlock } from './find-mlps.ts';
import { findLogits, findSites, type SiteValue } from './find-sites.ts';
import { type InputKind, inputKinds } from './inputs.ts';
import { OnnxIndex } from './linear.ts';
import { findPatches, type Patches, type PixelInput, pixelInput } from './pixels.ts';
import { followPositions, type Positions } from './positions.ts';

/** What an ONNX file holds for us; nothing was computed, and no weight was read. */
export interface OnnxDescription {
  readonly file: OnnxFile;
  /** The MLPs, in the file's order: bank `mlp.L` is the L-th. */
  readonly blocks: readonly MlpBlock[];
  /** In an order in which they are computed. */
  readonly sites: readonly SiteValue[];
  /** What the inputs of a file that reads text are filled with. */
  readonly inputs: ReadonlyMap<string, InputKind>;
  /** Of a file that reads images: its input, and its patches, if it has some. */
  readonly image: { readonly input: PixelInput; readonly patches: Patches | null } | null;
  readonly positions: Positions;
  /** Whether norms take the mean away. */
  readonly centresNorms: boolean;
  /** What the user should know, a line each. */
  readonly notes: readonly string[];
}

/** Nodes that hold a part of an MLP fused with others, so that its values are no tensors of their own. */
const FUSED = new Set([
  'BiasGelu',
  'FusedGemm',
  'FusedMatMulActivation',
  'GemmFastGelu',
  'BiasSplitGelu',
  'MatMulNBits',
  'MatMulBnb4',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'DynamicQuantizeMatMul',
  'QLinearMatMul',
  'QGemm',
  'QMoE',
  'MoE',
]);
/** float, float16, double, bfloat16 */
const REAL = new Set([1, 10, 11, 16]);
const QUANTISED = /^Q|Integer|Quantize|NBits|Bnb4/;
const HAS_GRAPHS = new Set(['If', 'Loop', 'Scan']);

/**
 * Reads an ONNX file and finds its MLPs.
 *
 * @param config what a config.json beside it holds
 * @throws PolysemeError of one line for a damaged file, one without an MLP, or one that was optimised so that an MLP's
 *   values are gone
 */
export function describeOnnx(path: string, config: Readonly<Record<string, unknown>> = {}): OnnxDescription {
  const file = readOnnx(path);
  const index = new OnnxIndex(file);
  const fused = file.nodes.find((node) => hidesMlp(index, node));
  if (fused !== undefined) throw fusedError(path, fused);
  const all = findMlps(index);
  if (all.length === 0) throw noMlp(file);
  const pixels = pixelInput(file, config);
  const image = pixels === null ? null : { input: pixels, patches: findPatches(index, pixels) };
  const inputs = image === null ? inputKinds(file) : new Map<string, InputKind>();
  const start = image === null ? [] : [image.patches?.wire ?? image.input.name];
  const positions = followPositions(index, inputs, start);
  const blocks = all.filter(({ input }) => positions.isEverywhere(input));
  const notes = all
    .filter((block) => !blocks.includes(block))
    .map(
      ({ up }) =>
        `the MLP of ${quote(up.linear.node.name)} does not run at each position, as far as can be told: it is left out`,
    );
  if (blocks.length === 0)
    throw new PolysemeError(`${path}: ${notes[0]}, and there is no other`, 'unsupported');
  const logits = findLogits(index);
  const isEach = logits !== null && positions.isEverywhere(logits.wire);
  const sites = [...findSites(index, blocks)];
  if (isEach) sites.push(logits);
  else if (logits !== null && image !== null) sites.push({ ...logits, isOfWhole: true });
  const without = blocks.findIndex(
    (_, layer) => !sites.some(({ site }) => site === `blocks.${layer}.hook_resid_post`),
  );
  const hasStream = image === null || image.patches !== null;
  if (without >= 0 && hasStream) {
    const skip = index.consumers(blocks[without]!.down.output).find(({ op }) => op.startsWith('Skip'));
    const why =
      skip === undefined ? '' : ` (node ${quote(skip.name)}, ${skip.op}, adds and normalises in one)`;
    notes.push(
      `the residual stream of block ${without} is not found${why}: it has no sites hook_resid_mid and hook_resid_post`,
    );
  }
  const inside = file.nodes.find(({ op }) => HAS_GRAPHS.has(op));
  if (inside !== undefined) {
    notes.push(
      `node ${quote(inside.name)} (${inside.op}) holds graphs of its own: what is inside them has no sites`,
    );
  }
  return { file, blocks, sites, inputs, image, positions, centresNorms: centresNorms(index), notes };
}

// ----------------------------------------------------------------

function hidesMlp(index: OnnxIndex, { op, domain, inputs }: OnnxNode): boolean {
  if (FUSED.has(op)) return true;
  if (domain !== 'com.microsoft') return false;
  // Others of these stand in attention, or take no bias.
  if (op === 'FusedMatMul') return index.constant(inputs[1] ?? '')?.shape.length === 2;
  return op === 'FastGelu' && (inputs[1] ?? '') !== '';
}

function fusedError(path: string, { op, name }: OnnxNode): PolysemeError {
  const mend = QUANTISED.test(op)
    ? 'the file with float weights'
    : 'the file as it was before it was optimised (optimum: no --optimize)';
  return new PolysemeError(
    `${path}: node ${quote(name)} (${op}) holds ${QUANTISED.test(op) ? 'quantised weights' : 'several operators in one'}, so ` +
      `that the MLP's own values are not there: give ${mend}`,
    'unsupported',
  );
}

function noMlp({ path, nodes, tensors }: OnnxFile): PolysemeError {
  const unread = [...tensors.values()].find(
    ({ type, shape, ref }) => REAL.has(type) && shape.length === 2 && ref === null,
  );
  if (unread !== undefined) {
    return new PolysemeError(
      `${path} has no MLP whose weights can be read: tensor ${quote(unread.name)} is written number by number, not as ` +
        "bytes; write it anew with Python's onnx: numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name)",
      'unsupported',
    );
  }
  const inside = nodes.find(({ op }) => HAS_GRAPHS.has(op));
  if (inside !== undefined) {
    return new PolysemeError(
      `${path} has no MLP outside node ${quote(inside.name)} (${inside.op}), whose graphs hide their values: export the ` +
        'model without it (optimum: decoder_model.onnx, not the merged one)',
      'unsupported',
    );
  }
  return new PolysemeError(
    `${path} has no MLP: no product with a weight that an activation (ReLU, GELU, SiLU) and another such product follow`,
    'unsupported',
  );
}

/** Whether the first norm of a file is a LayerNorm: one operator, or a difference from a mean. */
function centresNorms(index: OnnxIndex): boolean {
  return index.file.nodes.some(
    ({ op, inputs }) =>
      op === 'LayerNormalization' ||
      op === 'SkipLayerNormalization' ||
      (op === 'Sub' && index.producer(inputs[1] ?? '')?.op === 'ReduceMean'),
  );
}

function quote(text: string): string {
  return JSON.stringify(text);
}
