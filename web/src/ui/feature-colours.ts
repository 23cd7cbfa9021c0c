/** What of a feature tells its colour: its id (its place by size), its size, and its examples. */
export interface ColouredFeature {
  readonly id: number;
  readonly size: number;
  readonly members: readonly number[];
}

/** Colours of features. */
const COLOURS = 8;
/** Each colour comes whole, then in two ways broken: features that differ in neither are told by number. */
export type Mark = 0 | 1 | 2;
const MARKS = 3;
/** Strokes of the marks, as SVG has them. */
export const MARK_DASHES = ['', '4 2', '1.5 1.5'] as const;

type Own = Pick<ColouredFeature, 'id' | 'size'>;

/** CSS colour of a feature, by its id; those beyond all colours and marks, and single examples, share a grey. */
export function featureColour({ id, size }: Own, total = 2): string {
  return id < COLOURS * MARKS && (size > 1 || total === 1) ? `var(--f${id % COLOURS})` : 'var(--f-rest)';
}

/** What tells a feature from another of the same colour. */
export function featureMark({ id, size }: Own): Mark {
  return size > 1 ? ((Math.floor(id / COLOURS) % MARKS) as Mark) : 0;
}

/** CSS colour of each example of a cut. */
export function exampleColours(features: readonly ColouredFeature[]): string[] {
  return ofExamples(features, (feature) => featureColour(feature, features.length));
}

/** Mark of each example of a cut. */
export function exampleMarks(features: readonly ColouredFeature[]): Mark[] {
  return ofExamples(features, featureMark);
}

function ofExamples<T>(features: readonly ColouredFeature[], of: (feature: ColouredFeature) => T): T[] {
  const found: T[] = [];
  for (const feature of features) {
    const one = of(feature);
    for (const example of feature.members) found[example] = one;
  }
  return found;
}
