// A set-up file of Vitest: typed arrays with the same bytes are equal. Vitest looks at every number of both, 2 µs each.
import { expect } from 'vitest';

const DONE = Symbol.for('polyseme: equal bytes');

/** Whether it is known that they are equal; what else they are, Vitest finds. */
export function equalBytes(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
  return bytesOf(a).equals(bytesOf(b)) ? true : undefined;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

// Once in a process, which files of tests may share.
if (!(DONE in globalThis)) {
  Object.assign(globalThis, { [DONE]: true });
  expect.addEqualityTesters([equalBytes]);
}
