import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GGML_TYPES } from '../../src/tensors/ggml-types.ts';
import { readGgufHeader } from '../../src/tensors/gguf.ts';
import { expectOneLine, temporaryFolder } from '../helpers/expect.ts';
import { encodeGguf, type GgufParts } from '../helpers/gguf.ts';

const TYPES = new URL('../fixtures/gguf/types.gguf', import.meta.url).pathname;

describe('every type, bit for bit as the gguf package', async () => {
  const { tensors } = await readGgufHeader(TYPES);
  const bytes = readFileSync(TYPES);
  const values = (name: string): Float32Array => {
    const { type, shape, offset, length } = tensors.get(name)!;
    const out = new Float32Array(shape.reduce((product, n) => product * n, 1));
    type.dequantise(bytes.subarray(offset, offset + length), out);
    return out;
  };

  test.for([...GGML_TYPES.values()].map(({ name }) => name))('%s', (name) => {
    const expected = values(`${name}.expected`);
    expect(expected.length).toBeGreaterThanOrEqual(192);
    expect(Buffer.from(values(name).buffer)).toEqual(Buffer.from(expected.buffer));
    expect(new Set(expected).size).toBeGreaterThan(20);
  });
});

const F32 = 0;
const good: GgufParts = {
  metadata: [
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['tokens', { type: 'strings', value: ['\ufeff', '\ufeffusing', 'using', ''] }],
    ['count', { type: 'u64', value: 7n }],
  ],
  tensors: [
    ['a', { shape: [2, 3], type: F32, offset: 0 }],
    ['b', { shape: [8], type: F32, offset: 32 }],
  ],
  data: new Uint8Array(64),
};

describe('headers', () => {
  const write = (parts: GgufParts, change: (bytes: Buffer) => Buffer = (bytes) => bytes): string => {
    const path = join(temporaryFolder(), 'x.gguf');
    writeFileSync(path, change(encodeGguf(parts)));
    return path;
  };
  const changed = (tensor: Partial<NonNullable<GgufParts['tensors']>[number][1]>): GgufParts => ({
    ...good,
    tensors: [['a', { shape: [8], type: F32, offset: 0, ...tensor }]],
  });

  test('names, shapes outermost first, and tokens that begin with a byte order mark', async () => {
    const { metadata, tensors } = await readGgufHeader(write(good));
    expect(metadata.get('tokens')).toEqual(['\ufeff', '\ufeffusing', 'using', '']);
    expect(metadata.get('count')).toBe(7);
    expect(tensors.get('a')).toMatchObject({ shape: [3, 2], length: 24 });
    expect(tensors.get('b')!.offset - tensors.get('a')!.offset).toBe(32);
  });

  test('a header longer than what is read at first', async () => {
    const long = Array.from({ length: 40_000 }, (_, i) => `${i}`.padStart(120, 'x'));
    const path = write({ ...good, metadata: [['tokens', { type: 'strings', value: long }]] });
    expect((await readGgufHeader(path)).metadata.get('tokens')).toEqual(long);
  });

  const cases: [name: string, parts: GgufParts, line: RegExp, change?: (bytes: Buffer) => Buffer][] = [
    ['another file', good, /no GGUF file/, () => Buffer.from('{"not": "gguf", "but": "json"}')],
    ['an empty file', good, /no GGUF file/, () => Buffer.alloc(0)],
    ['version 1', { ...good, version: 1 }, /of version 1; versions 2 and 3/],
    ['big-endian', { ...good, version: 3 << 24 }, /big-endian/],
    ['a huge number of tensors', { ...good, tensorCount: 1n << 60n }, /claims 1152921504606846976 tensors/],
    [
      'more tensors than bytes',
      { ...good, tensorCount: 200_000n },
      /claims 200000 tensors, but the file ends/,
    ],
    ['a huge number of pairs', { ...good, pairs: 1n << 63n }, /pairs of metadata \(limit/],
    [
      'a huge list',
      good,
      /claims 4294967295 elements of "tokens"/,
      (bytes) => {
        bytes.writeBigUInt64LE(0xffffffffn, bytes.indexOf('tokens') + 6 + 8);
        return bytes;
      },
    ],
    [
      'a huge string',
      good,
      /bytes of a string/,
      (bytes) => {
        bytes.writeBigUInt64LE(1n << 40n, bytes.indexOf('llama') - 8);
        return bytes;
      },
    ],
    [
      'a list of lists',
      good,
      /is a list of type 9/,
      (bytes) => {
        bytes.writeUInt32LE(9, bytes.indexOf('tokens') + 6 + 4);
        return bytes;
      },
    ],
    [
      'an unknown type of value',
      good,
      /unknown type 99/,
      (bytes) => {
        bytes.writeUInt32LE(99, bytes.indexOf('count') + 5);
        return bytes;
      },
    ],
    [
      'a key twice',
      { ...good, metadata: [good.metadata![0]!, good.metadata![0]!] },
      /its metadata has "general.architecture" twice/,
    ],
    [
      'a number beyond 2^53',
      { ...good, metadata: [['n', { type: 'u64', value: 1n << 60n }]] },
      /"n" is 1152/,
    ],
    ['a tensor twice', { ...good, tensors: [good.tensors![0]!, good.tensors![0]!] }, /tensor "a" twice/],
    [
      'overlapping tensors',
      { ...good, tensors: [good.tensors![0]!, ['b', { shape: [8], type: F32, offset: 0 }]] },
      /"b" overlaps/,
    ],
    ['an offset that is not aligned', changed({ offset: 4 }), /begins at 4, no multiple of 32/],
    ['an offset beyond the file', changed({ offset: 1 << 20 }), /the file is truncated at/],
    ['an offset beyond 2^53', changed({ offset: 1n << 62n }), /offset of tensor "a" is 46/],
    ['a shape whose product overflows', changed({ shape: [1n << 40n, 1n << 40n] }), /impossible shape/],
    ['a dimension of 0', changed({ shape: [0] }), /impossible shape \[0\]/],
    ['nine dimensions', changed({ shape: Array(9).fill(1) }), /has 9 dimensions/],
    ['a row of half a block', changed({ shape: [16], type: 2 }), /Q4_0 with rows of 16; blocks have 32/],
    [
      'a newer quantisation',
      changed({ type: 39 }),
      /tensor "a" is quantised as MXFP4, which cannot be read \(known: F32, /,
    ],
    ['an unknown quantisation', changed({ type: 77 }), /quantised as number 77/],
    [
      'an alignment that is none',
      { ...good, metadata: [['general.alignment', { type: 'u32', value: 12 }]] },
      /general.alignment is 12, no power of two/,
    ],
  ];
  test.for(cases)('%s is one line', async ([, parts, line, change]) => {
    await expectOneLine(() => readGgufHeader(write(parts, change)), line);
  });

  test('a file cut off anywhere is one line', async () => {
    const bytes = encodeGguf(good);
    for (let length = 0; length < bytes.length; length += 3) {
      const path = write(good, () => bytes.subarray(0, length));
      await expectOneLine(() => readGgufHeader(path), /damaged|truncated|no GGUF file/);
    }
  });
});
