import { isElementwise } from './elementwise.ts';
import { neuronsOf } from './find-mlps.ts';
import type { InputKind } from './inputs.ts';
import type { OnnxIndex } from './linear.ts';

/** A table whose rows are looked up. */
export interface Table {
  readonly rows: number;
  readonly width: number;
}

export interface Positions {
  /** The table of embeddings that token ids look up; null where there is none. */
  readonly embedding: Table | null;
  /** Tables as wide as the embeddings that something else looks up: learned positions, segments. */
  readonly others: readonly Table[];
  /** Whether a value has one vector for each position, as far as can be told. */
  isEverywhere(wire: string): boolean;
}

/** Operators that keep a vector for each position, by the first input: norms, and attention where it is one node. */
const KEEPS_FIRST = new Set([
  'LayerNormalization',
  'RMSNormalization',
  'SimplifiedLayerNormalization',
  'Softmax',
  'Attention',
  'MultiHeadAttention',
  'GroupQueryAttention',
  'BiasGelu',
]);
/** Those that take gate and up out of one product. */
const PARTS = new Set(['Split', 'Slice']);
/** Those that add a residual to it. */
const SKIPS = new Set(['SkipLayerNormalization', 'SkipSimplifiedLayerNormalization']);

/**
 * Follows token ids through a file: what they look up, and which values have one vector for each of them. The rest (a
 * pooled vector, what a convolution makes) is not followed.
 * @param start values that have one for each position, of a file that reads no ids
 */
export function followPositions(
  index: OnnxIndex,
  kinds: ReadonlyMap<string, InputKind>,
  start: readonly string[] = [],
): Positions {
  const ids = new Set([...kinds].filter(([, kind]) => kind === 'ids').map(([name]) => name));
  const everywhere = new Set(start);
  const products = new Map(index.linears.map((linear) => [linear.node, linear.input]));
  let embedding: Table | null = null;
  const tables: Table[] = [];
  for (const node of index.file.nodes) {
    const [first = '', second = ''] = node.inputs;
    const output = node.outputs[0] ?? '';
    if (isElementwise(node) && ids.has(first)) ids.add(output);
    if (node.op === 'Gather') {
      const table = index.constant(first);
      if (table?.shape.length !== 2 || table.ref === null) continue;
      const [rows, width] = table.shape as [number, number];
      if (ids.has(second)) {
        embedding ??= { rows, width };
        everywhere.add(output);
      } else tables.push({ rows, width });
    }
    for (const part of PARTS.has(node.op) ? node.outputs : []) {
      const half = neuronsOf(index, part);
      if (half !== null && everywhere.has(half.linear.output)) everywhere.add(part);
    }
    const from = products.get(node);
    const kept =
      from !== undefined
        ? [from]
        : SKIPS.has(node.op)
          ? [first, second]
          : KEEPS_FIRST.has(node.op)
            ? [first]
            : isElementwise(node) || node.op === 'Where'
              ? node.inputs
              : [];
    if (!kept.some((name) => everywhere.has(name))) continue;
    everywhere.add(output);
    if (SKIPS.has(node.op) && node.outputs[3]) everywhere.add(node.outputs[3]);
  }
  return {
    embedding,
    others: tables.filter(({ width }) => width === embedding?.width),
    isEverywhere: (wire) => everywhere.has(wire),
  };
}
