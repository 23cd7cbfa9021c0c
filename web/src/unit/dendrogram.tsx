import { useMemo, useRef, useState } from 'react';
import { exampleColours } from '../ui/feature-colours.ts';
import { counted } from '../ui/metric-info.ts';
import { useWidth } from '../ui/width.ts';
import { setHovered, useHovered } from './hover.ts';
import { treeLayout } from './tree-layout.ts';
import type { UnitCut } from './unit-cut.ts';

const HEIGHT = 204;
const MARGIN = { top: 10, right: 10, bottom: 26, left: 34 };
const BASE = HEIGHT - MARGIN.bottom;
const STRIP = 8;

/**
 * The tree of a unit's examples: merges by distance, coloured by feature, with the threshold as a line to drag
 * (or a slider, by keyboard). `onThreshold` gets `done` when the reader lets go.
 */
export function Dendrogram({
  unitCut,
  selected,
  onThreshold,
  onExample,
}: {
  unitCut: UnitCut;
  selected: number | undefined;
  onThreshold: (threshold: number, done: boolean) => void;
  onExample: (example: number) => void;
}) {
  const { tree, order, cut, threshold } = unitCut;
  const [host, setHost] = useState<HTMLDivElement | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const width = useWidth(host);
  const inner = Math.max(1, width - MARGIN.left - MARGIN.right);
  const top = useMemo(() => Math.max(0.7, tree.merges.at(-2) ?? 0) * 1.06, [tree]);
  const y = (distance: number) => BASE - (Math.min(distance, top) / top) * (BASE - MARGIN.top);
  const places = useMemo(() => treeLayout(tree), [tree]);
  const x = (node: number) => MARGIN.left + places[node]! * inner;
  const colours = useMemo(() => exampleColours(cut.features), [cut]);
  const paths = branches(unitCut, x, y);
  const step = inner / Math.max(1, tree.count);

  const leafAt = (clientX: number): number => {
    const at = Math.floor((clientX - svg.current!.getBoundingClientRect().left - MARGIN.left) / step);
    return order[Math.min(order.length - 1, Math.max(0, at))] ?? -1;
  };
  const ticks = axisTicks(top);
  return (
    <div ref={setHost} className="dendrogram">
      {width === 0 ? null : (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the same examples, with controls of their own
        // biome-ignore lint/a11y/useSemanticElements: a drawing
        <svg
          ref={svg}
          width={width}
          height={HEIGHT}
          role="group"
          aria-label={`Dendrogram of ${counted(tree.count, 'example')}`}
          onPointerMove={(event) => setHovered(leafAt(event.clientX))}
          onPointerLeave={() => setHovered(-1)}
          onClick={(event) => onExample(leafAt(event.clientX))}
        >
          {ticks.map((tick) => (
            <g key={tick} transform={`translate(0, ${y(tick)})`}>
              <line x1={MARGIN.left} x2={width - MARGIN.right} stroke="var(--line)" />
              <text x={MARGIN.left - 7} dy="0.32em" textAnchor="end" className="tick">
                {tick.toFixed(1)}
              </text>
            </g>
          ))}
          {paths.map(({ feature, d }) => (
            <path
              key={feature?.id ?? -1}
              d={d}
              fill="none"
              stroke={
                feature === null ? 'var(--line-strong)' : (colours[feature.members[0]!] ?? 'var(--f-rest)')
              }
              strokeWidth={feature === null ? 1 : 1.6}
              strokeOpacity={selected !== undefined && feature !== null && feature.id !== selected ? 0.3 : 1}
            />
          ))}
          {Array.from(order, (example, place) => (
            <rect
              key={example}
              x={MARGIN.left + place * step + (step > 3 ? 0.5 : 0)}
              y={BASE + 3}
              width={Math.max(0.5, step - (step > 3 ? 1 : 0))}
              height={STRIP}
              rx={step > 5 ? 1.5 : 0}
              fill={cut.stray.has(example) ? 'var(--raised)' : colours[example]}
              stroke={cut.stray.has(example) ? colours[example] : undefined}
              strokeWidth={cut.stray.has(example) ? 1 : undefined}
              opacity={selected !== undefined && cut.featureOf[example] !== selected ? 0.3 : 1}
            />
          ))}
          <Marker x={x} step={step} />
          {tree.count < 2 ? null : (
            <Threshold
              value={threshold}
              top={top}
              y={y}
              width={width}
              features={cut.features.length}
              onChange={onThreshold}
              toValue={(clientY) => {
                const at = clientY - svg.current!.getBoundingClientRect().top;
                return ((BASE - at) / (BASE - MARGIN.top)) * top;
              }}
            />
          )}
          <text x={MARGIN.left} y={HEIGHT - 3} className="tick">
            {counted(tree.count, 'example')}, by likeness
            {cut.stray.size === 0 ? '' : `; ${cut.stray.size} stray (hollow)`}
          </text>
        </svg>
      )}
    </div>
  );
}

