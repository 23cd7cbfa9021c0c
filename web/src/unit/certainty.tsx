import { useQuery } from '@tanstack/react-query';
import { visible } from '../../../src/base/visible.ts';
import { wordList } from '../../../src/features/words.ts';
import { SEPARATION_BOUND } from '../../../src/polysemy/verdict.ts';
import type { Certainty, Unit } from '../source/answers.ts';
import { certaintyQuery } from '../source/query-options.ts';
import { formatShare, formatThree } from '../ui/metric-info.ts';
import { Failure, Loading } from '../ui/states.tsx';
import { explained } from '../ui/tips.tsx';
import '../styles/certainty.css';

/** z from which features are told apart from one cloud (docs/validity.md). */
const SIGNIFICANT = 3;

/** How sure the features of the study are: each number in plain words, beside what chance gives. */
export function CertaintyView({ unit }: { unit: Unit }) {
  const { bank, index } = unit;
  const { data, error, refetch } = useQuery(certaintyQuery(bank, index));
  if (error !== null) return <Failure error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Loading what="how sure the features are" />;
  return (
    <div className="certainty">
      <p>{summary(data)}</p>
      <Cloud certainty={data} />
      <Features unit={unit} certainty={data} />
    </div>
  );
}

/** The answer in one sentence. */
function summary({ z, separation, draws }: Certainty): string {
  if (z === null || separation === null) {
    return 'There are too few examples, or they are too much alike, to ask whether they are several things.';
  }
  const chance = `than those of ${draws} clouds drawn with the same mean and spread (z ${z.toFixed(1)})`;
  if (z < SIGNIFICANT) {
    return `Not sure. The best split is not clearer ${chance}: the examples could be one thing.`;
  }
  if (separation < SEPARATION_BOUND) {
    return `There is some structure: the best split is clearer ${chance}, but its parts are not far enough apart to be called several things.`;
  }
  return `Sure: the best split is clearer ${chance}, and its parts are far enough apart to be called several things.`;
}

function Cloud({ certainty }: { certainty: Certainty }) {
  const { separation, nullMean, nullDeviation, z, twoClusterIndex, twoClusterP, draws } = certainty;
  const rows: readonly (readonly [name: string, tip: string, value: string, against: string])[] = [
    [
      'Separation',
      'Mean silhouette of the best split, from −1 to 1: how much nearer examples are to their own part than to the next (Rousseeuw 1987)',
      number(separation),
      `one cloud: ${number(nullMean)} ± ${number(nullDeviation)}; several things from ${SEPARATION_BOUND}`,
    ],
    [
      'z',
      'How many standard deviations of the clouds’ separations this one lies above their mean (ours: docs/validity.md)',
      z === null ? '–' : z.toFixed(1),
      `one cloud: 0 ± 1; clear from ${SIGNIFICANT}`,
    ],
    [
      'Two-cluster index',
      'Sum of squares within the best two clusters ÷ that about the mean: smaller is a clearer pair (SigClust: Liu, Hayes, Nobel and Marron 2008)',
      number(twoClusterIndex),
      twoClusterP === null
        ? '–'
        : `as small in ${Math.round(twoClusterP * (1 + draws)) - 1} of ${draws} clouds (p ${number(twoClusterP)}): small is a trustworthy yes, large a poor no`,
    ],
  ];
  return (
    <table className="plain">
      <thead>
        <tr>
          <th scope="col">The unit</th>
          <th scope="col" className="num">
            value
          </th>
          <th scope="col">against</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, tip, value, against]) => (
          <tr key={name}>
            <th scope="row" {...explained(tip)}>
              {name}
            </th>
            <td className="num">
              <b>{value}</b>
            </td>
            <td className="muted small">{against}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Features({ unit, certainty }: { unit: Unit; certainty: Certainty }) {
  const { features, nullDistance, seed } = certainty;
  if (features.length === 0) return null;
  return (
    <>
      <section
        className="scroll-x"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow
        tabIndex={0}
        aria-label="How sure each feature is"
      >
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Feature</th>
              <th scope="col" className="num" {...explained('Its examples')}>
                size
              </th>
              <th
                scope="col"
                className="num"
                {...explained(
                  'Mean distance over its pairs ÷ the distance of unrelated inputs: 0 is all alike, 1 is no more alike than chance',
                )}
              >
                tightness
              </th>
              <th
                scope="col"
                className="num"
                {...explained(
                  'Smallest mean distance to another feature’s examples ÷ the distance of unrelated inputs, and which feature that is',
                )}
              >
                nearest
              </th>
              <th
                scope="col"
                className="num"
                {...explained(
                  'How well it is found again in half of the examples: the mean Jaccard index over 50 halves (Hennig 2007); 100 % is always',
                )}
              >
                found again
              </th>
            </tr>
          </thead>
          <tbody>
            {features.map((feature) => (
              <tr key={feature.id}>
                <th scope="row">
                  {feature.id}{' '}
                  <span className="muted">
                    <bdi>{visible(wordList(unit.features[feature.id]?.words.slice(0, 2) ?? []))}</bdi>
                  </span>
                </th>
                <td className="num">{feature.size}</td>
                <td className="num">{ratio(feature.relativeTightness)}</td>
                <td className="num">
                  {ratio(feature.relativeSiblingDistance)}
                  {feature.sibling === null ? '' : <span className="muted"> to {feature.sibling}</span>}
                </td>
                <td className="num">{feature.stability === null ? '–' : formatShare(feature.stability)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <p className="muted small">
        These are the study’s features, whatever the tree shows now. Tightness and nearest are in units of the
        distance of unrelated inputs under the unit’s weights ({number(nullDistance)}): 1 is no more alike
        than chance. A feature is whole where it is much tighter than it is near to the next, and found again.
        Half of the examples may be too few to tell many features apart: then a low share says little. Draws
        are seeded ({seed}): the same each time.
      </p>
    </>
  );
}

function number(value: number | null): string {
  return value === null ? '–' : formatThree(value);
}

function ratio(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}
