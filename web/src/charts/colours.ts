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

// Kinds of banks, each with a ramp of its own, light and dark.
const SAE = [
  ['#00554a', '#00735c', '#3d8b2a', '#7f8f00'],
  ['#2fb5a0', '#54c98a', '#a3d34a', '#d6e070'],
];
const OTHER = [
  ['#0b2f6b', '#1f5fae', '#4f93d2'],
  ['#5b9cf0', '#8fc0f7', '#cfe4fc'],
];

/**
 * Colour of bank i of a study's: layers of the model, SAEs and other banks have a ramp each, since banks of one kind are mostly
 * in an order; the part of it that stands out from the paper.
 */
export function bankColour(i: number, names: readonly string[], dark: boolean): string {
  const kind = kindOf(names[i] ?? '');
  const alike = names.flatMap((name, at) => (kindOf(name) === kind ? [at] : []));
  const share = alike.length < 2 ? 0.3 : alike.indexOf(i) / (alike.length - 1);
  if (kind === 'sae') return ramp(SAE[Number(dark)]!, share);
  if (kind !== 'mlp') return ramp(OTHER[Number(dark)]!, share);
  const [from, to] = dark ? [0.4, 0.92] : [0, 0.64];
  return ramp(PLASMA, from + (to - from) * share);
}

/** What a bank's name begins with: mlp.3, sae/NAME. */
function kindOf(name: string): string {
  return /^[a-z]+/.exec(name)?.[0] ?? '';
}

/** Colour of a distance, from 0 (near) to 1 (far): near stands out from the paper, far fades into it. */
export function distanceRgb(share: number, dark: boolean): number[] {
  return mix(dark ? NEAR_DARK : NEAR_LIGHT, share);
}

/** Colour of a signed share, from −1 to 1: what is near 0 fades into the paper, and the signs stay apart for all readers. */
export function signedRgb(share: number, dark: boolean): number[] {
  return mix(dark ? SIGNED_DARK : SIGNED_LIGHT, (1 + share) / 2);
}

// Blue to orange through the colour of a panel.
const SIGNED_LIGHT = [
  '#08306b',
  '#1f6db5',
  '#6aaed6',
  '#c3dbee',
  '#ffffff',
  '#fbd9b5',
  '#f59a4c',
  '#cf5a12',
  '#7f2704',
];
const SIGNED_DARK = [
  '#c6e4ff',
  '#6fb7f0',
  '#2f7fc4',
  '#1f4a75',
  '#1a1c20',
  '#6b3a16',
  '#bd5f17',
  '#f2953f',
  '#ffe0b8',
];

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
