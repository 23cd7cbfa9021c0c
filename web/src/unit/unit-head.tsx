import { Link, useNavigate, useRouter } from '@tanstack/react-router';
import { Note } from '../explain/note.tsx';
import type { Metric, Unit } from '../source/answers.ts';
import { LeftIcon, RightIcon } from '../ui/icons.tsx';
import { lastStudySearch } from '../ui/last-study.ts';
import { formatMetric, formatWhole, metricInfo, placeText } from '../ui/metric-info.ts';
import { explained, hinted } from '../ui/tips.tsx';
import { ofNextUnit } from '../ui/url-state.ts';
import { useRandom } from '../ui/use-random.ts';
import { metricNow, standing } from './metrics-table.tsx';
import { saveUnitJson } from './save-features.ts';
import type { UnitCut } from './unit-cut.ts';

const TILES: readonly Metric[] = [
  'featureCount',
  'effectiveFeatures',
  'separation',
  'relativeDistance',
  'clusters',
  'examples',
  'maxActivation',
  'density',
];

/** The unit's name, the way to others, and its main numbers at the cut on screen. */
export function UnitHead({ unit, unitCut }: { unit: Unit; unitCut: UnitCut }) {
  const { bank, index, neighbours } = unit;
  const random = useRandom();
  const { history } = useRouter();
  const navigate = useNavigate();
  const back = () => (history.canGoBack() ? history.back() : void navigate({ to: '/' }));
  return (
    <header className="unit-head">
      <div className="unit-title">
        <nav className="crumbs small" aria-label="Way back">
          <button type="button" className="button quiet" onClick={back}>
            ← Back
          </button>
          <Link to="/" search={lastStudySearch()}>
            All units
          </Link>
          <span aria-hidden="true">/</span>
          <Link to="/" search={{ bank }}>
            {bank}
          </Link>
        </nav>
        <div className="controls unit-name">
          <h1>
            <span className="muted">{bank}/</span>
            {index}
          </h1>
          <nav className="controls" aria-label="Other units" data-steps>
            <Neighbour bank={bank} index={neighbours.previous} name="Previous" />
            <Neighbour bank={bank} index={neighbours.next} name="Next" />
            <button type="button" className="button" onClick={random} {...hinted('Random unit (r)')}>
              I’m feeling lucky
            </button>
          </nav>
          <div className="controls">
            <Note key={`note ${bank}/${index}`} unit={unit} about={`${bank}/${index}`} examples={null} />
            <button
              type="button"
              className="button quiet"
              aria-label="Save this unit as JSON"
              onClick={() => saveUnitJson(unit)}
            >
              JSON
            </button>
          </div>
        </div>
      </div>
      <dl className="tiles">
        {TILES.map((metric) => (
          <div
            key={metric}
            {...explained(`${metricInfo(metric).name}. ${metricInfo(metric).tip}${placeSaid(unit, metric)}`)}
          >
            <dt>
              <span className="wide">{metricInfo(metric).name}</span>
              <span className="tight">{metricInfo(metric).short}</span>
            </dt>
            <dd className="num tile-value" data-metric={metric}>
              {formatMetric(metric, metricNow(unit, unitCut, metric))}
            </dd>
            <dd className="muted small num">{standing(unit, unitCut, metric)}</dd>
          </div>
        ))}
      </dl>
    </header>
  );
}

/** " 87th highest of the bank's 1,024." */
function placeSaid(unit: Unit, metric: Metric): string {
  const rank = unit.ranks[metric];
  return rank === null
    ? ''
    : ` In the study: ${placeText(rank)} of the bank’s ${formatWhole(rank.of)}${rank.ties > 1 ? ` with ${formatWhole(rank.ties - 1)} more` : ''}.`;
}

function Neighbour({ bank, index, name }: { bank: string; index: number | null; name: 'Previous' | 'Next' }) {
  const icon = name === 'Previous' ? <LeftIcon /> : <RightIcon />;
  if (index === null) {
    return (
      <span className="button icon-button" aria-disabled="true">
        {icon}
        <span className="sr">{name}: none</span>
      </span>
    );
  }
  return (
    <Link
      className="button icon-button"
      to="/unit/$bank/$index"
      params={{ bank, index }}
      search={ofNextUnit}
      {...hinted(`${name} unit (${name === 'Previous' ? '←' : '→'})`)}
    >
      {icon}
      <span className="sr">
        {name}: {bank}/{index}
      </span>
    </Link>
  );
}
