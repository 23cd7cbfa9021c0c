import type { FileHandle } from 'node:fs/promises';
import { openToRead } from '../base/read-file.ts';
import { PolysemeError } from '../errors.ts';
import { type TensorRef, type TensorSource, tensorOf } from './safetensors.ts';

/**
 * Reads the named tensors through two small buffers and throws at the first NaN or infinity, naming tensor and
 * flat index. Integer tensors pass; 8-bit floats are refused, as nothing here runs them.
 */
export async function checkFinite(source: TensorSource, names: Iterable<string>): Promise<void> {
  const buffers = [new ArrayBuffer(CHUNK), new ArrayBuffer(CHUNK)] as const;
  for (const name of names) await checkTensor(tensorOf(source, name), name, buffers);
}

/** Bytes read at a time, a multiple of 16: one buffer is read into while the other is checked. */
const CHUNK = 1 << 22;

/**
 * A value is not finite where all its exponent bits are set. Values are tested as 32-bit words (one F32, two F16
 * or BF16, half an F64): `carry` added to the masked exponents sets a bit of OVERFLOW exactly then.
 * Even and odd words differ only for F64, whose exponent lies in the odd ones.
 */
interface Test {
  readonly even: { mask: number; carry: number };
  readonly odd: { mask: number; carry: number };
  readonly elementBytes: 2 | 4 | 8;
}

const OVERFLOW = 0x80008000 | 0;

const TESTS: Partial<Record<TensorRef['dtype'], Test>> = {
  F32: everyWord(0x7f800000, 0x00800000, 4),
  F16: everyWord(0x7c007c00, 0x04000400, 2),
  BF16: everyWord(0x7f807f80, 0x00800080, 2),
  F64: { even: { mask: 0, carry: 0 }, odd: { mask: 0x7ff00000, carry: 0x00100000 }, elementBytes: 8 },
};

function everyWord(mask: number, carry: number, elementBytes: 2 | 4): Test {
  return { even: { mask, carry }, odd: { mask, carry }, elementBytes };
}

async function checkTensor(ref: TensorRef, name: string, buffers: readonly [ArrayBuffer, ArrayBuffer]) {
  const test = TESTS[ref.dtype];
  if (test === undefined) {
    if (!ref.dtype.startsWith('F')) return;
    throw new PolysemeError(
      `${ref.file}: tensor "${name}" is ${ref.dtype}; F32, F16, BF16 or F64 is needed`,
      'unsupported',
    );
  }
  const handle = await openToRead(ref.file);
  let ahead: Promise<number> | undefined;
  try {
    ahead = readChunk(handle, buffers[0], ref, 0);
    for (let done = 0, turn = 0; done < ref.length; done += CHUNK, turn ^= 1) {
      const got = await ahead;
      if (got < Math.min(CHUNK, ref.length - done)) {
        throw new PolysemeError(`${ref.file} is truncated inside tensor "${name}"`, 'damaged');
      }
      ahead = readChunk(handle, buffers[turn ^ 1]!, ref, done + CHUNK);
      const chunk = buffers[turn]!;
      if (anyOverflow(new Uint32Array(chunk, 0, Math.ceil(got / 16) * 4), test)) {
        const index = done / test.elementBytes + firstOverflow(new DataView(chunk, 0, got), test);
        throw new PolysemeError(
          `${ref.file}: tensor "${name}" is not finite (NaN or infinity) at index ${index} of shape [${ref.shape}]`,
          'damaged',
        );
      }
    }
  } finally {
    await ahead?.catch(() => 0);
    await handle.close();
  }
}

/** Reads the chunk at `done`, fills it up with zeros to a multiple of 16 bytes, and gives the bytes read. */
async function readChunk(
  handle: FileHandle,
  buffer: ArrayBuffer,
  ref: TensorRef,
  done: number,
): Promise<number> {
  const wanted = Math.max(0, Math.min(CHUNK, ref.length - done));
  const bytes = new Uint8Array(buffer);
  let got = 0;
  while (got < wanted) {
    const { bytesRead } = await handle.read(bytes, got, wanted - got, ref.offset + done + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  bytes.fill(0, got, Math.ceil(got / 16) * 16);
  return got;
}

/** `words` must be a multiple of 4 long: two a step and one accumulator each runs at memory speed. */
function anyOverflow(words: Uint32Array, { even, odd }: Test): boolean {
  const { mask: m0, carry: c0 } = even;
  const { mask: m1, carry: c1 } = odd;
  let any = 0;
  for (let i = 0; i < words.length; i += 4) {
    any |= ((words[i]! & m0) + c0) | ((words[i + 1]! & m1) + c1);
    any |= ((words[i + 2]! & m0) + c0) | ((words[i + 3]! & m1) + c1);
  }
  return (any & OVERFLOW) !== 0;
}

/** Index of the first value whose exponent bits are all set; called only where there is one. */
function firstOverflow(view: DataView, { odd, elementBytes }: Test): number {
  const exponent = elementBytes === 2 ? odd.mask & 0xffff : odd.mask;
  for (let at = 0; at < view.byteLength; at += elementBytes) {
    const bits =
      elementBytes === 2 ? view.getUint16(at, true) : view.getUint32(at + (elementBytes === 8 ? 4 : 0), true);
    if ((bits & exponent) === exponent) return at / elementBytes;
  }
  throw new Error('no such value');
}
