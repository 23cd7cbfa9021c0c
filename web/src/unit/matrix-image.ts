import { rowStart } from '../../../src/embed/condensed.ts';
import { distanceRgb } from '../charts/colours.ts';

/** Distance from which on all is "far". */
export const FARTHEST = 1.2;

/** Distance between two examples, of condensed distances between `n`. */
export function between(distances: Float64Array, n: number, a: number, b: number): number {
  return a === b ? 0 : distances[rowStart(n, Math.min(a, b)) + Math.max(a, b)]!;
}

/** Cells to a side that a matrix of shapes has at most: of more, each is the mean of several. */
const MOST_CELLS = 256;
/** Colours of such a matrix. */
const STEPS = 48;

/** The distance matrix as shapes, `side` pixels wide: a path for each colour, of runs of cells. */
export function matrixShapes(
  distances: Float64Array,
  order: Int32Array,
  dark: boolean,
  side: number,
): string {
  const n = order.length;
  const cells = Math.min(n, MOST_CELLS);
  const cell = side / cells;
  const step = (row: number, column: number): number => {
    const [r0, r1] = [Math.floor((row * n) / cells), Math.floor(((row + 1) * n) / cells)];
    const [c0, c1] = [Math.floor((column * n) / cells), Math.floor(((column + 1) * n) / cells)];
    let sum = 0;
    for (let i = r0; i < r1; i++) {
      for (let j = c0; j < c1; j++) sum += between(distances, n, order[i]!, order[j]!);
    }
    const share = sum / ((r1 - r0) * (c1 - c0)) / FARTHEST;
    return Math.min(STEPS - 1, Math.round((STEPS - 1) * share));
  };
  const paths = new Array<string>(STEPS).fill('');
  for (let row = 0; row < cells; row++) {
    const y = ((row + 0.5) * cell).toFixed(2);
    for (let from = 0; from < cells; ) {
      const colour = step(row, from);
      let to = from + 1;
      while (to < cells && step(row, to) === colour) to++;
      paths[colour] += `M${(from * cell).toFixed(2)} ${y}h${((to - from) * cell).toFixed(2)}`;
      from = to;
    }
  }
  return paths
    .map((d, i) =>
      d === ''
        ? ''
        : `<path d="${d}" stroke="rgb(${distanceRgb(i / (STEPS - 1), dark)})" stroke-width="${(cell * 1.02).toFixed(3)}"/>`,
    )
    .join('');
}

/** The distance matrix as an image of one pixel a pair, rows and columns in `order`; a data URL. */
export function matrixImage(distances: Float64Array, order: Int32Array, dark: boolean): string {
  const n = order.length;
  const canvas = document.createElement('canvas');
  canvas.width = n;
  canvas.height = n;
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(n, n);
  // A colour for each of 256 steps: looked up, a thousand examples take milliseconds.
  const steps = Array.from({ length: 256 }, (_, step) => distanceRgb(step / 255, dark));
  const pixels = new Uint32Array(image.data.buffer);
  const colours = Uint32Array.from(steps, ([r, g, b]) => ((255 << 24) | (b! << 16) | (g! << 8) | r!) >>> 0);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const share = between(distances, n, order[i]!, order[j]!) / FARTHEST;
      const colour = colours[Math.min(255, Math.round(255 * share))]!;
      pixels[i * n + j] = colour;
      pixels[j * n + i] = colour;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
