import { visible } from '../../../src/base/visible.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import type { LegendItem } from '../charts/save-figure.ts';
import type { Unit } from '../source/answers.ts';
import { featureColour, featureMark, MARK_DASHES } from '../ui/feature-colours.ts';
import { counted } from '../ui/metric-info.ts';
import type { UnitCut } from './unit-cut.ts';

/** Features that a legend names, and letters of a name. */
const NAMED = 24;
const LETTERS = 44;

/** The features of more than one example, each in its colour. */
export function featureLegend({ cut: { features } }: UnitCut): LegendItem[] {
  return features
    .filter(({ size }) => size > 1 || features.length === 1)
    .slice(0, NAMED)
    .map((feature) => {
      const title = visible(featureTitle(feature));
      return {
        name: `${feature.id} ${title.length > LETTERS ? `${title.slice(0, LETTERS)}…` : title}`,
        colour: featureColour(feature, features.length),
        dash: MARK_DASHES[featureMark(feature)],
      };
    });
}

/** What a figure of a unit is of: "mlp.1/532, tree: 4 features of 64 examples (average linkage, best split)". */
export function figureHeading(unit: Unit, { cut, auto, linkage, asked }: UnitCut, what: string): string {
  const split = auto ? 'best split' : `cut at ${asked.toFixed(3)}`;
  const features = counted(cut.features.length, 'feature');
  return `${unit.bank}/${unit.index}, ${what}: ${features} of ${counted(unit.examples, 'example')} (${linkage} linkage, ${split})`;
}
