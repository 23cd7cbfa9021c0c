import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkFinite } from '../../src/tensors/finite.ts';
import { readSafetensorsHeader, readTensor } from '../../src/tensors/safetensors.ts';
import { writeSafetensors } from '../../src/tensors/write-safetensors.ts';
import { bytesOf, type HeaderEntry, writeRaw } from '../helpers/safetensors.ts';

const FOLIO = new URL('../../models/folio-5m/model.safetensors', import.meta.url).pathname;

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'polyseme-safetensors-'));
});
afterAll(() => rmSync(work, { recursive: true }));
const at = (name: string) => join(work, name);

describe('readSafetensorsHeader', () => {
  test('says where each tensor lies', async () => {
    const header = await readSafetensorsHeader(FOLIO);
    const raw = readFileSync(FOLIO);
    const length = Number(raw.readBigUInt64LE());
    const json = JSON.parse(raw.subarray(8, 8 + length).toString()) as Record<
      string,
      { data_offsets: number[] }
    >;
    const names = Object.keys(json).filter((name) => name !== '__metadata__');
    expect([...header.tensors.keys()].sort()).toEqual(names.sort());
    for (const name of names) {
      const [start, end] = json[name].data_offsets;
      expect(header.tensors.get(name)).toMatchObject({
        file: FOLIO,
        offset: 8 + length + start,
        length: end - start,
      });
    }
    expect(header.tensors.get('transformer.wte.weight') ?? header.tensors.get('wte.weight')).toMatchObject({
      dtype: 'F16',
      shape: [8192, 256],
    });
  });

  test('follows links, and takes empty tensors, scalars and metadata', async () => {
    const entries = {
      none: { dtype: 'F32', shape: [0, 4], data_offsets: [0, 0] },
      one: { dtype: 'I64', shape: [], data_offsets: [0, 8] },
      __metadata__: { format: 'pt' },
    };
    writeRaw(at('real.safetensors'), entries as Record<string, HeaderEntry>, new Uint8Array(8));
    symlinkSync('real.safetensors', at('link.safetensors'));
    const header = await readSafetensorsHeader(at('link.safetensors'));
    expect(header.file).toBe(at('real.safetensors'));
    expect(header.metadata).toEqual({ format: 'pt' });
    expect(header.tensors.get('none')).toMatchObject({ shape: [0, 4], length: 0 });
    expect(await readTensor(header, 'none')).toEqual(new Float32Array(0));
  });

  const f32 = (shape: unknown, start: unknown, end: unknown) => ({
    dtype: 'F32',
    shape,
    data_offsets: [start, end],
  });
  const hostile: [string, string | Record<string, unknown>, number, number | bigint | undefined, string][] = [
    ['a header longer than the limit', '{}', 0, 100_000_001, 'a header of 100000001 bytes (limit 100000000)'],
    ['a header of 2^63 bytes', '{}', 0, 2n ** 63n, 'a header of 9223372036854776000 bytes'],
    ['a header longer than the file', '{}', 0, 3, 'is truncated: 10 bytes, its header alone says 11'],
    ['no JSON', '{"a":', 0, undefined, 'its header is not a JSON object'],
    ['JSON that is no object', '[]', 0, undefined, 'its header is not a JSON object'],
    [
      'too little data',
      { a: f32([2], 0, 8) },
      7,
      undefined,
      'tensor "a" ends at byte 70, the file is truncated at 69',
    ],
    ['too much data', { a: f32([2], 0, 8) }, 9, undefined, '1 bytes after its last tensor belong to none'],
    [
      'a shape of another length',
      { a: f32([3], 0, 8) },
      8,
      undefined,
      'has 8 bytes, its shape [3] of F32 needs 12',
    ],
    [
      'a shape that overflows',
      { a: f32([2 ** 52, 2 ** 52], 0, 8) },
      8,
      undefined,
      'tensor "a" has 8 bytes, its shape',
    ],
    ['a negative dimension', { a: f32([-1], 0, 8) }, 8, undefined, 'tensor "a" has the shape [-1]'],
    [
      'a dimension that is no integer',
      { a: f32([1.5], 0, 6) },
      6,
      undefined,
      'tensor "a" has the shape [1.5]',
    ],
    ['a shape that is no list', { a: f32('x', 0, 8) }, 8, undefined, 'tensor "a" has the shape "x"'],
    ['17 dimensions', { a: f32(Array(17).fill(1), 0, 4) }, 4, undefined, 'tensor "a" has the shape [1,1'],
    ['offsets back to front', { a: f32([2], 8, 0) }, 8, undefined, 'tensor "a" has the data_offsets [8,0]'],
    ['negative offsets', { a: f32([2], -8, 0) }, 8, undefined, 'tensor "a" has the data_offsets [-8,0]'],
    [
      'no offsets',
      { a: { dtype: 'F32', shape: [2] } },
      8,
      undefined,
      'tensor "a" has the data_offsets undefined',
    ],
    [
      'overlapping',
      { a: f32([2], 0, 8), b: f32([2], 4, 12) },
      12,
      undefined,
      'tensor "b" overlaps the one before it',
    ],
    [
      'a hole',
      { a: f32([1], 0, 4), b: f32([1], 8, 12) },
      12,
      undefined,
      'a hole of 4 bytes before tensor "b"',
    ],
    ['a hole at the start', { a: f32([1], 4, 8) }, 8, undefined, 'a hole of 4 bytes before tensor "a"'],
    [
      'an unknown type',
      { a: { ...f32([1], 0, 4), dtype: 'F31' } },
      4,
      undefined,
      'the element type "F31"; known are',
    ],
    [
      "an object's method as type",
      { a: { ...f32([1], 0, 4), dtype: 'toString' } },
      4,
      undefined,
      'type "toString"',
    ],
    ['an entry that is null', { a: null }, 0, undefined, 'tensor "a" has the element type undefined'],
    [
      'metadata that are no strings',
      { __metadata__: { a: 1 } },
      0,
      undefined,
      '__metadata__ must map names to strings',
    ],
  ];
  test.each(hostile)('%s', async (_, header, bytes, length, message) => {
    const path = writeRaw(
      at('bad.safetensors'),
      header as Record<string, HeaderEntry>,
      new Uint8Array(bytes),
      length,
    );
    const error = await readSafetensorsHeader(path).then(
      () => null,
      (reason: Error) => reason,
    );
    expect(error?.name).toBe('PolysemeError');
    expect(error?.message).toContain(message);
    expect(error?.message).toContain(path);
    expect(error?.message).not.toContain('\n');
  });

  test('names that are repeated, however they are spelled', async () => {
    const entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
    for (const [first, second] of [
      ['"a"', '"a"'],
      ['"a"', '"\\u0061"'],
      ['"\\"{"', '"\\"{" '],
    ]) {
      const path = writeRaw(at('twice.safetensors'), `{${first}:${entry},"b":${entry}, ${second}:${entry}}`);
      await expect(readSafetensorsHeader(path)).rejects.toThrow(`its header names ${first.trim()} twice`);
    }
    const path = writeRaw(
      at('once.safetensors'),
      `{"dtype":${entry},"shape":${entry},"__proto__":${entry}}  `,
    );
    expect([...(await readSafetensorsHeader(path)).tensors.keys()]).toEqual(['dtype', 'shape', '__proto__']);
  });

  test('no file, a folder, an empty file, bytes that are no text', async () => {
    await expect(readSafetensorsHeader(at('none'))).rejects.toThrow(
      `cannot read ${at('none')}: no such file`,
    );
    await expect(readSafetensorsHeader(work)).rejects.toThrow('it is a folder, not a file');
    writeFileSync(at('empty'), '');
    await expect(readSafetensorsHeader(at('empty'))).rejects.toThrow('0 bytes are less than its header');
    writeFileSync(at('bytes'), Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff]));
    await expect(readSafetensorsHeader(at('bytes'))).rejects.toThrow('its header is not UTF-8');
  });
});

