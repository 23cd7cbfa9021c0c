import { visible } from '../../../src/base/visible.ts';
import type { Drawing } from '../charts/plot.tsx';
import { setCrosshair, useCrosshair } from './crosshair.ts';
import { RunSwatch } from './run-swatch.tsx';
import { type FigureInfo, nearest } from './runs.ts';
import { type Curve, HEIGHT, MARGIN } from './training-curve.ts';

/** Runs that a tip has room for. */
const TIP_ROWS = 9;

/** The crosshair of one chart: moved by pointer or keys in any of them. */
export function TrainingCrosshair({
  info,
  curves,
  drawing,
  width,
  over,
  isLog,
}: {
  info: FigureInfo;
  curves: readonly Curve[];
  drawing: Drawing;
  width: number;
  over: 'step' | 'tokens';
  isLog: boolean;
}) {
  const crosshair = useCrosshair();
  const toX = drawing.scale('x')!;
  const toY = drawing.scale('y')!;
  const longest = curves.reduce(
    (best, { x }) => (x.length > best.length ? x : best),
    [] as readonly number[],
  );
  const values = crosshair === null ? [] : curves.map((curve) => valueAt(curve, crosshair.x));
  const unit = over === 'step' ? 'step' : 'tokens';
  const move = (x: number) => {
    // To the nearest line of any training.
    let best = Number.NaN;
    for (const { x: xs } of curves) {
      const found = xs[nearest(xs, x)];
      if (found !== undefined && !(Math.abs(found - x) >= Math.abs(best - x))) best = found;
    }
    if (!Number.isNaN(best)) setCrosshair({ x: best, figure: info.figure });
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const at = crosshair === null ? longest.length - 1 : nearest(longest, crosshair.x);
    const by = KEYS[event.key];
    if (event.key === 'Escape') setCrosshair(null);
    else if (by !== undefined && longest.length > 0) {
      const to = Math.min(longest.length - 1, Math.max(0, at + by));
      setCrosshair({ x: longest[to]!, figure: info.figure });
    } else return;
    event.preventDefault();
  };
  const told = curves.map(({ name }, i) => {
    const value = crosshair === null ? lastValue(curves[i]!) : values[i];
    return `${visible(name)} ${value == null ? 'none' : info.format(value)}`;
  });
  const now = crosshair?.x ?? longest.at(-1) ?? 0;
  const px = crosshair === null ? 0 : toX.apply(crosshair.x);
  const isOwn = crosshair?.figure === info.figure;
  const shown = curves.flatMap((curve, i) => (values[i] == null ? [] : [{ ...curve, value: values[i]! }]));
  return (
    <div
      className="crosshair no-export"
      role="slider"
      tabIndex={0}
      aria-label={`${info.name}, ${unit}`}
      aria-valuemin={longest[0] ?? 0}
      aria-valuemax={longest.at(-1) ?? 0}
      aria-valuenow={now}
      aria-valuetext={`${unit} ${now.toLocaleString('en')}: ${told.join('; ')}`}
      onPointerMove={(event) => {
        const left = event.currentTarget.getBoundingClientRect().left;
        move(toX.invert!(event.clientX - left));
      }}
      onPointerLeave={() => setCrosshair(null)}
      onKeyDown={onKeyDown}
      onBlur={() => setCrosshair(null)}
    >
      {crosshair === null || !(px >= MARGIN.left - 1 && px <= width) ? null : (
        <>
          <i className="rule" style={{ left: px, top: MARGIN.top, bottom: MARGIN.bottom }} />
          {shown
            .filter(({ value }) => !isLog || value > 0)
            .map(({ name, value, stroke }) => {
              const top = toY.apply(value);
              if (!(top >= 0 && top <= HEIGHT - MARGIN.bottom)) return null;
              return (
                <i key={name} className="mark-dot" style={{ left: px, top, background: stroke.colour }} />
              );
            })}
          <div
            className={`tip training-tip${isOwn ? '' : ' other'}`}
            style={px < width / 2 ? { left: px + 10 } : { right: width - px + 10 }}
          >
            {isOwn && (
              <span className="at num">
                {unit} <b>{crosshair.x.toLocaleString('en')}</b>
              </span>
            )}
            {shown.slice(0, TIP_ROWS).map(({ name, short, value, stroke }) => (
              <span key={name}>
                <RunSwatch stroke={stroke} />
                <bdi className="tip-name">{isOwn ? visible(name) : short}</bdi>
                <b className="num">{info.format(value)}</b>
              </span>
            ))}
            {shown.length > TIP_ROWS && <span>and {shown.length - TIP_ROWS} more</span>}
          </div>
        </>
      )}
    </div>
  );
}

const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowDown: -1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/** The curve's value at the line nearest to `x`; null past its ends. */
function valueAt({ x: xs, y }: Curve, x: number): number | null {
  const at = nearest(xs, x);
  if (at < 0) return null;
  const spacing = xs.length < 2 ? 0 : (xs.at(-1)! - xs[0]!) / (xs.length - 1);
  return Math.abs(xs[at]! - x) > 2 * spacing ? null : y[at]!;
}

function lastValue({ y }: Curve): number | null {
  return y.at(-1) ?? null;
}
