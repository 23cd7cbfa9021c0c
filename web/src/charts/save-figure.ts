import { saveBlob } from '../ui/save-file.ts';
import { resolveColour } from './colours.ts';
import { shapesOf } from './vector.ts';

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

/** What a figure says beside its drawing when it stands alone. */
export interface Caption {
  readonly title: string;
  /** What it was made from. */
  readonly source: string;
  readonly legend?: readonly LegendItem[];
}

const LINE = 17;

/** The figure as one SVG document: title, drawings in place, legend and source; canvases as shapes, colours as they are on screen. */
export function figureSvg(body: HTMLElement, { title, source, legend = [] }: Caption): string {
  const box = body.getBoundingClientRect();
  const width = Math.ceil(box.width);
  const { color, fontFamily } = getComputedStyle(body);
  const paper = getComputedStyle(body.closest('.panel') ?? document.body).backgroundColor;
  const lines = wrapped(title, Math.floor((width - 8) / 7.4));
  const text = (line: string, y: number, style: string) =>
    `<text x="4" y="${y}" fill="${color}" ${style}>${escapeXml(line)}</text>`;
  const top = LINE * lines.length + 8;
  const heads = lines.map((line, i) => text(line, LINE * (i + 1) - 2, 'font-size="14" font-weight="600"'));
  const parts: string[] = [];
  for (const node of body.querySelectorAll<SVGSVGElement | HTMLCanvasElement>('svg, canvas')) {
    if (node.parentElement!.closest('svg, .no-export') !== null) continue;
    const at = node.getBoundingClientRect();
    const [x, y] = [at.left - box.left, at.top - box.top];
    const place = `x="${x}" y="${y}" width="${at.width}" height="${at.height}"`;
    if (!(node instanceof HTMLCanvasElement)) parts.push(standalone(node, place));
    else {
      const shapes = shapesOf(node);
      parts.push(
        shapes === null
          ? `<image ${place} href="${node.toDataURL()}"/>`
          : `<g transform="translate(${x} ${y})">${shapes}</g>`,
      );
    }
  }
  const key = legendSvg(legend, width);
  const under = top + Math.ceil(box.height);
  const height = under + key.height + (source === '' ? 0 : LINE);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="${paper}"/>` +
    `<g font-family="${escapeXml(fontFamily)}" font-size="11.5" fill="${color}">${heads.join('')}` +
    `<g transform="translate(0 ${top})">${parts.join('')}</g>` +
    `<g transform="translate(0 ${under})">${key.svg}</g>` +
    `${source === '' ? '' : text(source, height - 5, 'font-size="10" opacity="0.75"')}</g></svg>`
  );
}

/** Saves the figure as `name`.svg or `name`.png. */
export async function saveFigure(
  body: HTMLElement,
  name: string,
  kind: 'svg' | 'png',
  caption: Caption,
): Promise<void> {
  const svg = figureSvg(body, caption);
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

/** A text in lines of about so many letters. */
function wrapped(text: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < letters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Rows of strokes with their names, as many side by side as fit. */
function legendSvg(items: readonly LegendItem[], width: number): { svg: string; height: number } {
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
  return items.length === 0 ? { svg: '', height: 0 } : { svg: parts.join(''), height: y + 12 };
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
    const shapes = shapesOf(originals[i]!);
    if (shapes === null) return;
    const group = document.createElementNS('http://www.w3.org/2000/svg', 'g');
    group.setAttribute('transform', `translate(${node.getAttribute('x')} ${node.getAttribute('y')})`);
    group.innerHTML = shapes;
    node.replaceWith(group);
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
