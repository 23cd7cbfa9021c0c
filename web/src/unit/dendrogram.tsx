import { memo, useMemo, useRef, useState } from 'react';
import type { Tree } from '../../../src/cluster/tree.ts';
import { exampleColours, exampleMarks, featureMark, MARK_DASHES } from '../ui/feature-colours.ts';
import { counted } from '../ui/metric-info.ts';
import { useWidth } from '../ui/width.ts';
import { setHovered, useHovered } from './hover.ts';
import { ThresholdLine } from './threshold-line.tsx';
import { treeLayout } from './tree-layout.ts';
import type { UnitCut } from './unit-cut.ts';

/** Height in a column, and of a tree that lies flat over the whole page. */
const HEIGHT = 204;
const FLAT = 150;
/** Width from which on it lies flat. */
const WIDE = 560;
const MARGIN = { top: 22, right: 56, bottom: 26, left: 34 };
const STRIP = 9;

/**
 * The tree of a unit's examples: merges by distance, coloured by feature, with the threshold as a line to drag
 * (or a slider, by keyboard). `onThreshold` gets `done` when the reader lets go.
 */
export function Dendrogram({
  unitCut,
  threshold,
  selected,
  onThreshold,
  onExample,
}: {
  unitCut: UnitCut;
  threshold: number;
  selected: number | undefined;
  onThreshold: (threshold: number, done: boolean) => void;
  onExample: (example: number) => void;
}) {
  const { tree, order, cut } = unitCut;
  const [host, setHost] = useState<HTMLDivElement | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const width = useWidth(host);
  const frame = useMemo(() => frameOf(tree, width), [tree, width]);
  const { height, base, top, step, x, y } = frame;
  const leafAt = (clientX: number): number => {
    const at = Math.floor((clientX - svg.current!.getBoundingClientRect().left - MARGIN.left) / step);
    return order[Math.min(order.length - 1, Math.max(0, at))] ?? -1;
  };
  return (
    <div ref={setHost} className="dendrogram">
      {width === 0 ? null : (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the same examples, with controls of their own
        // biome-ignore lint/a11y/useSemanticElements: a drawing
        <svg
          ref={svg}
          width={width}
          height={height}
          role="group"
          aria-label={`Dendrogram of ${counted(tree.count, 'example')}`}
          onPointerMove={(event) => setHovered(leafAt(event.clientX))}
          onPointerLeave={() => setHovered(-1)}
          onClick={(event) => onExample(leafAt(event.clientX))}
        >
          <TreeDrawing unitCut={unitCut} frame={frame} selected={selected} />
          <Marker x={x} step={step} base={base} />
          {tree.count < 2 ? null : (
            <ThresholdLine
              value={threshold}
              top={top}
              y={y}
              left={MARGIN.left}
              right={width - MARGIN.right}
              features={cut.features.length}
              onChange={onThreshold}
              toValue={(clientY) => {
                const at = clientY - svg.current!.getBoundingClientRect().top;
                return ((base - at) / (base - MARGIN.top)) * top;
              }}
            />
          )}
        </svg>
      )}
    </div>
  );
}

/** Where things lie in a tree of some width. */
interface Frame {
  readonly width: number;
  readonly height: number;
  /** Where the leaves stand. */
  readonly base: number;
  /** Distance at the upper edge. */
  readonly top: number;
  /** Width of a leaf. */
  readonly step: number;
  /** Place of a node. */
  x(node: number): number;
  /** Place of a distance. */
  y(distance: number): number;
}

function frameOf(tree: Tree, width: number): Frame {
  const inner = Math.max(1, width - MARGIN.left - MARGIN.right);
  const height = width > WIDE ? FLAT : HEIGHT;
  const base = height - MARGIN.bottom;
  const top = Math.max(0.7, tree.merges.at(-2) ?? 0) * 1.06;
  const places = treeLayout(tree);
  return {
    width,
    height,
    base,
    top,
    step: inner / Math.max(1, tree.count),
    x: (node) => MARGIN.left + places[node]! * inner,
    y: (distance) => base - (Math.min(distance, top) / top) * (base - MARGIN.top),
  };
}

