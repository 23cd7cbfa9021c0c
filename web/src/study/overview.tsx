import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { bankColour } from '../charts/colours.ts';
import { Figure } from '../charts/figure.tsx';
import { banksQuery } from '../source/query-options.ts';
import { MetricSelect } from '../ui/controls.tsx';
import { metricInfo } from '../ui/metric-info.ts';
import { Empty, Failure, Loading } from '../ui/states.tsx';
import { useTheme } from '../ui/theme.ts';
import { figures, usePoints } from './use-points.ts';
import { useStudySearch } from './use-study-search.ts';
import { Verdicts } from './verdicts.tsx';

const Scatter = lazy(async () => ({ default: (await figures.scatter()).Scatter }));
const Distributions = lazy(async () => ({ default: (await figures.distributions()).Distributions }));

/** All units in figures: what they are, how a metric is distributed in each bank, and any metric against another. */
export function Overview() {
  const { search, change } = useStudySearch();
  const { points, error, retry } = usePoints();
  const navigate = useNavigate();
  const { dark } = useTheme();
  const banks = useQuery(banksQuery);
  // A study of a version that had no verdicts has clusters only.
  const isJudged = banks.data?.some(({ verdicts }) => verdicts !== null) ?? true;
  const {
    shape = isJudged ? 'separation' : 'effectiveClusters',
    x = isJudged ? 'relativeDistance' : 'meanDistance',
    y = isJudged ? 'separation' : 'effectiveClusters',
  } = search;
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  if (points !== null && points.count === 0) {
    return <Empty title="No unit yet">This study has no unit: its run has not come that far.</Empty>;
  }
  const waiting = <Loading what="the figures" />;
  return (
    <div className="cards">
      <Verdicts
        banks={banks.data ?? []}
        chosen={{ bank: search.bank, verdict: search.verdict }}
        onChoose={(bank, verdict) => change({ bank, verdict })}
      />
      <Figure
        className="span-5"
        title="Distribution by bank"
        heading={`${metricInfo(shape).name}: its distribution in each bank, with the median`}
        name={`distribution-${shape}`}
        controls={
          <MetricSelect
            label="Metric of the distributions"
            value={shape}
            onChange={(metric) => change({ shape: metric })}
          />
        }
        note={`${metricInfo(shape).sentence} Each bank’s highest bar is drawn as high; the line and the number are the median.`}
      >
        <Suspense fallback={waiting}>
          {points === null ? waiting : <Distributions points={points} metric={shape} bank={search.bank} />}
        </Suspense>
      </Figure>
      <Figure
        className="span-7"
        title="Units"
        heading={`${metricInfo(y).name} against ${metricInfo(x).name}, one point a unit`}
        legend={(points?.banks ?? []).map((name, i, all) => ({ name, colour: bankColour(i, all, dark) }))}
        name={`scatter-${x}-${y}`}
        controls={
          <span className="control">
            <MetricSelect label="Vertical axis" value={y} onChange={(metric) => change({ y: metric })} />
            against
            <MetricSelect label="Horizontal axis" value={x} onChange={(metric) => change({ x: metric })} />
          </span>
        }
        note="A point is a unit; click one to open it. The table’s bank and ranges of metrics leave the others grey."
      >
        <Suspense fallback={waiting}>
          {points === null ? (
            waiting
          ) : (
            <Scatter
              points={points}
              x={x}
              y={y}
              onOpen={(bank, index) =>
                void navigate({ to: '/unit/$bank/$index', params: { bank, index }, search: {} })
              }
            />
          )}
        </Suspense>
      </Figure>
    </div>
  );
}
