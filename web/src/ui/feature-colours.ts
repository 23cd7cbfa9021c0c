/** What of a feature tells its colour: its id (its place by size), its size, and its examples. */
export interface ColouredFeature {
  readonly id: number;
  readonly size: number;
  readonly members: readonly number[];
}

/** Features that have a colour of their own; the rest, and single examples, share a grey and are told by number. */
const COLOURED = 8;

/** CSS colour of a feature, by its id. */
export function featureColour({ id, size }: Pick<ColouredFeature, 'id' | 'size'>, total = 2): string {
  return id < COLOURED && (size > 1 || total === 1) ? `var(--f${id})` : 'var(--f-rest)';
}

/** CSS colour of each example of a cut. */
export function exampleColours(features: readonly ColouredFeature[]): string[] {
  const colours: string[] = [];
  for (const feature of features) {
    const colour = featureColour(feature, features.length);
    for (const example of feature.members) colours[example] = colour;
  }
  return colours;
}
