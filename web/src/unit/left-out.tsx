import { MOST_DISTANCES } from '../../../src/contract/site.ts';
import { hasModel } from '../explain/page-model.tsx';
import type { Unit } from '../source/answers.ts';

/** What a site does not have of a unit, in a line: shown where the panels are that a study's server has. */
export function LeftOut({ unit }: { unit: Unit }) {
  return (
    <p className="muted small left-out">
      A copy of the study as files: {hasModel() ? 'direct effects' : 'probing, effects'}, similar features and
      notes of one’s own need the study itself.{' '}
      {unit.examples > MOST_DISTANCES
        ? `Of units with more than ${MOST_DISTANCES} examples it has no distances: other cuts have features, but no metrics of distance.`
        : 'Distances have 16 bits here: they, and means of them at other cuts, are within 0.00002 of the study’s.'}
    </p>
  );
}
