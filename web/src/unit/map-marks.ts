import type { Feature } from '../../../src/features/describe.ts';
import type { Drawing } from '../charts/plot.tsx';
import { exampleColours, exampleMarks, type Mark } from '../ui/feature-colours.ts';
import { labelsOf } from './map-labels.ts';

const LABEL = {
  'text-anchor': 'middle',
  dy: '-0.65em',
  fill: 'var(--ink)',
  stroke: 'var(--raised)',
  'stroke-width': '3.5',
  'stroke-linejoin': 'round',
  'paint-order': 'stroke',
  'font-weight': '600',
};

/** What a cut of the examples shows of them. */
export interface Shown {
  readonly features: readonly Feature[];
  readonly featureOf: ArrayLike<number>;
  readonly selected: number | undefined;
}

/**
 * The dots of a map that is drawn, and the words on it. They follow each cut in place: while the threshold is dragged, to have Plot
 * draw the map anew would take longer than a frame has.
 */
export class MapMarks {
  /** By example. */
  readonly dots: readonly SVGElement[];
  readonly #x: readonly number[];
  readonly #y: readonly number[];
  readonly #shapes: Readonly<Record<Mark, string>>;
  readonly #labels: SVGGElement;

  /** @param radius of the dots, the children of `.dots`, which are paths */
  constructor(drawing: Drawing, places: { x: ArrayLike<number>; y: ArrayLike<number> }, radius: number) {
    this.dots = [...drawing.querySelectorAll<SVGElement>('.dots > *')];
    const pixels = (values: ArrayLike<number>, axis: 'x' | 'y'): number[] => {
      const scale = drawing.scale(axis)!;
      return Array.from(values, (value) => scale.apply(value) as number);
    };
    this.#x = pixels(places.x, 'x');
    this.#y = pixels(places.y, 'y');
    this.#shapes = shapesOf(radius);
    this.#labels = drawing.appendChild(svg('g', {}));
  }

  show({ features, featureOf, selected }: Shown): void {
    const colours = exampleColours(features);
    const marks = exampleMarks(features);
    for (const [i, dot] of this.dots.entries()) {
      set(dot, 'fill', colours[i] ?? 'var(--f-rest)');
      set(dot, 'd', this.#shapes[marks[i] ?? 0]);
      set(dot, 'fill-opacity', selected !== undefined && featureOf[i] !== selected ? '0.2' : '0.82');
    }
    const words = labelsOf(features, this.#x, this.#y).map(({ id, word, x, y }) => {
      const isFaded = selected !== undefined && id !== selected;
      const label = svg('text', { ...LABEL, x, y, 'fill-opacity': isFaded ? 0.35 : 1 });
      label.textContent = word;
      return label;
    });
    this.#labels.replaceChildren(...words);
  }
}

/** Paths of the marks, all of the area of a disc of that radius. */
function shapesOf(r: number): Readonly<Record<Mark, string>> {
  const area = Math.PI * r * r;
  const side = Math.sqrt(area);
  const disc = `M${r} 0A${r} ${r} 0 1 1 ${-r} 0A${r} ${r} 0 1 1 ${r} 0Z`;
  const square = `M${-side / 2} ${-side / 2}h${side}v${side}h${-side}Z`;
  // About its centre of mass.
  const third = Math.sqrt(area / (3 * Math.sqrt(3)));
  const triangle = `M0 ${-2 * third}L${Math.sqrt(3) * third} ${third}H${-Math.sqrt(3) * third}Z`;
  return [disc, square, triangle];
}

/** Sets what is not so already, so that nothing else is styled anew. */
function set(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function svg<Name extends 'g' | 'text'>(
  name: Name,
  attributes: Readonly<Record<string, string | number>>,
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, String(value));
  return element;
}
