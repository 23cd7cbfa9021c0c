import { useRef } from 'react';
import { counted } from '../ui/metric-info.ts';

/** The threshold as a line to drag, a slider by keyboard. */
export function ThresholdLine({
  value,
  top,
  y,
  left,
  right,
  features,
  onChange,
  toValue,
}: {
  value: number;
  top: number;
  y: (distance: number) => number;
  /** Where the line begins and ends. */
  left: number;
  right: number;
  features: number;
  onChange: (threshold: number, done: boolean) => void;
  toValue: (clientY: number) => number;
}) {
  const round = (to: number) => Math.round(Math.min(Math.min(2, top), Math.max(0, to)) * 1000) / 1000;
  const dragging = useRef(false);
  const keys: Record<string, number> = {
    ArrowUp: value + 0.01,
    ArrowRight: value + 0.01,
    ArrowDown: value - 0.01,
    ArrowLeft: value - 0.01,
    PageUp: value + 0.1,
    PageDown: value - 0.1,
    Home: 0,
    End: top,
  };
  return (
    <g
      role="slider"
      tabIndex={0}
      className="threshold"
      aria-label="Threshold"
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={Math.round(Math.min(2, top) * 1000) / 1000}
      aria-valuenow={value}
      aria-valuetext={`${value.toFixed(3)}: ${counted(features, 'feature')}`}
      transform={`translate(0, ${y(value)})`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        dragging.current = true;
      }}
      onPointerMove={(event) => {
        if (dragging.current) onChange(round(toValue(event.clientY)), false);
      }}
      onPointerUp={(event) => {
        dragging.current = false;
        onChange(round(toValue(event.clientY)), true);
      }}
      onPointerCancel={() => {
        dragging.current = false;
        onChange(value, true);
      }}
      onClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        const to = keys[event.key];
        if (to === undefined) return;
        event.preventDefault();
        onChange(round(to), true);
      }}
    >
      <rect x={left} y={-12} width={right - left} height={24} fill="transparent" />
      <line x1={left} x2={right} stroke="var(--ink)" strokeWidth="1.25" strokeDasharray="4 3" />
      <g transform={`translate(${right + 4}, -10)`}>
        <rect width="50" height="20" rx="10" fill="var(--ink)" />
        <text x="25" y="14" textAnchor="middle" fill="var(--paper)" className="grip">
          {value.toFixed(3)}
        </text>
      </g>
    </g>
  );
}
