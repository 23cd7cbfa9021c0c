import { visible } from '../base/visible.ts';
import { CERTAINTY_SEED } from '../features/certainty.ts';
import { featureTitle } from '../features/feature-title.ts';
import { SIGNIFICANT, separationStanding } from '../features/significance.ts';
import type { UnitSummary } from '../features/split-unit.ts';

import { verdicts } from '../polysemy/verdict.ts';
import { MOST_CERTAINTY_EXAMPLES, unitDistances } from '../study/certainty.ts';
import type { Study } from '../study/study.ts';
import { colors, number, print, printNote } from './terminal.ts';

/** Units named. */
const SHOWN = 10;
/** Distance of unrelated inputs below which a cut at 0.5 means little (docs/validity.md). */
const LITTLE = 0.7;

/** What a study found, in a few lines: what the units of each bank are, and those that are the most things. */
export function printHeadline(study: Study): void {
  if (!printVerdicts(study)) return;
  const units = mostFeatures(study);
  if (units.length === 0) return;
  print(
    `\nThe ${units.length} that are the most things (z: how clearly they fall apart, against one cloud):`,
  );
  for (const unit of units) printUnit(study, unit);
}

/** How many units of each bank are what; false for a study of a version that had no verdicts. */
export function printVerdicts(study: Study): boolean {
  const { bank, texts, metrics } = study.columns();
  if (texts.verdict.every((verdict) => verdict === null)) return false;
  const { banks, options } = study.info();
  print('\nWhat the units are:');
  banks.forEach(({ name }, b) => {
    const own = texts.verdict.filter((_, row) => bank[row] === b);
    const parts = verdicts.map((verdict) => {
      const count = own.filter((one) => one === verdict).length;
      return `${number(count)} ${MEANINGS[verdict]}`;
    });
    print(`  ${colors.bold(visible(name))}  ${parts.join(' · ')}`);
    const nulls = metrics.nullDistance.filter((value, row) => bank[row] === b && value < Infinity).sort();
    const median = nulls[nulls.length >> 1];
    if (options['center'] !== 'mean' && median !== undefined && median < LITTLE) {
      printNote(
        `${name}: two unrelated inputs are only ${median.toFixed(2)} apart, so a threshold of 0.5 means little (--center mean mends that)`,
      );
    }
  });
  return true;
}

const MEANINGS = {
  several: 'several things',
  one: 'one thing',
  scatter: 'scatter',
  few: 'too few examples',
} as const satisfies Record<(typeof verdicts)[number], string>;

/** The first units that are several things. */
function mostFeatures(study: Study): UnitSummary[] {
  return study.units({ sort: 'verdict', limit: SHOWN }).filter(({ verdict }) => verdict === 'several');
}

function zOf(study: Study, bank: string, index: number): number | null {
  return separationStanding({ ...unitDistances(study, bank, index), seed: CERTAINTY_SEED })?.z ?? null;
}

function printUnit(study: Study, { bank, index, examples, featureCount, separation }: UnitSummary): void {
  const z = examples > MOST_CERTAINTY_EXAMPLES ? null : zOf(study, bank, index);
  const clear = z !== null && z >= SIGNIFICANT;
  const found =
    examples > MOST_CERTAINTY_EXAMPLES
      ? `z not computed (over ${MOST_CERTAINTY_EXAMPLES} examples)`
      : `z ${z?.toFixed(1) ?? '–'}${clear ? '' : ', not clear'}`;
  const { features } = study.unit(bank, index);
  print(
    `  ${colors.bold(visible(`${bank}/${index}`))}  ${featureCount} features, separation ${separation!.toFixed(2)}, ` +
      (clear ? found : colors.yellow(found)),
  );
  for (const feature of features.slice(0, 3)) {
    print(`    ${String(feature.size).padStart(4)} examples  ${colors.cyan(visible(featureTitle(feature)))}`);
  }
  if (features.length > 3) print(colors.dim(`         … and ${features.length - 3} more`));
}
