import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A tensor as the tests compute with it: all values as float64. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export type Tensors = Record<string, Tensor>;
export type StoredType = 'F64' | 'F32' | 'F16' | 'BF16';

/** Every tensor of a safetensors file, read with nothing of the project's own reader. */
export function readTensors(path: string): Tensors {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: StoredType; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors: Tensors = {};
  for (const [name, { dtype, shape, data_offsets: at }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const body = bytes.subarray(8 + length + at[0], 8 + length + at[1]);
    const count = shape.reduce((product, n) => product * n, 1);
    const read = (i: number) => {
      if (dtype === 'F64') return body.readDoubleLE(8 * i);
      if (dtype === 'F32') return body.readFloatLE(4 * i);
      const bits = body.readUInt16LE(2 * i);
      return dtype === 'F16' ? halfValue(bits) : floatOf(bits << 16);
    };
    tensors[name] = { shape, data: Float64Array.from({ length: count }, (_, i) => read(i)) };
  }
  return tensors;
}

/** The bytes of a safetensors file. F16 and BF16 take values that they hold exactly. */
export function encodeSafetensors(tensors: Tensors, dtype: StoredType = 'F32'): Buffer {
  const size = { F64: 8, F32: 4, F16: 2, BF16: 2 }[dtype];
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length * size] };
    end += data.length * size;
  }
  const body = Buffer.alloc(end);
  let at = 0;
  for (const { data } of Object.values(tensors)) {
    for (const value of data) {
      if (dtype === 'F64') body.writeDoubleLE(value, at);
      else if (dtype === 'F32') body.writeFloatLE(value, at);
      else body.writeUInt16LE(dtype === 'F16' ? halfBits(value) : bitsOf(value) >>> 16, at);
      at += size;
    }
  }
  return withHeader(header, body);
}

/** A safetensors file with this header, true or not. */
export function withHeader(header: unknown, body: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, body]);
}

export interface CheckpointFiles {
  config: object;
  tensors: Tensors;
  dtype?: StoredType;
  /** Spread over so many files with an index. */
  shards?: number;
}

/** Writes a whole checkpoint into folder `dir`, with a tokenizer of `vocab_size` tokens. */
export function writeCheckpoint(dir: string, { config, tensors, dtype = 'F32', shards }: CheckpointFiles) {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  const { vocab_size: size } = config as { vocab_size: number };
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tinyTokenizer(size)));
  if (shards === undefined) {
    writeFileSync(join(dir, 'model.safetensors'), encodeSafetensors(tensors, dtype));
    return;
  }
  const names = Object.keys(tensors);
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const file = `model-${shard + 1}-of-${shards}.safetensors`;
    const own = names.filter((_, i) => i % shards === shard);
    for (const name of own) weightMap[name] = file;
    const part = Object.fromEntries(own.map((name) => [name, tensors[name]]));
    writeFileSync(join(dir, file), encodeSafetensors(part, dtype));
  }
  writeFileSync(
    join(dir, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: { total_size: 0 }, weight_map: weightMap }),
  );
}

/** A byte-level BPE without merges: the space, the letters, and words that never occur up to `size` tokens. */
export function tinyTokenizer(size: number) {
  const vocab = Object.fromEntries(
    Array.from({ length: size }, (_, id) => [
      id === 0 ? '<s>' : id === 1 ? 'Ġ' : id < 28 ? String.fromCharCode(95 + id) : `filler${id}`,
      id,
    ]),
  );
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [
      {
        id: 0,
        content: '<s>',
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', dropout: null, unk_token: null, vocab, merges: [] },
  };
}

/** Random weights that every stored type holds exactly: n/128 · 2^-shift, or 1 + n/64 for a norm's γ. */
export function randomTensors(shapes: Record<string, readonly number[]>, seed = 1): Tensors {
  let state = seed;
  const draw = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * (2 * limit + 1)) - limit;
  };
  const tensors: Tensors = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const count = shape.reduce((product, n) => product * n, 1);
    const gamma = /(ln_\w|norm)\.weight$/.test(name);
    const data = Float64Array.from({ length: count }, () => (gamma ? 1 + draw(31) / 64 : draw(127) / 256));
    tensors[name] = { shape, data };
  }
  return tensors;
}

const scratch = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

function floatOf(bits: number): number {
  scratch.setInt32(0, bits);
  return scratch.getFloat32(0);
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

/** Exact for normal halves and zero, which is all that `randomTensors` makes. */
function halfBits(value: number): number {
  if (value === 0) return 0;
  const bits = bitsOf(value);
  return ((bits >>> 16) & 0x8000) | ((((bits >>> 23) & 255) - 112) << 10) | ((bits >>> 13) & 1023);
}