describe('readTensor', () => {
  test('F32, F16, BF16 and F64 as float32', async () => {
    const f16 = [
      0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x83ff, 0x0400, 0x7c00, 0xfc00, 0x7e00,
    ];
    const halves = [
      0,
      -0,
      1,
      -2,
      0.333251953125,
      65504,
      2 ** -24,
      -1023 * 2 ** -24,
      2 ** -14,
      Infinity,
      -Infinity,
      NaN,
    ];
    await writeSafetensors(at('types.safetensors'), {
      f32: { data: new Float32Array([1.5, -0, 1e-45, NaN]), shape: [2, 2] },
      f16: { data: new Uint16Array(f16), shape: [f16.length], dtype: 'F16' },
      bf16: { data: new Uint16Array([0x3f80, 0xc040, 0x7f80, 0x0001]), shape: [4], dtype: 'BF16' },
      f64: { data: new Float64Array([0.1, -1e300]), shape: [2] },
      i32: { data: new Int32Array([1]), shape: [1] },
    });
    const header = await readSafetensorsHeader(at('types.safetensors'));
    expect(await readTensor(header, 'f32')).toEqual(new Float32Array([1.5, -0, 1e-45, NaN]));
    expect(await readTensor(header, 'f16')).toEqual(new Float32Array(halves));
    expect(await readTensor(header, 'bf16')).toEqual(new Float32Array([1, -3, Infinity, 2 ** -133]));
    expect(await readTensor(header, 'f64')).toEqual(new Float32Array([0.1, -Infinity]));
    await expect(readTensor(header, 'i32')).rejects.toThrow(
      'tensor "i32" is I32; F32, F16, BF16 or F64 is needed',
    );
    await expect(readTensor(header, 'none')).rejects.toThrow('has no tensor "none"');
  });

  test('every half against its definition', async () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    await writeSafetensors(at('halves.safetensors'), { a: { data: bits, shape: [65536], dtype: 'F16' } });
    const values = await readTensor(await readSafetensorsHeader(at('halves.safetensors')), 'a');
    for (let i = 0; i < 65536; i++) {
      const [sign, exponent, fraction] = [i >> 15, (i >> 10) & 31, i & 1023];
      const size = exponent === 0 ? fraction / 1024 / 2 ** 14 : (1 + fraction / 1024) * 2 ** (exponent - 15);
      const expected = exponent < 31 ? size : fraction === 0 ? Infinity : NaN;
      if (!Object.is(values[i], sign ? -expected : expected))
        throw new Error(`${i}: ${values[i]}, not ${expected}`);
    }
  });
});

