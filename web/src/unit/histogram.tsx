import { useCallback } from 'react';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import type { Unit } from '../source/answers.ts';
import { featureColour } from '../ui/feature-colours.ts';
import { formatShare } from '../ui/metric-info.ts';
import { Empty } from '../ui/states.tsx';
import { tokenNoun, useImages } from '../ui/use-images.ts';
import type { UnitCut } from './unit-cut.ts';

const HEIGHT = 190;
const BARS = 56;
/** Width of activation that the bars' heights are per. */
const UNIT = 0.1;
const BAND = 17;
const BANDS = 8;

/** The unit's activations over all text tokens, and under them where each large feature's examples lie. */
export function Histogram({
  unit,
  unitCut,
  selected,
}: {
  unit: Unit;
  unitCut: UnitCut;
  selected: number | undefined;
}) {
  const { features } = unitCut.cut;
  const noun = tokenNoun(useImages());
  const shown = features.slice(0, BANDS);
  const bands = shown.length * BAND;
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const bars = wideBars(unit.histogram);
      const tokens = bars.reduce((sum, { count }) => sum + count, 0);
      const domain: [number, number] = [bars[0]!.from, bars.at(-1)!.to];
      const x = { domain, label: 'activation', nice: false, ticks: Math.max(3, width / 90) };
      const common = { width, marginLeft: 46, marginRight: 12, style: PLOT_STYLE };
      const ticks = shown.flatMap((feature) =>
        feature.members.map((id) => ({
          a: unit.leaves.activation[id]!,
          feature: feature.id,
          colour: featureColour(feature, features.length),
        })),
      );
      const row = (id: number) => shown.findIndex((feature) => feature.id === id);
      // Bars differ in width, so their heights are densities: else each octave, where bins double, would jump.
      const density = ({ from, to, count }: Bar) => (count * UNIT) / (to - from);
      const [least, most] = [Math.min(...bars.map(density)) / 2, Math.max(...bars.map(density)) * 1.3];
      const top = plot.plot({
        ...common,
        height: HEIGHT,
        marginTop: 26,
        marginBottom: shown.length === 0 ? 36 : 6,
        x: shown.length === 0 ? x : { ...x, axis: null },
        y: {
          type: 'log',
          domain: [least, most],
          label: `${noun} per ${UNIT} of activation (log)`,
          ticks: 4,
          tickFormat: '~s',
        },
        marks: [
          plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1, ticks: powers(least, most) }),
          plot.rectY(bars, {
            x1: 'from',
            x2: 'to',
            y1: least,
            y2: density,
            fill: 'var(--f-rest)',
            fillOpacity: 0.75,
            insetRight: 1,
            title: (d: Bar) =>
              `${d.from.toPrecision(3)} to ${d.to.toPrecision(3)}: ${d.count} ${noun} (${formatShare(d.count / tokens)})`,
          }),
        ],
      });
      if (shown.length === 0) return top;
      const under = plot.plot({
        ...common,
        height: bands + 38,
        marginTop: 2,
        marginBottom: 34,
        x,
        y: { axis: null, domain: [0, shown.length], reverse: true },
        marks: [
          plot.ruleY(shown, { y: (_, i: number) => i + 0.5, stroke: 'var(--line)' }),
          plot.ruleX(ticks, {
            x: 'a',
            y1: (d: Tick) => row(d.feature) + 0.15,
            y2: (d: Tick) => row(d.feature) + 0.85,
            stroke: 'colour',
            strokeWidth: 1.6,
            strokeOpacity: (d: Tick) => (selected === undefined || d.feature === selected ? 0.85 : 0.2),
          }),
          plot.text(shown, {
            y: (_, i: number) => i + 0.5,
            frameAnchor: 'left',
            dx: -6,
            textAnchor: 'end',
            text: ({ id }) => `#${id}`,
          }),
        ],
      });
      const both = document.createElement('div');
      both.append(top, under);
      return both as unknown as ReturnType<Plot['plot']>;
    },
    [unit, features, shown, bands, selected, noun],
  );
  if (unit.histogram.counts.length === 0) return <Empty title="No activation was counted" />;
  const label = `Histogram of the activations at all ${noun}, with the activations of the examples of the ${shown.length} largest features`;
  return <PlotFigure draw={draw} height={HEIGHT + bands} label={label} />;
}

/** Powers of ten between two numbers. */
function powers(least: number, most: number): number[] {
  const found: number[] = [];
  for (let e = Math.ceil(Math.log10(least)); 10 ** e <= most; e++) found.push(10 ** e);
  return found;
}

interface Bar {
  from: number;
  to: number;
  count: number;
}

interface Tick {
  a: number;
  feature: number;
  colour: string;
}

/** The stored bins are finest at zero: neighbours are joined until a bar is wide enough to see. */
function wideBars({ lower, upper, counts }: Unit['histogram']): Bar[] {
  const least = (upper.at(-1)! - lower[0]!) / BARS;
  const bars: Bar[] = [];
  for (let i = 0; i < counts.length; i++) {
    const last = bars.at(-1);
    const joins = last !== undefined && last.to - last.from < least && lower[i]! - last.to < least;
    if (joins) {
      last.to = upper[i]!;
      last.count += counts[i]!;
    } else bars.push({ from: lower[i]!, to: upper[i]!, count: counts[i]! });
  }
  return bars;
}
