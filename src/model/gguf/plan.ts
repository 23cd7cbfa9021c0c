import { PolysemeError } from '../../errors.ts';
import type { GgufTensor } from '../../tensors/gguf.ts';
import { kvHeads } from './decoder.ts';
import { type Change, GGUF_FAMILIES, type GgufFamily } from './families.ts';
import type { Metadata } from './metadata.ts';
import type { Gguf } from './open-gguf.ts';
import type { ConfigVectors } from './rope-scaling.ts';

/** How Q and K lie in the file: as llama.cpp's converter puts them for its rotary positions, or as transformers has them. */
export type RopeLayout = 'interleaved' | 'half';

/** One tensor of the checkpoint that is made of a GGUF file. */
export interface PlannedTensor {
  /** As transformers calls it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly from: GgufTensor & { readonly file: string };
  readonly undo: Undo | null;
}

export type Undo = 'minus-one' | 'transpose' | { readonly heads: number };

/** The family of a file's architecture. */
export function familyOf(meta: Metadata): GgufFamily {
  const family = Object.hasOwn(GGUF_FAMILIES, meta.architecture)
    ? GGUF_FAMILIES[meta.architecture]
    : undefined;
  if (family !== undefined) return family;
  throw new PolysemeError(
    `${meta.label}: GGUF files of the architecture ${JSON.stringify(meta.architecture)} cannot be read (known: ${Object.keys(GGUF_FAMILIES).join(', ')})`,
    'unsupported',
  );
}

/** Whether the file's architecture leaves open how Q and K lie in it. */
export function hasRopeLayout({ changes = {} }: GgufFamily): boolean {
  return Object.values(changes).some((change) => typeof change === 'object');
}

/** config.json as transformers would write it. */
export function configOf(meta: Metadata, vectors: ConfigVectors): Record<string, unknown> {
  const family = familyOf(meta);
  const [vocabulary] = meta.shape('token_embd.weight');
  const ids = Object.entries({ bos: 'bos', eos: 'eos', pad: 'padding' } as const).flatMap(([key, name]) => {
    const id = meta.token(name);
    return id === undefined || id >= vocabulary! ? [] : [[`${key}_token_id`, id]];
  });
  const isDecoder = family.names['output'] !== undefined;
  return {
    model_type: meta.architecture,
    architectures: [family.className],
    vocab_size: vocabulary,
    ...family.config(meta, vectors),
    ...(isDecoder ? { tie_word_embeddings: !meta.has('output.weight') } : {}),
    ...Object.fromEntries(ids),
    dtype: 'float32',
  };
}

/** What each tensor of the checkpoint is made of. A tensor that the family does not know is an error. */
export function planTensors(gguf: Gguf, meta: Metadata, layout: RopeLayout): PlannedTensor[] {
  const family = familyOf(meta);
  const layers = meta.size('block_count');
  const plan: PlannedTensor[] = [];
  for (const [full, from] of gguf.tensors) {
    if (family.vectors?.includes(full)) continue;
    const match = /^(blk\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(full);
    const key = match === null ? full : `${match[1] === undefined ? '' : 'blk.'}${match[3]}`;
    const name = Object.hasOwn(family.names, key) ? family.names[key] : undefined;
    if (match === null || name === undefined || Number(match[2] ?? 0) >= layers) {
      throw new PolysemeError(
        `${gguf.label}: tensor ${JSON.stringify(full)} takes no part in a ${meta.architecture} model of ${layers} layers: it is of another architecture or variant`,
        'unsupported',
      );
    }
    const isMatrix = from.shape.length === 2;
    const undo = undoing(family.changes?.[key], { isMatrix, meta, layout });
    plan.push({
      name: `${name.replace('#', match[2] ?? '')}.${match[4]}`,
      shape: undo === 'transpose' ? from.shape.toReversed() : from.shape,
      from,
      undo,
    });
  }
  return plan;
}

function undoing(
  change: Change | undefined,
  { isMatrix, meta, layout }: { isMatrix: boolean; meta: Metadata; layout: RopeLayout },
): Undo | null {
  if (change === undefined) return null;
  if (change === 'plus-one') return 'minus-one';
  if (change === 'transposed') return isMatrix ? 'transpose' : null;
  if (layout === 'half') return null;
  return { heads: change.interleaved === 'heads' ? meta.size('attention.head_count') : kvHeads(meta) };
}

/** How many tensors are of each type, the most frequent first: `211 Q4_1, 61 F32`. */
export function describeTypes(gguf: Gguf): string {
  const counts = new Map<string, number>();
  for (const { type } of gguf.tensors.values()) counts.set(type.name, (counts.get(type.name) ?? 0) + 1);
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
