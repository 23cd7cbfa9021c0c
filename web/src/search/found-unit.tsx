import { Link } from '@tanstack/react-router';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import type { Matches } from '../source/answers.ts';
import { Meanings } from '../ui/meanings.tsx';
import { counted, formatMetric, formatWhole, metricInfo } from '../ui/metric-info.ts';
import { Strip } from '../ui/strip.tsx';
import { FoundPassage } from './found-passage.tsx';

type Found = Matches['units'][number];

/** Features that are lit: those at least half of whose examples have the words, and the best one. */
function litFeatures({ matches }: Found): ReadonlySet<number> | undefined {
  if (matches.length === 0) return undefined;
  return new Set(
    matches.filter(({ examples, size }, i) => i === 0 || 2 * examples >= size).map(({ feature }) => feature),
  );
}

/** A unit that was found: what it is, how much of it has the words, and its best passage. It opens at its best feature. */
export function FoundUnit({
  unit,
  q,
  parts,
  grid,
}: {
  unit: Found;
  q: string;
  parts: boolean;
  /** Of a study of images. */
  grid: ImageGrid | null;
}) {
  const { bank, index, sizes, matches, passage, found, examples } = unit;
  const [best] = matches;
  const named = matches.map(({ feature, size: _, examples: __, ...said }) => ({ id: feature, ...said }));
  const isOnlyNamed = best !== undefined && found === 0;
  return (
    <li>
      <Link
        to="/unit/$bank/$index"
        params={{ bank, index }}
        search={best === undefined ? {} : { feature: best.feature }}
        className="num result-name"
      >
        {bank}/{index}
      </Link>
      <span className="result-strip">
        <Strip shares={unit} lit={litFeatures(unit)} />
      </span>
      <span className="result-words wrap">
        <Meanings
          unit={{ ...unit, features: named.length > 0 ? named : unit.features }}
          q={q}
          parts={parts}
        />
      </span>
      <span className="small num result-metrics">
        {best === undefined ? (
          <b>{counted(examples, 'example')}</b>
        ) : isOnlyNamed ? (
          <b>by name or note</b>
        ) : (
          <b>
            {formatWhole(found)} of {counted(examples, 'example')}
          </b>
        )}
        <span className="muted">{counted(unit.featureCount ?? sizes.length, 'feature')}</span>
        {unit.separation === null ? null : (
          <span className="muted">
            {formatMetric('separation', unit.separation)} {metricInfo('separation').short}
          </span>
        )}
      </span>
      {passage === null ? null : <FoundPassage passage={passage} grid={grid} />}
    </li>
  );
}