/** All but the line: the axis, the branches and the leaves. */
const TreeDrawing = memo(function TreeDrawing({
  unitCut,
  frame: { width, height, base, top, step, x, y },
  selected,
}: {
  unitCut: UnitCut;
  frame: Frame;
  selected: number | undefined;
}) {
  const { tree, order, cut } = unitCut;
  const colours = exampleColours(cut.features);
  const marks = exampleMarks(cut.features);
  return (
    <>
      {axisTicks(top).map((tick) => (
        <g key={tick} transform={`translate(0, ${y(tick)})`}>
          <line x1={MARGIN.left} x2={width - MARGIN.right} stroke="var(--line)" />
          <text x={MARGIN.left - 7} dy="0.32em" textAnchor="end" className="tick">
            {tick.toFixed(1)}
          </text>
        </g>
      ))}
      <text x={MARGIN.left - 26} y={10} className="tick">
        ↑ distance at which examples join
      </text>
      {branches(unitCut, x, y).map(({ feature, d }) => (
        <path
          key={feature?.id ?? -1}
          d={d}
          fill="none"
          stroke={feature === null ? 'var(--line-strong)' : (colours[feature.members[0]!] ?? 'var(--f-rest)')}
          strokeWidth={feature === null ? 1 : 1.6}
          strokeDasharray={feature === null ? '' : MARK_DASHES[featureMark(feature)]}
          strokeOpacity={selected !== undefined && feature !== null && feature.id !== selected ? 0.3 : 1}
        />
      ))}
      {Array.from(order, (example, place) => (
        <Leaf
          key={example}
          x={MARGIN.left + place * step}
          base={base}
          step={step}
          colour={colours[example]!}
          dash={MARK_DASHES[marks[example]!]}
          isStray={cut.stray.has(example)}
          isFaded={selected !== undefined && cut.featureOf[example] !== selected}
        />
      ))}
      <text x={MARGIN.left} y={height - 3} className="tick">
        {counted(tree.count, 'example')}, by likeness
        {cut.stray.size === 0 ? '' : `; ${cut.stray.size} stray (hollow)`}
      </text>
    </>
  );
});

/** An example in the strip under the tree: a bar in its feature's colour, broken as its feature's branches are; hollow if stray. */
const Leaf = memo(function Leaf({
  x,
  base,
  step,
  colour,
  dash,
  isStray,
  isFaded,
}: {
  x: number;
  /** Where the tree stands. */
  base: number;
  step: number;
  colour: string;
  dash: string;
  isStray: boolean;
  isFaded: boolean;
}) {
  const gap = step > 3 ? 1 : 0;
  const width = Math.max(0.5, step - gap);
  const opacity = isFaded ? 0.3 : 1;
  if (isStray) {
    const inset = gap / 2 + 0.5;
    return (
      <rect
        x={x + inset}
        y={base + 3.5}
        width={Math.max(0.5, width - 1)}
        height={STRIP - 1}
        fill="var(--raised)"
        stroke={colour}
        opacity={opacity}
      />
    );
  }
  return (
    <line
      x1={x + step / 2}
      x2={x + step / 2}
      y1={base + 3}
      y2={base + 3 + STRIP}
      stroke={colour}
      strokeWidth={width}
      strokeDasharray={dash}
      opacity={opacity}
    />
  );
});

function Marker({ x, step, base }: { x: (node: number) => number; step: number; base: number }) {
  const hovered = useHovered();
  if (hovered < 0 || Number.isNaN(x(hovered))) return null;
  return (
    <g className="no-export" pointerEvents="none">
      <line
        x1={x(hovered)}
        x2={x(hovered)}
        y1={MARGIN.top}
        y2={base}
        stroke="var(--ink)"
        strokeOpacity="0.25"
      />
      <rect
        x={x(hovered) - Math.max(3, step / 2)}
        y={base + 1}
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

/** One path per feature, of the merges that hold inside it, and one of those between features. */
function branches(
  { tree, cut, height: highest, auto }: UnitCut,
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
    const held = (auto || distance <= highest) && featureOf[a] === featureOf[b] && featureOf[a]! >= 0;
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
