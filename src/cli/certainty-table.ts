import type { Certainty } from '../features/certainty.ts';
import { SIGNIFICANT } from '../features/significance.ts';
import { SUBSAMPLES } from '../features/stability.ts';
import { cell, colors, print, table } from './terminal.ts';

const HEAD = ['feature', 'examples', 'tightness', '÷ null', 'nearest', 'distance', '÷ null', 'stability'];

/** How sure a unit's features are: each number beside its null. */
export function printCertainty(certainty: Certainty): void {
  const { seed, draws, separation, nullMean, nullDeviation, z, nullDistance } = certainty;
  const { twoClusterIndex, twoClusterP, features } = certainty;
  print(
    `\n${colors.bold('How sure?')} ${colors.dim(`(${draws} clouds and ${SUBSAMPLES} halves, seed ${seed})`)}`,
  );
  print(
    `  separation ${cell(separation)}, of one cloud with the same mean and covariance ${cell(nullMean)} ± ${cell(nullDeviation)}: ` +
      `z ${cell(z, 1)}${z === null ? '' : z >= SIGNIFICANT ? ', told apart from one cloud' : colors.yellow(`, below ${SIGNIFICANT}: not told apart from one cloud`)}`,
  );
  print(
    `  two-cluster index ${cell(twoClusterIndex)}, p ${cell(twoClusterP)} (small: a trustworthy yes; large: a poor no)`,
  );
  const rows = features.map((feature) => [
    cell(feature.id),
    cell(feature.size),
    cell(feature.tightness),
    cell(feature.relativeTightness, 2),
    cell(feature.sibling),
    cell(feature.siblingDistance),
    cell(feature.relativeSiblingDistance, 2),
    cell(feature.stability, 2),
  ]);
  for (const line of table(
    [HEAD, ...rows],
    HEAD.map(() => true),
  ))
    print(`  ${line}`);
  print(
    colors.dim(
      `  null: unrelated inputs are ${cell(nullDistance)} apart. tightness: mean distance within; nearest: the feature that is least far; stability: 1 is always found again in half the examples`,
    ),
  );
}
