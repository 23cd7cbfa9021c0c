// Plasma (van der Walt & Smith), eight equal steps.
const PLASMA = [
  '#0d0887',
  '#4c02a1',
  '#7e03a8',
  '#aa2395',
  '#cc4778',
  '#e66c5c',
  '#f89540',
  '#fdc527',
  '#f0f921',
];

/** Colour of bank i of n: a ramp, since banks are mostly layers; the part of it that stands out from the paper. */
export function bankColour(i: number, n: number, dark: boolean): string {
  const [from, to] = dark ? [0.4, 0.92] : [0, 0.64];
  return ramp(PLASMA, from + (to - from) * (n < 2 ? 0.3 : i / (n - 1)));
}

/** Colour of a distance, from 0 (near) to 1 (far): near stands out from the paper, far fades into it. */
export function distanceRgb(share: number, dark: boolean): number[] {
  return mix(dark ? NEAR_DARK : NEAR_LIGHT, share);
}

const NEAR_LIGHT = ['#0b2a5b', '#1d4f91', '#3f7cba', '#78a9d4', '#b3cfe6', '#dfe9f1', '#f7f7f3'];
const NEAR_DARK = ['#fdf3b4', '#f0cd6a', '#c79b52', '#8b7663', '#54535f', '#2f3340', '#1b1d24'];

function ramp(stops: readonly string[], t: number): string {
  return `rgb(${mix(stops, t).join(', ')})`;
}

/** Piecewise linear in sRGB between equally spaced stops; t in [0, 1]. */
function mix(stops: readonly string[], t: number): number[] {
  const at = Math.min(1, Math.max(0, t)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const [a, b] = [channels(stops[low]!), channels(stops[low + 1]!)];
  return a.map((value, i) => Math.round(value + (b[i]! - value) * (at - low)));
}

function channels(hex: string): number[] {
  return [1, 3, 5].map((from) => Number.parseInt(hex.slice(from, from + 2), 16));
}

/** What a CSS colour, variables included, is in this theme. */
export function resolveColour(colour: string): string {
  const probe = document.createElement('span');
  probe.style.color = colour;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
