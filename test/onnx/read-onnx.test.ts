import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { describe, expect, it, test } from 'vitest';
import { readOnnx } from '../../src/onnx/read-onnx.ts';
import { expectOneLine, temporaryFolder } from '../helpers/expect.ts';
import { bytesOf, numbers, writeOnnx } from '../helpers/onnx-files.ts';

/** A message of these fields: a number is a varint, text and bytes are length-delimited. */
function message(...fields: [number: number, value: number | string | Uint8Array][]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of fields) {
    if (typeof value === 'number') writer.tag(number, 0).int64(value);
    else if (typeof value === 'string') writer.tag(number, 2).string(value);
    else writer.tag(number, 2).bytes(value);
  }
  return writer.finish();
}

const opset = (version: number) => message([1, ''], [2, version]);
const value = (name: string) => message([1, name], [2, message([1, message([1, 1])])]);
const node = (op: string, inputs: string[], outputs: string[]) =>
  message(
    ...inputs.map((name): [number, string] => [1, name]),
    ...outputs.map((name): [number, string] => [2, name]),
    [3, `/${op}`],
    [4, op],
  );
const model = (...graph: [number, number | string | Uint8Array][]) =>
  message([1, 8], [8, opset(17)], [7, message([11, value('x')], ...graph)]);

