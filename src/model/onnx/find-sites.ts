import type { OnnxNode } from '../../onnx/read-onnx.ts';
import type { MlpBlock } from './find-mlps.ts';
import type { OnnxIndex } from './linear.ts';

/** A value of a file that is a site. */
export interface SiteValue {
  readonly site: string;
  readonly wire: string;
  readonly width: number;
  /** The nodes that read what takes its place; null for all. */
  readonly readers: readonly OnnxNode[] | null;
  /** TensorProto.DataType of its numbers. */
  readonly type: number;
  /** It is one vector of the whole image, which stands at every position then. */
  readonly isOfWhole?: boolean;
}

/** TensorProto.DataType */
const FLOAT = 1;

/** The sites of a file's MLPs, and those of the residual stream where it can be told for certain. */
export function findSites(index: OnnxIndex, blocks: readonly MlpBlock[]): SiteValue[] {
  const sites: SiteValue[] = [];
  let before: string | null = null;
  blocks.forEach((block, layer) => {
    const { type } = block.down;
    const stream = streamOf(index, block, before);
    const add = (name: string, wire: string | null, width: number, readers: SiteValue['readers'] = null) => {
      if (wire !== null) sites.push({ site: `blocks.${layer}.${name}`, wire, width, readers, type });
    };
    add('hook_resid_pre', stream.pre, block.width);
    add('hook_attn_out', stream.attention, block.width);
    add('hook_resid_mid', stream.mid, block.width);
    // The stream goes on from the MLP's input itself where the norm follows the sum.
    add('mlp.hook_in', block.input, block.width, stream.fromInput ? null : block.readers);
    add('mlp.hook_pre', (block.gate ?? block.up).wire, block.units);
    if (block.gate !== null) add('mlp.hook_pre_linear', block.up.wire, block.units);
    add('mlp.hook_post', block.post, block.units);
    add('hook_mlp_out', stream.out, block.down.outputs);
    add('hook_resid_post', stream.post, block.width);
    before = stream.post;
  });
  return sites;
}

/** The logits of a file: its output of that name, or the only one, which is a product with a weight. */
export function findLogits(index: OnnxIndex): SiteValue | null {
  const { file } = index;
  const output =
    file.outputs.find(({ name }) => name === 'logits') ??
    (file.outputs.length === 1 ? file.outputs[0]! : null);
  if (output === null) return null;
  const linear = index.linearOf(output.name);
  if (linear === null && output.name !== 'logits') return null;
  const width = linear?.outputs ?? output.shape?.at(-1);
  if (typeof width !== 'number') return null;
  return { site: 'logits', wire: output.name, width, readers: null, type: output.type };
}

// ----------------------------------------------------------------

interface Stream {
  readonly pre: string | null;
  readonly attention: string | null;
  readonly mid: string | null;
  readonly out: string | null;
  readonly post: string | null;
  /** Whether the MLP's output is added to its input. */
  readonly fromInput: boolean;
}

/**
 * The residual stream around an MLP. It is known where the MLP's output is added to what its input is the norm of
 * (or, where the norm follows the sum, to the input itself).
 * @param before the stream after the block before this one
 */
function streamOf(index: OnnxIndex, { input, down, width }: MlpBlock, before: string | null): Stream {
  const out = isFusedWithBias(index, down.output) ? null : down.output;
  const nothing = { pre: null, attention: null, mid: null, out, post: null, fromInput: false };
  if (out === null || down.outputs !== width) return nothing;
  const sum = addAfter(index, out);
  if (sum === null) return nothing;
  const other = sum.inputs.find((name) => index.unshaped(name) !== index.unshaped(out));
  if (other === undefined) return nothing;
  const plain = (name: string): string => plainValue(index, name, down.type === FLOAT);
  const mid = normSource(index, input);
  if (mid === null) return nothing;
  const isBefore = plain(other) === plain(mid);
  const isAfter = down.type === FLOAT && plain(other) === plain(input);
  if (!isBefore && !isAfter) return nothing;
  return {
    ...attentionBefore(index, mid, before, plain),
    mid,
    out,
    post: sum.outputs[0]!,
    fromInput: !isBefore,
  };
}

/** What attention added to the stream: the sum's operand that is a product with a weight, or not the stream before. */
function attentionBefore(
  index: OnnxIndex,
  mid: string,
  before: string | null,
  plain: (name: string) => string,
): Pick<Stream, 'pre' | 'attention'> {
  const sum = index.producer(mid);
  if (sum?.op !== 'Add' || sum.domain !== '') return { pre: null, attention: null };
  const [a, b] = sum.inputs as [string, string];
  const isProduct = (name: string): boolean => index.linearOf(name) !== null;
  if (isProduct(a) === isProduct(b)) return { pre: null, attention: null };
  const [attention, stream] = isProduct(a) ? [a, b] : [b, a];
  const pre = plain(stream);
  const known = before === null || pre === plain(before) || normSource(index, pre) === before;
  return known ? { pre, attention } : { pre: null, attention: null };
}

/** The same numbers further back; of a model in float32, casts change nothing. */
function plainValue(index: OnnxIndex, name: string, castsToo: boolean): string {
  for (;;) {
    name = index.unshaped(name);
    const node = index.producer(name);
    if (!castsToo || node?.op !== 'Cast' || node.attributes.get('to')?.integer !== FLOAT) return name;
    name = node.inputs[0]!;
  }
}

/** The sum that a value goes into and nothing else, shaped or not. */
function addAfter(index: OnnxIndex, wire: string): OnnxNode | null {
  for (;;) {
    const readers = index.consumers(wire);
    if (readers.length !== 1) return null;
    const [node] = readers as [OnnxNode];
    if (node.op === 'Add' && node.domain === '') return node;
    const after = node.outputs[0]!;
    if (index.unshaped(after) !== index.unshaped(wire)) return null;
    wire = after;
  }
}

/** Whether a fused norm adds a bias to a value, so that it is not whole. */
function isFusedWithBias(index: OnnxIndex, wire: string): boolean {
  return index.consumers(wire).some(({ op, inputs }) => op.startsWith('Skip') && (inputs[4] ?? '') !== '');
}

/** Norms that are one operator. */
const NORMS = new Set(['LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization']);
/** Operators that norms are written out in; their sums and products with constants, their own statistics. */
const IN_NORM = new Set(['Mul', 'Div', 'Sub', 'Pow', 'Sqrt', 'Reciprocal', 'ReduceMean', 'Cast', 'Max']);
/** Nodes of a norm that is written out. */
const MAX_NORM = 32;

/** What a norm normalises, if one value is all that goes into it; the value itself where there is no norm. */
function normSource(index: OnnxIndex, wire: string): string | null {
  const sources = new Set<string>();
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (name === '' || seen.has(name) || index.constant(name) !== null) return;
    seen.add(name);
    const node = index.producer(name);
    const inputs = node === null || seen.size > MAX_NORM ? null : insideNorm(index, node);
    if (inputs === null) sources.add(name);
    else for (const input of inputs) visit(input);
  };
  visit(index.unshaped(wire));
  const [only, ...more] = sources;
  return only !== undefined && more.length === 0 ? only : null;
}

/** The inputs of a node that is a part of a norm; null of one that is none. */
function insideNorm(index: OnnxIndex, { op, inputs, domain }: OnnxNode): readonly string[] | null {
  if (NORMS.has(op)) return [inputs[0]!];
  if (domain !== '') return null;
  if (op === 'Add') return inputs.some((name) => index.constant(name) !== null) ? inputs : null;
  return IN_NORM.has(op) ? inputs.slice(0, op.startsWith('Reduce') ? 1 : 2) : null;
}
