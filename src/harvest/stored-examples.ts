import { capturedAt } from './captures.ts';
import type { HarvestedBank } from './collector.ts';
import { rankedSlots } from './selection.ts';

/** A unit's n examples, best first, as a study stores them. */
export interface StoredExamples {
  readonly count: number;
  /** h of each example, n × d in half precision, one scale a row. */
  readonly halves: Uint16Array;
  readonly scales: Float32Array;
  /** Activations over the example's context, n × longest context, in half precision. */
  readonly windows: Uint16Array;
  readonly windowScales: Float32Array;
  readonly context: Uint32Array;
  readonly position: Uint32Array;
  readonly activation: Float32Array;
}

/** Gathers what was collected of one unit's examples. */
export function storedExamples({ captured, chosen }: HarvestedBank, unit: number): StoredExamples {
  const slots = rankedSlots(chosen, unit);
  const count = slots.length;
  const { width } = captured.inputs;
  const { width: length } = captured.windows;
  const halves = new Uint16Array(count * width);
  const scales = new Float32Array(count);
  const windows = new Uint16Array(count * length);
  const windowScales = new Float32Array(count);
  slots.forEach((slot, i) => {
    const { input, window } = capturedAt(captured, slot);
    halves.set(input.halves, i * width);
    scales[i] = input.scale;
    windows.set(window.halves, i * length);
    windowScales[i] = window.scale;
  });
  return {
    count,
    halves,
    scales,
    windows,
    windowScales,
    context: slots.map((slot) => chosen.context[slot]!),
    position: slots.map((slot) => chosen.position[slot]!),
    activation: Float32Array.from(slots, (slot) => captured.activations[slot]!),
  };
}
