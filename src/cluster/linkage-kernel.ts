import { wasm } from '../wasm/generated/linkage.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';
import { mergeCount } from './tree.ts';

/** Kernel memory up to this many bytes is kept for the next call; a larger one until the garbage collector takes it. */
const KEPT_BYTES = 64 * 2 ** 20;

/** Where `layOut` has put what is written and read from here. */
type Addresses = Readonly<
  Record<'merges' | 'heights' | 'membersA' | 'membersB' | 'strip', WebAssembly.Global<'i32'>>
>;

interface LinkageExports extends Addresses {
  layOut(count: number, stripValues: number): number;
  rowValues(count: number): number;
  begin(): void;
  fill(first: number, last: number, wide: boolean): number;
  run(method: number): void;
  label(): void;
}

/** The kernel of kernels/linkage.ts, laid out for `count` points, with a matrix of their distances or without. */
export function linkageKernel(
  count: number,
  { stripValues, matrix }: { stripValues: number; matrix: boolean },
): Kernel<LinkageExports> {
  kept ??= instantiate<LinkageExports>(wasm);
  let kernel = kept;
  const start = kernel.exports.layOut(count, stripValues) >>> 0;
  const bytes = start + (matrix ? 8 * count * kernel.exports.rowValues(count) : 0);
  if (bytes > KEPT_BYTES) {
    kernel = large?.deref() ?? instantiate<LinkageExports>(wasm);
    large = new WeakRef(kernel);
    kernel.exports.layOut(count, stripValues);
  }
  reserve(kernel.memory, bytes);
  return kernel;
}

let kept: Kernel<LinkageExports> | undefined;
let large: WeakRef<Kernel<LinkageExports>> | undefined;

/** The rows of the tree that `label` has written. */
export function treeRows({ exports, memory }: Kernel<LinkageExports>, count: number): Float64Array {
  return new Float64Array(memory.buffer, exports.merges.value, 4 * mergeCount(count)).slice();
}
