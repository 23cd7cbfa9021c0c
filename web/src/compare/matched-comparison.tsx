import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { CsvValue } from '../../../src/base/csv.ts';
import { MATCHED_BANKS } from '../../../src/contract/constants.ts';
import { COMPARED, type ComparedMetric } from '../../../src/polysemy/column-lists.ts';
import type { MatchedComparison } from '../source/answers.ts';
import { ApiError } from '../source/http.ts';
import { matchedQuery } from '../source/query-options.ts';
import { counted, formatMetric, formatShare, formatWhole, metricInfo } from '../ui/metric-info.ts';
import { saveCsv } from '../ui/save-file.ts';
import '../styles/matched.css';
import { Failure } from '../ui/states.tsx';
import { explained } from '../ui/tips.tsx';
import { BankHeads } from './bank-heads.tsx';
import { headline } from './headline.ts';

type MatchedBank = MatchedComparison['banks'][number];
type Difference = MatchedComparison['differences'][number];
type Colour = (bank: string) => string;

/** How far below the page's edge the panel may be when it begins to load. */
const AHEAD = '200px';

/** Banks whose units have equal numbers of examples: computed when the panel comes into view. */
export function MatchedPanel({ chosen, colour }: { chosen: readonly string[]; colour: Colour }) {
  const place = useRef<HTMLElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) setSeen(true);
      },
      { rootMargin: AHEAD },
    );
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, []);
  const possible = chosen.length >= 2 && chosen.length <= MATCHED_BANKS;
  const { data, error, refetch } = useQuery({ ...matchedQuery(chosen), enabled: seen && possible });
  return (
    <section ref={place} className="panel matched" aria-labelledby="matched-title">
      <div className="panel-head">
        <h2 id="matched-title">At equal numbers of examples</h2>
        <span className="grow" />
        {data !== undefined && possible && (
          <button
            type="button"
            className="button quiet"
            aria-label="Save the comparison at equal numbers as CSV"
            onClick={() => saveCsv('compare-matched', csvRows(data))}
          >
            CSV
          </button>
        )}
      </div>
      {!possible ? (
        <div className="state">
          <p>
            {chosen.length < 2
              ? 'Choose two or more banks above to compare them.'
              : `Choose at most ${MATCHED_BANKS} banks: their units are split again.`}
          </p>
        </div>
      ) : error instanceof ApiError && error.status === 422 ? (
        <div className="state" role="alert">
          <p>These banks cannot be compared: {error.message}</p>
        </div>
      ) : error !== null ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : data === undefined ? (
        <Splitting />
      ) : (
        <Found comparison={data} colour={colour} />
      )}
    </section>
  );
}

function Splitting() {
  return (
    <div className="state" role="status">
      <div className="pulse" />
      <p>
        Units are split into features again, each from the same number of examples, and once more from
        unrelated ones. This takes some seconds.
      </p>
    </div>
  );
}

function Found({ comparison, colour }: { comparison: MatchedComparison; colour: Colour }) {
  const { banks, examples, mostUnits, threshold, linkage } = comparison;
  const drawn = banks.some(({ compared, units, dead, tooFew }) => compared < units - dead - tooFew);
  const answer = headline(comparison);
  return (
    <>
      {answer === null ? null : <p className="headline wrap">{answer}</p>}
      <p className="muted small matched-note">
        {counted(examples, 'example')} of each unit
        {drawn && `, ${formatWhole(mostUnits)} units of a bank drawn by chance`}; {linkage} linkage cut at{' '}
        {threshold}. The null is the same unit with as many inputs of other units in place of its own.
      </p>
      <ul className="matched-banks">
        {banks.map((bank) => (
          <BankCard key={bank.name} bank={bank} colour={colour} />
        ))}
      </ul>
      <Medians banks={banks} colour={colour} />
      <Differences comparison={comparison} />
    </>
  );
}

function BankCard({ bank, colour }: { bank: MatchedBank; colour: Colour }) {
  const { name, compared, units, tooFew, dead, belowNull } = bank;
  return (
    <li>
      <h3>
        <i className="dot" style={{ background: colour(name) }} /> {name}
      </h3>
      <p className="facts small">
        <span>
          <b>{formatWhole(compared)}</b> of {formatWhole(units)} compared
        </span>
        <span>
          <b>{formatWhole(tooFew)}</b> with too few examples
        </span>
        <span>
          <b>{formatWhole(dead)}</b> dead
        </span>
      </p>
      {belowNull !== null && (
        <>
          <div className="below-null" aria-hidden="true">
            <i style={{ width: `${100 * belowNull}%`, background: colour(name) }} />
          </div>
          <p>
            <b className="num">{formatShare(belowNull)}</b> of them have fewer features than under the null
            (ties count half). <span className="muted">{reading(belowNull)}</span>
          </p>
        </>
      )}
    </li>
  );
}

/** How to read the share of units with fewer features than under the null. */
function reading(belowNull: number): string {
  if (belowNull >= 0.75) {
    return 'Unrelated examples would mostly split into more: those of its units belong together.';
  }
  if (belowNull >= 0.6) {
    return 'That is somewhat more than the 50 % that unrelated examples would give.';
  }
  if (belowNull > 0.4) {
    return 'Near 50 %, the number of features does not tell its examples from unrelated ones: do not read much into it.';
  }
  return 'Unrelated examples would mostly split into fewer: those of its units lie further apart.';
}

