/** A compiled kernel with the memory that it works in. */
export interface Kernel<Exports> {
  readonly exports: Exports;
  readonly memory: WebAssembly.Memory;
}

/**
 * Instantiates a kernel from its base64 text, synchronously, in Node and in browsers.
 * The kernels use the stub runtime and no static data beyond the first page: callers lay out the memory.
 */
export function instantiate<Exports>(
  base64: string,
  memory = new WebAssembly.Memory({ initial: 1 }),
): Kernel<Exports> {
  const module = new WebAssembly.Module(decode(base64));
  const instance = new WebAssembly.Instance(module, { env: { memory, abort: fail } });
  return { exports: instance.exports as Exports, memory };
}

/** Grows `memory` so that it holds at least `bytes`; earlier views of a grown memory are detached. */
export function reserve(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function fail(): never {
  throw new Error('a WebAssembly kernel stopped');
}
