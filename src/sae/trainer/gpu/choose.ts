import type { Compute, Run } from './compute.ts';
import { encode, TILE } from './encode.ts';
import { type GpuState, paddedTokens } from './gpu-state.ts';
import { select } from './select.ts';

/** Floats of the pre-activations that are on the GPU at a time: 32 MiB. */
const PRE_FLOATS = 2 ** 23;

/** Pairs that are to be chosen: so many a token, and the kernels' numbers for them. */
interface Wanted {
  readonly k: number;
  readonly entries: GPUBuffer;
  readonly numbers: GPUBuffer;
}

/** Pre-activations, a part of the tokens at a time, and the entries that are chosen of them; of none where k is 0. */
export function choose(
  compute: Compute,
  state: GpuState,
  { tokens, latents, stride }: { readonly tokens: number; readonly latents: number; readonly stride: number },
  kinds: readonly Wanted[],
): Run[] {
  const { numbers } = kinds[0]!;
  const part = Math.min(paddedTokens(tokens), Math.max(TILE, Math.floor(PRE_FLOATS / latents / TILE) * TILE));
  const pre = compute.buffer('pre-activations', part * latents * 4);
  const mask = compute.buffer('mask', latents * 4);
  const runs: Run[] = [];
  for (let first = 0; first < tokens; first += part) {
    const rows = Math.min(part, tokens - first);
    const h = { buffer: compute.buffer('h', 0), offset: first * stride * 4 };
    runs.push({
      kernel: encode,
      bindings: [numbers, h, state.array('encoder'), state.array('bEnc'), pre],
      grid: [Math.ceil(latents / TILE), Math.ceil(rows / TILE)],
    });
    for (const { k, entries, numbers: own } of kinds) {
      if (k === 0) continue;
      const chosen = { buffer: entries, offset: first * k * 8 };
      runs.push({ kernel: select, bindings: [own, pre, mask, chosen], grid: [rows, 1] });
    }
  }
  return runs;
}
