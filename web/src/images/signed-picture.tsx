import { useEffect, useRef, useState } from 'react';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import { signedRgb } from '../charts/colours.ts';
import { formatThree } from '../ui/metric-info.ts';
import { useTheme } from '../ui/theme.ts';
import '../styles/images.css';

/** Pixels between the channels of a picture, which stand side by side. */
const GAP = 2;

/** The largest of some values without their signs. */
export function largestOf(values: Float32Array | readonly number[]): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

/**
 * Values of an image's pixels [channel, row, column], positive and negative, by colour; the channels side by side.
 * `scale` is what has the deepest colours.
 */
export function SignedPicture({
  values,
  grid: { channels, height, width },
  scale,
  size,
  label,
  onPixel,
}: {
  /** Null while they are on their way. */
  values: Float32Array | readonly number[] | null;
  grid: ImageGrid;
  scale: number;
  /** Pixels of a channel's longer side on the page. */
  size: number;
  /** What it shows, for those who do not see it. */
  label: string;
  /** Told of the pixel under the pointer, in words. */
  onPixel?: (text: string | null) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { dark } = useTheme();
  const all = channels * width + (channels - 1) * GAP;
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    const image = context.createImageData(all, height);
    for (let i = 0; i < (values?.length ?? 0); i++) {
      const [channel, row, column] = placeOf(i, height, width);
      const colour = signedRgb(Math.max(-1, Math.min(1, values![i]! / (scale || 1))), dark);
      image.data.set([...colour, 255], 4 * (row * all + channel * (width + GAP) + column));
    }
    context.putImageData(image, 0, 0);
  }, [values, scale, dark, all, height, width]);
  const zoom = size / Math.max(width, height);
  return (
    <canvas
      ref={canvas}
      className="signed"
      role="img"
      aria-label={label}
      width={all}
      height={height}
      style={{ width: Math.round(all * zoom), aspectRatio: `${all} / ${height}` }}
      onPointerMove={(event) => {
        if (onPixel === undefined || values === null) return;
        const box = event.currentTarget.getBoundingClientRect();
        const across = Math.floor(((event.clientX - box.left) / box.width) * all);
        const row = Math.floor(((event.clientY - box.top) / box.height) * height);
        const channel = Math.floor(across / (width + GAP));
        const column = across - channel * (width + GAP);
        const value = column < width ? values[(channel * height + row) * width + column] : undefined;
        onPixel(value === undefined ? null : `row ${row + 1}, column ${column + 1}: ${signed(value)}`);
      }}
      onPointerLeave={() => onPixel?.(null)}
    />
  );
}

/** Channel, row and column of a value. */
function placeOf(i: number, height: number, width: number): [number, number, number] {
  return [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
}

/** A signed picture with the scale of its colours, and the value under the pointer. */
export function SignedFigure(picture: Omit<Parameters<typeof SignedPicture>[0], 'onPixel'>) {
  const [pixel, setPixel] = useState<string | null>(null);
  return (
    <div className="signed-figure">
      <SignedPicture {...picture} onPixel={setPixel} />
      <p className="signed-note muted small num">
        {pixel ?? <SignedScale scale={picture.values === null ? null : picture.scale} />}
      </p>
    </div>
  );
}

/** What the colours of a signed picture stand for. */
export function SignedScale({ scale }: { scale: number | null }) {
  const { dark } = useTheme();
  const stops = Array.from({ length: 9 }, (_, i) => `rgb(${signedRgb(i / 4 - 1, dark)})`).join(', ');
  return (
    <span className="signed-scale">
      {scale === null ? '' : signed(-scale)}
      <i style={{ background: `linear-gradient(to right, ${stops})` }} />
      {scale === null ? '' : signed(scale)}
    </span>
  );
}

/** A number with its sign. */
export function signed(value: number): string {
  const text = formatThree(Math.abs(value));
  return `${value < 0 ? '−' : value > 0 ? '+' : ''}${text}`;
}