describe('checkFinite', () => {
  test('passes the bundled model', async () => {
    const header = await readSafetensorsHeader(FOLIO);
    await checkFinite(header, header.tensors.keys());
  });

  /** Longer than two of its buffers, and of no round length. */
  const COUNT = 2 * (1 << 20) + 12_345;
  const kinds = [
    {
      dtype: 'F32',
      make: () => new Uint32Array(COUNT).fill(0xff7fffff),
      bad: [0x7f800000, 0xff800000, 0x7f800001],
    },
    { dtype: 'F16', make: () => new Uint16Array(2 * COUNT).fill(0xfbff), bad: [0x7c00, 0xfc00, 0x7e00] },
    { dtype: 'BF16', make: () => new Uint16Array(2 * COUNT).fill(0xff7f), bad: [0x7f80, 0xff80, 0x7fc0] },
  ] as const;
  test.each(kinds)(
    '$dtype: names the first value that is not finite, wherever it is',
    async ({ dtype, make, bad }) => {
      const data = make();
      const path = at(`${dtype}.safetensors`);
      const first = new Float32Array([3.4e38]);
      const entries = {
        first: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
        odd: { dtype: 'U8', shape: [1], data_offsets: [4, 5] },
        a: { dtype, shape: [data.length], data_offsets: [5, 5 + data.byteLength] },
      };
      const write = () =>
        writeRaw(path, entries, Buffer.concat([bytesOf(first), new Uint8Array(1), bytesOf(data)]));
      write();
      const header = await readSafetensorsHeader(path);
      await checkFinite(header, ['first', 'odd', 'a']);
      const buffer = (1 << 22) / data.BYTES_PER_ELEMENT;
      const places = [
        0,
        1,
        2,
        3,
        777,
        buffer - 1,
        buffer,
        2 * buffer - 1,
        2 * buffer,
        data.length - 2,
        data.length - 1,
      ];
      const good = data[0];
      for (const [i, place] of places.entries()) {
        data[place] = bad[i % bad.length];
        data[data.length - 1] = bad[0];
        write();
        await expect(checkFinite(header, ['first', 'a'])).rejects.toThrow(
          `${path}: tensor "a" is not finite (NaN or infinity) at index ${place} of shape [${data.length}]`,
        );
        data[place] = good;
        data[data.length - 1] = good;
      }
    },
  );

  test('F64, 8-bit floats and a file that was cut meanwhile', async () => {
    const data = new Float64Array(100_001).fill(-Number.MAX_VALUE);
    new Uint32Array(data.buffer).fill(0xffffffff, 0, 1);
    await writeSafetensors(at('f64.safetensors'), { a: { data, shape: [100_001] } });
    const header = await readSafetensorsHeader(at('f64.safetensors'));
    await checkFinite(header, ['a']);
    data[100_000] = NaN;
    await writeSafetensors(at('f64.safetensors'), { a: { data, shape: [100_001] } });
    await expect(checkFinite(header, ['a'])).rejects.toThrow('at index 100000 of shape [100001]');
    data[3] = -Infinity;
    await writeSafetensors(at('f64.safetensors'), { a: { data, shape: [100_001] } });
    await expect(checkFinite(header, ['a'])).rejects.toThrow('at index 3 of shape [100001]');
    writeFileSync(at('f64.safetensors'), readFileSync(at('f64.safetensors')).subarray(0, 80));
    data[3] = 0;
    await expect(checkFinite(header, ['a'])).rejects.toThrow('is truncated inside tensor "a"');
    const eight = { a: { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } };
    writeRaw(at('f8.safetensors'), eight, new Uint8Array(1));
    const small = await readSafetensorsHeader(at('f8.safetensors'));
    await expect(checkFinite(small, ['a'])).rejects.toThrow(
      'tensor "a" is F8_E4M3; F32, F16, BF16 or F64 is needed',
    );
  });
});

