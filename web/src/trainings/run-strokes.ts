const COLOURS = 8;
const DASHES = ['', '7 3', '2 3', '9 3 2 3'];

/** How a training is drawn. */
export interface Stroke {
  readonly colour: string;
  /** As SVG has it; empty for a whole line. */
  readonly dash: string;
}

// A training keeps its stroke as long as the explorer is open, whatever comes and goes beside it.
const places = new Map<string, number>();

/** Eight colours; then the same dashed. */
export function strokeOf(name: string): Stroke {
  let place = places.get(name);
  if (place === undefined) {
    place = places.size;
    places.set(name, place);
  }
  return {
    colour: `var(--f${place % COLOURS})`,
    dash: DASHES[Math.floor(place / COLOURS) % DASHES.length]!,
  };
}
