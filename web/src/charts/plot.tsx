import type * as PlotModule from '@observablehq/plot';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useWidth } from '../ui/width.ts';

export type Plot = typeof PlotModule;
export type Drawing = ReturnType<Plot['plot']>;

let loaded: Plot | null = null;
let loading: Promise<Plot> | null = null;

/** Observable Plot, loaded when the first figure needs it; null until then. */
export function usePlot(): Plot | null {
  const [plot, setPlot] = useState<Plot | null>(loaded);
  useEffect(() => {
    if (plot !== null) return;
    let wanted = true;
    loading ??= import('@observablehq/plot');
    void loading.then((module) => {
      loaded = module;
      if (wanted) setPlot(module);
    });
    return () => {
      wanted = false;
    };
  }, [plot]);
  return plot;
}

/**
 * A figure that Plot draws to the width at hand. `draw` must be stable (useCallback) or the figure is drawn anew.
 * `onDraw` gets the drawing each time, to tie events and highlights to it.
 */
export function PlotFigure({
  draw,
  onDraw,
  label,
  height,
}: {
  draw: (plot: Plot, width: number) => Drawing;
  onDraw?: (drawing: Drawing) => undefined | (() => void);
  label: string;
  height: number;
}) {
  const plot = usePlot();
  const [host, setHost] = useState<HTMLDivElement | null>(null);
  const width = useWidth(host);
  const latest = useRef(onDraw);
  latest.current = onDraw;
  useLayoutEffect(() => {
    if (plot === null || host === null || width === 0) return;
    const drawing = draw(plot, width);
    nameDrawing(drawing, label);
    host.replaceChildren(drawing);
    return latest.current?.(drawing);
  }, [plot, host, width, draw, label]);
  return <div ref={setHost} className="plot" style={{ minHeight: height }} />;
}

/** Makes a drawing one image with one name: Plot's names of its parts are for no reader, and not allowed on groups. */
export function nameDrawing(drawing: Element, label: string): void {
  for (const part of drawing.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('aria-label', label);
}

/** What all figures share. */
export const PLOT_STYLE = {
  background: 'transparent',
  color: 'var(--muted)',
  fontFamily: 'var(--sans)',
  fontSize: '11.5px',
  overflow: 'visible',
} as const;
