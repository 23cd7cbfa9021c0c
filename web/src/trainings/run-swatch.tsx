import type { Stroke } from './run-strokes.ts';

/** A short stroke as the curves have it. */
export function RunSwatch({ stroke: { colour, dash } }: { stroke: Stroke }) {
  return (
    <svg className="run-swatch" viewBox="0 0 18 8" aria-hidden="true">
      <line x1="0" x2="18" y1="4" y2="4" stroke={colour} strokeWidth="3" strokeDasharray={dash} />
    </svg>
  );
}
