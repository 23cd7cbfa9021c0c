// A figure draws many points on a canvas, and a matrix as an image, since that is fast. What is saved as SVG is drawn as shapes.

const vectors = new WeakMap<Element, () => string>();

/** Says how a canvas or an image of a figure is drawn as shapes: SVG from its upper left corner, in its own pixels. */
export function drawnAs(element: Element, svg: () => string): void {
  vectors.set(element, svg);
}

/** The shapes of a canvas or an image; null where it has none. */
export function shapesOf(element: Element): string | null {
  return vectors.get(element)?.() ?? null;
}

/** Points of one colour as round ends of strokes without length: one path, whatever their number. */
export function dotsPath(
  places: Iterable<readonly [number, number]>,
  { radius, colour, opacity }: { radius: number; colour: string; opacity: number },
): string {
  let d = '';
  for (const [x, y] of places) d += `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
  return `<path d="${d}" fill="none" stroke="${colour}" stroke-opacity="${opacity}" stroke-width="${2 * radius}" stroke-linecap="round"/>`;
}
