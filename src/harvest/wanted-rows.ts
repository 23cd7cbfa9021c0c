import type { WantedRows } from './row-collector.ts';
import { type Chosen, rankedSlots } from './selection.ts';

/** The examples of a bank's units that lie in `count` contexts from `first` on, by context. */
export function wantedRows(chosen: Chosen, units: number, first: number, count: number): WantedRows {
  const slots: number[] = [];
  for (let unit = 0; unit < units; unit++) {
    for (const slot of rankedSlots(chosen, unit)) {
      const context = chosen.context[slot]!;
      if (context >= first && context < first + count) slots.push(slot);
    }
  }
  slots.sort((a, b) => chosen.context[a]! - chosen.context[b]! || a - b);
  return {
    slot: Uint32Array.from(slots),
    unit: Uint32Array.from(slots, (slot) => Math.floor(slot / chosen.capacity)),
    context: Uint32Array.from(slots, (slot) => chosen.context[slot]!),
    position: Uint32Array.from(slots, (slot) => chosen.position[slot]!),
  };
}
