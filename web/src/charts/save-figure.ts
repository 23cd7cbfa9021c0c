import { saveBlob } from '../ui/save-file.ts';
import { resolveColour } from './colours.ts';

// Styles that a figure's SVG takes from the page and needs when it stands alone.
const STYLES = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'stroke-linejoin',
  'fill-opacity',
  'opacity',
  'color',
  'font-family',
  'font-size',
  'font-weight',
  'font-variant-numeric',
  'text-anchor',
  'visibility',
  'display',
  'paint-order',
  'image-rendering',
];

/** Resolution of a PNG against the screen's CSS pixels. */
const SCALE = 3;

/** What a colour of a figure stands for, where the page says so elsewhere. */
export interface LegendItem {
  readonly name: string;
  /** As CSS has it, variables included. */
  readonly colour: string;
  readonly dash?: string;
}

/** The figure as one SVG document: its drawings in place, canvases as images, colours as they are on screen. */
export function figureSvg(body: HTMLElement, legend: readonly LegendItem[] = []): string {
  const box = body.getBoundingClientRect();
  const width = Math.ceil(box.width);
  let height = Math.ceil(box.height);
  const paper = getComputedStyle(body.closest('.panel') ?? document.body).backgroundColor;
  const parts: string[] = [];
  for (const node of body.querySelectorAll<SVGSVGElement | HTMLCanvasElement>('svg, canvas')) {
    if (node.parentElement!.closest('svg, .no-export') !== null) continue;
    const at = node.getBoundingClientRect();
    const place = `x="${at.left - box.left}" y="${at.top - box.top}" width="${at.width}" height="${at.height}"`;
    if (node instanceof HTMLCanvasElement) parts.push(`<image ${place} href="${node.toDataURL()}"/>`);
    else parts.push(standalone(node, place));
  }
  const key = legendSvg(legend, width, body);
  parts.push(`<g transform="translate(0 ${height})">${key.svg}</g>`);
  height += key.height;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<rect width="100%" height="100%" fill="${paper}"/>${parts.join('')}</svg>`
  );
}

/** Saves the figure as `name`.svg or `name`.png. */
export async function saveFigure(
  body: HTMLElement,
  name: string,
  kind: 'svg' | 'png',
  legend?: readonly LegendItem[],
): Promise<void> {
  const svg = figureSvg(body, legend);
  if (kind === 'svg') {
    saveBlob(`${name}.svg`, new Blob([svg], { type: 'image/svg+xml' }));
    return;
  }
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.width * SCALE;
  canvas.height = image.height * SCALE;
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done));
  if (blob !== null) saveBlob(`${name}.png`, blob);
}

/** Rows of strokes with their names, as many side by side as fit. */
function legendSvg(
  items: readonly LegendItem[],
  width: number,
  body: HTMLElement,
): { svg: string; height: number } {
  const { color, fontFamily } = getComputedStyle(body);
  let [x, y] = [4, 12];
  const parts = items.map(({ name, colour, dash }) => {
    const room = 34 + 6.6 * name.length;
    if (x > 4 && x + room > width) [x, y] = [4, y + 18];
    const stroke = `stroke="${resolveColour(colour)}" stroke-width="2" stroke-dasharray="${dash ?? ''}"`;
    const text = `<text x="${x + 24}" y="${y + 4}">${escapeXml(name)}</text>`;
    const part = `<line x1="${x}" x2="${x + 18}" y1="${y}" y2="${y}" ${stroke}/>${text}`;
    x += room;
    return part;
  });
  const family = escapeXml(fontFamily);
  const svg = `<g font-family="${family}" font-size="11.5" fill="${color}">${parts.join('')}</g>`;
  return items.length === 0 ? { svg: '', height: 0 } : { svg, height: y + 12 };
}

function escapeXml(text: string): string {
  // XML allows neither control characters nor lone surrogates.
  const allowed = text.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd');
  return allowed.replaceAll(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function standalone(svg: SVGSVGElement, place: string): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = svg.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((node, i) => {
    inline(originals[i]!, node);
  });
  inline(svg, copy);
  for (const node of copy.querySelectorAll('style, .no-export')) node.remove();
  for (const name of ['x', 'y', 'width', 'height']) copy.removeAttribute(name);
  const text = new XMLSerializer().serializeToString(copy);
  return text.replace('<svg', `<svg ${place}`);
}

function inline(from: Element, to: Element): void {
  const style = getComputedStyle(from);
  const rules = STYLES.map((name) => `${name}:${style.getPropertyValue(name)}`);
  to.removeAttribute('class');
  to.setAttribute('style', rules.join(';'));
}
