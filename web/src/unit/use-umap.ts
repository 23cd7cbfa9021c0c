import { useEffect, useState } from 'react';
import type { UnitMap } from '../source/answers.ts';

export interface Places {
  readonly x: number[] | Float32Array;
  readonly y: number[] | Float32Array;
}

/** Results by unit: the same vectors and seed give the same places. */
const known = new Map<string, Places>();

/** Lays vectors out by UMAP in a worker; null until it is done. */
export function useUmap(map: UnitMap | undefined, key: string): Places | null {
  const [, redraw] = useState(0);
  useEffect(() => {
    if (map?.vectors === undefined || known.has(key)) return;
    const worker = new Worker(new URL('./umap.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<Places>) => {
      known.set(key, data);
      redraw((n) => n + 1);
      worker.terminate();
    };
    worker.postMessage({ vectors: map.vectors, count: map.x.length });
    return () => worker.terminate();
  }, [map, key]);
  return map === undefined ? null : (known.get(key) ?? null);
}
