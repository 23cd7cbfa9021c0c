import { rowStart } from '../../../src/embed/condensed.ts';
import { distanceRgb } from '../charts/colours.ts';

/** Distance from which on all is "far". */
export const FARTHEST = 1.2;

/** Distance between two examples, of condensed distances between `n`. */
export function between(distances: Float64Array, n: number, a: number, b: number): number {
  return a === b ? 0 : distances[rowStart(n, Math.min(a, b)) + Math.max(a, b)]!;
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
