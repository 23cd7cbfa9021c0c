import { useCallback, useEffect, useRef, useState } from 'react';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import { hinted } from '../ui/tips.tsx';
import { centred, channelsOf, type Grey, shrunk } from './drawn-pixels.ts';

/** Pixels of the canvas for one of the image's, and its longest side at most. */
const FINE = 10;
const MOST = 448;
/** Milliseconds from a stroke to the question. */
const WAIT = 80;

/** A canvas for a mouse, a pen or a finger; tells the values of what is drawn, in the model's size, as it changes. */
export function Drawing({
  grid,
  onPixels,
}: {
  grid: ImageGrid;
  /** Null of an empty canvas. */
  onPixels: (pixels: readonly number[] | null) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const seen = useRef<HTMLCanvasElement>(null);
  const last = useRef<readonly [number, number] | null>(null);
  const timer = useRef(0);
  const [brush, setBrush] = useState(2);
  const [isCentred, setCentred] = useState(true);
  const fine = Math.max(1, Math.min(FINE, Math.floor(MOST / Math.max(grid.width, grid.height))));
  const [width, height] = [grid.width * fine, grid.height * fine];

  const tell = useCallback(() => {
    const { data } = canvas.current!.getContext('2d')!.getImageData(0, 0, width, height);
    const drawn = {
      width,
      height,
      values: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i]!),
    };
    const small = shrunk(drawn, grid);
    const picture = isCentred ? centred(small) : small;
    showSeen(seen.current!, picture);
    onPixels(picture.values.some((value) => value > 0) ? channelsOf(picture, grid.channels) : null);
  }, [width, height, grid, isCentred, onPixels]);
  const soon = () => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(tell, WAIT);
  };
  const clear = useCallback(() => {
    const context = canvas.current!.getContext('2d')!;
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
  }, [width, height]);
  useEffect(clear, [clear]);
  useEffect(() => {
    tell();
    return () => clearTimeout(timer.current);
  }, [tell]);

  const stroke = (event: React.PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const to = [
      ((event.clientX - box.left) / box.width) * width,
      ((event.clientY - box.top) / box.height) * height,
    ] as const;
    const context = canvas.current!.getContext('2d')!;
    Object.assign(context, {
      strokeStyle: '#fff',
      lineCap: 'round',
      lineJoin: 'round',
      lineWidth: brush * fine,
    });
    context.beginPath();
    context.moveTo(...(last.current ?? to));
    context.lineTo(...to);
    context.stroke();
    last.current = to;
    soon();
  };
  return (
    <div className="drawing">
      <canvas
        ref={canvas}
        className="draw-here"
        width={width}
        height={height}
        role="img"
        aria-label="Canvas to draw on with a pointer. With a keyboard, pick an image instead"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          last.current = null;
          stroke(event);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) stroke(event);
        }}
        onPointerUp={() => {
          last.current = null;
        }}
      />
      <div className="controls">
        <button
          type="button"
          className="button"
          onClick={() => {
            clear();
            tell();
          }}
        >
          Clear
        </button>
        <label>
          Brush
          <input
            type="range"
            min={1}
            max={4}
            step={0.5}
            value={brush}
            onChange={({ target }) => setBrush(Number(target.value))}
          />
        </label>
        <label
          {...hinted(
            'Moves what is drawn so that its centre of mass is in the middle, as MNIST’s digits were',
          )}
        >
          <input type="checkbox" checked={isCentred} onChange={() => setCentred(!isCentred)} />
          Centre
        </label>
      </div>
      <figure className="seen">
        <canvas
          ref={seen}
          className="signed"
          width={grid.width}
          height={grid.height}
          role="img"
          aria-label="The drawing as the model sees it"
        />
        <figcaption className="muted small">as the model sees it</figcaption>
      </figure>
    </div>
  );
}

function showSeen(canvas: HTMLCanvasElement, { width, height, values }: Grey): void {
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(width, height);
  values.forEach((value, i) => {
    image.data.set([value, value, value, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}