describe('writeSafetensors', () => {
  test('aligns tensors of every type, from views too', async () => {
    const whole = new Float32Array([9, 1, 2, 3]);
    const path = at('all.safetensors');
    const tensors = {
      bytes: { data: new Uint8Array([1, 2, 3]), shape: [3] },
      big: { data: new BigInt64Array([-5n]), shape: [] },
      'h/ä"': { data: new Uint16Array([0x3c00]), shape: [1], dtype: 'F16' },
      view: { data: whole.subarray(1), shape: [3, 1] },
      double: { data: new Float64Array([0.5]), shape: [1] },
    } as const;
    await writeSafetensors(path, tensors, { format: 'pt' });
    const header = await readSafetensorsHeader(path);
    expect(header.metadata).toEqual({ format: 'pt' });
    const sizes = { bytes: 1, big: 8, 'h/ä"': 2, view: 4, double: 8 };
    const raw = readFileSync(path);
    expect(Number(raw.readBigUInt64LE()) % 8).toBe(0);
    for (const [name, size] of Object.entries(sizes)) {
      const { offset, length, shape } = header.tensors.get(name)!;
      const { data, shape: given } = tensors[name as keyof typeof tensors];
      expect(offset % size, name).toBe(0);
      expect(shape).toEqual(given);
      expect(raw.subarray(offset, offset + length).equals(bytesOf(data)), name).toBe(true);
    }
  });

  test('a wrong tensor, or a folder that is not there, leaves what was', async () => {
    const path = at('kept.safetensors');
    const good = { a: { data: new Float32Array(1), shape: [1] } };
    await writeSafetensors(path, good);
    const before = readFileSync(path);
    const wrong = { a: { data: new Float32Array(3), shape: [2] } };
    await expect(writeSafetensors(path, wrong)).rejects.toThrow(
      'tensor "a" has 3 values, its shape [2] needs 2',
    );
    const type = { a: { data: new Float32Array(1), shape: [1], dtype: 'F16' } } as const;
    await expect(writeSafetensors(path, type)).rejects.toThrow('tensor "a" as F16 from Float32Array');
    expect(readFileSync(path).equals(before)).toBe(true);
    await expect(writeSafetensors(at('none/x.safetensors'), good)).rejects.toThrow(/cannot write .*ENOENT/);
    await expect(writeSafetensors(work, good)).rejects.toThrow(`cannot write ${work}`);
    expect(readdirSync(work).filter((name) => name.endsWith('.incomplete'))).toEqual([]);
  });
});