function Medians({ banks, colour }: { banks: readonly MatchedBank[]; colour: Colour }) {
  return (
    <Table title="Medians" note="With 95 % bootstrap interval; beside each the median under the null.">
      <BankHeads names={banks.map(({ name }) => name)} colour={colour} />
      <tbody>
        {COMPARED.map((metric) => (
          <tr key={metric}>
            <MetricHead metric={metric} />
            {banks.map(({ name, metrics: { [metric]: of } }) => (
              <td key={name} className="num" title={`over ${counted(of.count, 'unit')}`}>
                <span className="with-null">
                  <b>{formatMetric(metric, of.median)}</b>
                  <span className="muted small">null {formatMetric(metric, of.null.median)}</span>
                </span>
                {of.interval !== null && (
                  <span className="muted small">{range(of.interval, (v) => formatMetric(metric, v))}</span>
                )}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Differences({
  comparison: { banks, differences, unequalDepth },
}: {
  comparison: MatchedComparison;
}) {
  const pairs = banks.flatMap(({ name: a }, i) => banks.slice(i + 1).map(({ name: b }) => [a, b] as const));
  const of = (metric: ComparedMetric, [a, b]: readonly [string, string]) =>
    differences.find((d) => d.metric === metric && d.banks[0] === a && d.banks[1] === b);
  return (
    <Table
      title="Where they differ"
      note={`P(A > B): chance that a unit of A has a larger value than one of B; 50 % where they are alike. ${
        unequalDepth.length === 0
          ? '“Higher” and “lower” mark 95 % intervals that leave 50 % out.'
          : `No verdict, because depth is unequal: ${unequalDepth.join('; ')}. A unit that is active more often is then looked at nearer to its maximum. “polyseme compare --redraw” draws examples at random among all that activate a unit.`
      }`}
    >
      <thead>
        <tr>
          <th scope="col">Metric</th>
          {pairs.map(([a, b]) => (
            <th key={`${a} ${b}`} scope="col" className="num">
              P({a} &gt; {b})
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {COMPARED.map((metric) => (
          <tr key={metric}>
            <MetricHead metric={metric} />
            {pairs.map((pair) => (
              <DifferenceCell key={pair.join(' ')} difference={of(metric, pair)} />
            ))}
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function DifferenceCell({ difference }: { difference: Difference | undefined }) {
  if (difference === undefined) return <td className="num muted">–</td>;
  const { banks, superiority, superiorityInterval, differs } = difference;
  return (
    <td className="num" data-differs={differs ?? undefined}>
      <span className="with-null">
        {differs ? <b>{formatShare(superiority)}</b> : <span>{formatShare(superiority)}</span>}
        {differs === null ? null : differs ? (
          <span className="mark small">
            <span aria-hidden="true">{superiority > 0.5 ? '▲' : '▼'}</span> {banks[0]}{' '}
            {superiority > 0.5 ? 'higher' : 'lower'}
          </span>
        ) : (
          <span className="muted small">no clear difference</span>
        )}
      </span>
      <span className="muted small">{range(superiorityInterval, formatShare)}</span>
    </td>
  );
}

function MetricHead({ metric }: { metric: ComparedMetric }) {
  const { name, tip } = metricInfo(metric);
  return (
    <th scope="row" {...explained(tip)}>
      {name}
    </th>
  );
}

function Table({ title, note, children }: { title: string; note: string; children: ReactNode }) {
  return (
    <>
      <div className="matched-note">
        <h3>{title}</h3>
        <p className="muted small">{note}</p>
      </div>
      <section
        className="scroll-x"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow
        tabIndex={0}
        aria-label={`${title} at equal numbers of examples`}
      >
        <table className="plain">{children}</table>
      </section>
    </>
  );
}

function range([low, high]: readonly [number, number], format: (value: number) => string): string {
  return `${format(low)} to ${format(high)}`;
}

/** Medians first, then the differences: one line a metric and bank, or pair of banks. */
function csvRows({ banks, examples, differences }: MatchedComparison): CsvValue[][] {
  return [
    [
      'metric',
      'bank',
      'against',
      'examples',
      'count',
      'median',
      'low',
      'high',
      'null_median',
      'superiority',
      'superiority_low',
      'superiority_high',
      'differs',
    ],
    ...COMPARED.flatMap((metric) =>
      banks.map(({ name, metrics: { [metric]: of } }) => [
        metric,
        name,
        null,
        examples,
        of.count,
        of.median,
        of.interval?.[0] ?? null,
        of.interval?.[1] ?? null,
        of.null.median,
        null,
        null,
        null,
        null,
      ]),
    ),
    ...differences.map((d) => [
      d.metric,
      ...d.banks,
      examples,
      null,
      d.median,
      ...d.medianInterval,
      null,
      d.superiority,
      ...d.superiorityInterval,
      d.differs === null ? null : String(d.differs),
    ]),
  ];
}