function Marker({ x, step }: { x: (node: number) => number; step: number }) {
  const hovered = useHovered();
  if (hovered < 0 || Number.isNaN(x(hovered))) return null;
  return (
    <g className="no-export" pointerEvents="none">
      <line
        x1={x(hovered)}
        x2={x(hovered)}
        y1={MARGIN.top}
        y2={BASE}
        stroke="var(--ink)"
        strokeOpacity="0.25"
      />
      <rect
        x={x(hovered) - Math.max(3, step / 2)}
        y={BASE + 1}
        width={Math.max(6, step)}
        height={STRIP + 4}
        rx="2"
        fill="none"
        stroke="var(--ink)"
        strokeWidth="1.5"
      />
    </g>
  );
}

function Threshold({
  value,
  top,
  y,
  width,
  features,
  onChange,
  toValue,
}: {
  value: number;
  top: number;
  y: (distance: number) => number;
  width: number;
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
      <rect
        x={MARGIN.left}
        y={-12}
        width={width - MARGIN.left - MARGIN.right}
        height={24}
        fill="transparent"
      />
      <line
        x1={MARGIN.left}
        x2={width - MARGIN.right}
        stroke="var(--ink)"
        strokeWidth="1.25"
        strokeDasharray="4 3"
      />
      <g transform={`translate(${width - MARGIN.right - 50}, -10)`}>
        <rect width="50" height="20" rx="10" fill="var(--ink)" />
        <text x="25" y="14" textAnchor="middle" fill="var(--paper)" className="grip">
          {value.toFixed(3)}
        </text>
      </g>
    </g>
  );
}

/** One path per feature, of the merges that hold inside it, and one of those between features. */
function branches(
  { tree, cut, threshold, auto }: UnitCut,
  x: (node: number) => number,
  y: (distance: number) => number,
) {
  const { count, merges } = tree;
  /** The feature that each node is part of; −1 where it joins several. */
  const featureOf = new Int32Array(count + Math.max(0, count - 1)).fill(-1);
  featureOf.set(cut.featureOf);
  const parts = new Map<number, string[]>();
  const height = (node: number) => (node < count ? 0 : merges[4 * (node - count) + 2]!);
  for (let row = 0; row < count - 1; row++) {
    const [a, b] = [merges[4 * row]!, merges[4 * row + 1]!];
    const distance = merges[4 * row + 2]!;
    const held = (auto || distance <= threshold) && featureOf[a] === featureOf[b] && featureOf[a]! >= 0;
    const key = held ? featureOf[a]! : -1;
    featureOf[count + row] = key;
    let path = parts.get(key);
    if (path === undefined) {
      path = [];
      parts.set(key, path);
    }
    const [xa, xb, at] = [x(a), x(b), y(distance)].map((value) => value.toFixed(1));
    path.push(`M${xa} ${y(height(a)).toFixed(1)}V${at}H${xb}V${y(height(b)).toFixed(1)}`);
  }
  return Array.from(parts, ([key, path]) => ({ feature: cut.features[key] ?? null, d: path.join('') })).sort(
    (a, b) => Number(a.feature !== null) - Number(b.feature !== null),
  );
}

function axisTicks(top: number): number[] {
  const step = top > 1.2 ? 0.4 : 0.2;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
}