function written(bytes: Uint8Array): string {
  const path = join(temporaryFolder(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

/** A tensor of shape [2, 3] with these other fields. */
const tensor = (...fields: [number, number | string | Uint8Array][]) =>
  model([5, message([1, 2], [1, 3], [2, 1], [8, 'W'], ...fields)]);

function outside(entries: Record<string, string>): Uint8Array {
  const parts = Object.entries(entries).map(([key, text]): [number, Uint8Array] => [
    13,
    message([1, key], [2, text]),
  ]);
  return tensor(...parts, [14, 1]);
}

describe('an ONNX file', () => {
  it('is read without its weights, which are found where they lie', () => {
    const path = writeOnnx(temporaryFolder(), 'relu');
    const { opsets, nodes, tensors, inputs, outputs } = readOnnx(path);
    expect([...opsets]).toEqual([
      ['', 13],
      ['com.microsoft', 1],
    ]);
    expect(nodes.map(({ op }) => op)).toEqual([
      'Gather',
      'MatMul',
      'Add',
      'Relu',
      'MatMul',
      'Add',
      'Add',
      'MatMul',
    ]);
    expect(inputs).toEqual([{ name: 'ids', type: 7, shape: ['batch', 'sequence'] }]);
    expect(outputs.map(({ name }) => name)).toEqual(['logits']);
    const { shape, ref } = tensors.get('W')!;
    expect(shape).toEqual([4, 6]);
    const bytes = bytesOf('relu.onnx').subarray(ref!.offset, ref!.offset + ref!.length);
    expect(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))).toEqual(
      numbers(1, 4, 6),
    );
  });

  it('may have its weights in a folder beside it, reached by a link or not', () => {
    const folder = temporaryFolder();
    const path = writeOnnx(folder, 'external');
    expect(readOnnx(path).tensors.get('W')!.ref!.file).toMatch(/weights\/external\.bin$/);
    mkdirSync(join(folder, 'snapshot'));
    symlinkSync(path, join(folder, 'snapshot/model.onnx'));
    symlinkSync(join(folder, 'weights'), join(folder, 'snapshot/weights'));
    expect(readOnnx(join(folder, 'snapshot/model.onnx')).tensors.get('W')!.ref!.file).toMatch(
      /external\.bin$/,
    );
  });

  it('cut off anywhere is one line, or lacks what was cut off', async () => {
    const whole = bytesOf('relu.onnx');
    for (let length = 0; length < whole.length; length += 7) {
      const path = written(whole.subarray(0, length));
      await expectOneLine(() => readOnnx(path), /no ONNX file, or is damaged|holds no numbers|needs/);
    }
  });

  it('with any byte changed is read, or is one line', () => {
    const whole = bytesOf('relu.onnx');
    const path = written(whole);
    let refused = 0;
    for (let at = 0; at < whole.length; at += 3) {
      const changed = Uint8Array.from(whole);
      changed[at]! ^= 0xff;
      writeFileSync(path, changed);
      try {
        readOnnx(path);
      } catch (error) {
        refused++;
        expect((error as Error).name, `byte ${at}`).toBe('PolysemeError');
        expect((error as Error).message).not.toMatch(/\n/);
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /it has no graph/],
    ['text', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'), /damaged/],
    ['a varint that never ends', new Uint8Array(64).fill(0xff), /no field can be read at byte 0 of 64/],
    [
      'a length beyond the file',
      Uint8Array.from([...message([1, 8], [8, opset(17)]), 0x3a, 0xff, 0xff, 0xff, 0xff, 0x07]),
      /claims 2147483647 bytes where 0 are left/,
    ],
    ['groups', message([1, 8]).with(0, 0x0b), /no field can be read/],
    ['two graphs', message([8, opset(17)], [7, message()], [7, message()]), /two graphs/],
    ['no operator set', message([7, message()]), /names no operator set/],
    ['an old operator set', message([8, opset(9)], [7, message()]), /operator set 9; 11 and newer/],
    ['functions', message([8, opset(17)], [7, message()], [25, message()]), /functions of its own.*inline/],
    [
      'a circle',
      model([1, node('Relu', ['b'], ['a'])], [1, node('Relu', ['a'], ['b'])]),
      /\(Relu\) reads "b", which nothing before/,
    ],
    ['a name nobody gives', model([1, node('Relu', ['w'], ['a'])]), /reads "w"/],
    ['an output nobody gives', model([12, value('y')]), /nothing computes its output "y"/],
    [
      'a value given twice',
      model([1, node('Relu', ['x'], ['a'])], [1, node('Abs', ['x'], ['a'])]),
      /"a" is computed twice/,
    ],
    ['a name that is not UTF-8', model([5, message([8, Uint8Array.of(0xff)])]), /not UTF-8/],
    ['sparse weights', model([15, message()]), /sparse weights/],
    [
      'fewer numbers than the shape',
      tensor([9, new Uint8Array(20)]),
      /"W" has 20 bytes, its shape \[2,3\] of F32 needs 24/,
    ],
    ['fewer floats than the shape', tensor([4, new Uint8Array(8)]), /"W" has 8 bytes/],
    ['no numbers', tensor(), /"W" of shape \[2,3\] holds no numbers/],
    [
      'a shape of 2^62 numbers',
      model([5, message([1, 2 ** 31], [1, 2 ** 31], [2, 1], [8, 'W'], [9, new Uint8Array(4)])]),
      /"W" has 4 bytes/,
    ],
    [
      'a negative size',
      model([5, message([1, -1], [2, 1], [8, 'W'], [9, new Uint8Array(4)])]),
      /shape \[-1\]/,
    ],
    ['seventeen dimensions', model([5, message(...Array(17).fill([1, 1]), [2, 1], [8, 'W'])]), /at most 16/],
    [
      'weights above the folder',
      outside({ location: '../secret.bin' }),
      /lies in "\.\.\/secret\.bin", which is no file inside/,
    ],
    ['weights at a path', outside({ location: '/etc/passwd' }), /no file inside the folder/],
    ['weights on a drive', outside({ location: 'C:\\weights.bin' }), /no file inside the folder/],
    ['weights nowhere', outside({}), /no file inside the folder/],
    ['weights that are not there', outside({ location: 'absent.bin' }), /absent\.bin, which is not beside/],
    [
      'weights in the file itself, too long',
      outside({ location: 'model.onnx', offset: '1000' }),
      /truncated/,
    ],
    [
      'a length that lies',
      outside({ location: 'model.onnx', length: '2147483648' }),
      /has 2147483648 bytes in model\.onnx/,
    ],
    ['an offset that is none', outside({ location: 'model.onnx', offset: '-8' }), /truncated/],
  ])('%s', async (_, bytes, pattern) => {
    const path = written(bytes);
    await expectOneLine(() => readOnnx(path), pattern);
  });

  it('of graphs in graphs in graphs ends', async () => {
    let graph = message([1, node('Relu', ['x'], ['y'])]);
    for (let depth = 0; depth < 40; depth++) {
      const attribute = message([1, 'then_branch'], [6, graph]);
      graph = message([1, message([4, 'If'], [2, `y${depth}`], [5, attribute])]);
    }
    const path = written(message([8, opset(17)], [7, graph]));
    await expectOneLine(() => readOnnx(path), /more than 16 graphs inside each other/);
  });

  it('of gigabytes is not held', () => {
    const path = join(temporaryFolder(), 'model.onnx');
    const size = 2 ** 31 - 2 ** 20;
    const head = new BinaryWriter();
    head
      .tag(1, 0)
      .int64(size / 4)
      .tag(2, 0)
      .int64(1)
      .tag(8, 2)
      .string('W')
      .tag(9, 2)
      .uint32(size);
    const body = head.finish();
    const graph = new BinaryWriter();
    graph.tag(5, 2).uint32(body.length + size);
    const start = graph.finish();
    const front = new BinaryWriter();
    front
      .raw(message([8, opset(17)]))
      .tag(7, 2)
      .uint32(start.length + body.length + size)
      .raw(start)
      .raw(body);
    const bytes = front.finish();
    writeFileSync(path, bytes);
    truncateSync(path, bytes.length + size);
    const before = process.memoryUsage().arrayBuffers;
    const { ref } = readOnnx(path).tensors.get('W')!;
    expect(ref).toMatchObject({ offset: bytes.length, length: size });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
  });

  it('that is no file is one line', async () => {
    const folder = temporaryFolder();
    await expectOneLine(() => readOnnx(join(folder, 'absent.onnx')), /no such file/);
    mkdirSync(join(folder, 'model.onnx'));
    await expectOneLine(() => readOnnx(join(folder, 'model.onnx')), /is not a file|cannot be read/);
  });
});
