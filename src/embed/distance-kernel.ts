import { wasm } from '../wasm/generated/distance.ts';
import { instantiate, type Kernel } from '../wasm/instance.ts';

/** The kernel's rows go in groups of three. */
export const GROUP = 3;
/** Scratch that `block` needs: the sums of a tile. */
export const SUMS_BYTES = 96;

interface DistanceExports {
  pack(
    rows: number,
    count: number,
    width: number,
    out: number,
    norms: number,
    hashes: number,
    weights: number,
    centre: number,
  ): number;
  block(
    a: number,
    groupsA: number,
    b: number,
    groupsB: number,
    steps: number,
    out: number,
    stride: number,
    sums: number,
    upper: boolean,
  ): void;
}

let loaded: Kernel<DistanceExports> | undefined;

/** The kernel of kernels/distance.ts. Its memory is shared: whoever calls it lays the memory out anew. */
export function kernel(): Kernel<DistanceExports> {
  loaded ??= instantiate<DistanceExports>(wasm);
  return loaded;
}
