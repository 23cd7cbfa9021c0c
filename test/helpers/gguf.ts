/** A value of metadata with its type in the file; lists have one type for all. */
export type GgufField =
  | { readonly type: 'u32' | 'u64' | 'f32'; readonly value: number | bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] };

export interface GgufTensorInfo {
  /** Innermost dimension first, as in the file. */
  readonly shape: readonly (number | bigint)[];
  readonly type: number;
  readonly offset: number | bigint;
}

export interface GgufParts {
  readonly version?: number;
  readonly metadata?: readonly (readonly [key: string, field: GgufField])[];
  readonly tensors?: readonly (readonly [name: string, info: GgufTensorInfo])[];
  /** Numbers in the head, where they are not the true ones. */
  readonly tensorCount?: bigint;
  readonly pairs?: bigint;
  readonly data?: Uint8Array;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** The bytes of a GGUF file with this content, true or not. */
export function encodeGguf({
  version = 3,
  metadata = [],
  tensors = [],
  tensorCount,
  pairs,
  data = new Uint8Array(0),
}: GgufParts): Buffer {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(tensorCount ?? tensors.length),
    u64(pairs ?? metadata.length),
    ...metadata.flatMap(([key, field]) => [text(key), encodeField(field)]),
    ...tensors.flatMap(([name, { shape, type, offset }]) => [
      text(name),
      u32(shape.length),
      ...shape.map(u64),
      u32(type),
      u64(offset),
    ]),
  ]);
  return Buffer.concat([head, Buffer.alloc(-head.length & 31), data]);
}

function encodeField(field: GgufField): Buffer {
  switch (field.type) {
    case 'u32':
      return Buffer.concat([u32(4), u32(Number(field.value))]);
    case 'u64':
      return Buffer.concat([u32(10), u64(field.value)]);
    case 'f32': {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(Number(field.value));
      return Buffer.concat([u32(6), bytes]);
    }
    case 'bool':
      return Buffer.concat([u32(7), Buffer.from([field.value ? 1 : 0])]);
    case 'string':
      return Buffer.concat([u32(8), text(field.value)]);
    case 'strings':
      return Buffer.concat([u32(9), u32(8), u64(field.value.length), ...field.value.map(text)]);
  }
}
