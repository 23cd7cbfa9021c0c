import { useSyncExternalStore } from 'react';

/** Where the pointer is over the charts of trainings: a place on their common x axis, and the chart it is in. */
export interface Crosshair {
  readonly x: number;
  readonly figure: string;
}

// A store of its own, so that moving the pointer draws crosshairs and nothing else.

let crosshair: Crosshair | null = null;
const listeners = new Set<() => void>();

export function setCrosshair(to: Crosshair | null): void {
  if (to?.x === crosshair?.x && to?.figure === crosshair?.figure) return;
  crosshair = to;
  for (const listener of listeners) listener();
}

export function useCrosshair(): Crosshair | null {
  return useSyncExternalStore(subscribe, () => crosshair);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
