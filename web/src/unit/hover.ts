import { useSyncExternalStore } from 'react';

// The example under the pointer, shared by list, tree, map and matrix. A store of its own, so that moving the pointer
// draws a marker anew and nothing else.

let hovered = -1;
const listeners = new Set<() => void>();

export function setHovered(example: number): void {
  if (example === hovered) return;
  hovered = example;
  for (const listener of listeners) listener();
}

/** Id of the example under the pointer, −1 for none. */
export function useHovered(): number {
  return useSyncExternalStore(subscribeHovered, getHovered);
}

export function getHovered(): number {
  return hovered;
}

export function subscribeHovered(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
