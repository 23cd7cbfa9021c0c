import { COMPARED, type ComparedMetric } from '../../../src/polysemy/column-lists.ts';
import type { Comparison, MatchedComparison } from '../source/answers.ts';
import { counted, formatMetric, formatShare, METRIC_LIST, metricInfo } from '../ui/metric-info.ts';
import { explained } from '../ui/tips.tsx';

type Difference = MatchedComparison['differences'][number];
type Pair = readonly [string, string];

/** What is compared at equal numbers comes first; the rest is of all units only. */
const ROWS = [
  ...COMPARED,
  ...METRIC_LIST.map(({ metric }) => metric).filter((metric) => !COMPARED.some((one) => one === metric)),
];

/** Least widths of the metrics' names and of a column of numbers, in pixels. */
const HEAD_WIDTH = 150;
const COLUMN_WIDTH = 150;
/** Heights of a row and of the head: they keep the place of the table while it is on its way. */
const ROW = 56;
const HEAD = 58;
/** Height of the whole table. */
export const TABLE_HEIGHT = HEAD + ROW * ROWS.length;

/**
 * The one table of a comparison: a row a metric; at equal numbers of examples the medians with their null and the differences, and
 * beside them the medians over all units.
 * @param matched null: on its way; undefined: there is none
 */
export function ComparisonTable({
  comparison: { banks, matched: isMatched },
  matched,
  colour,
}: {
  comparison: Comparison;
  matched: MatchedComparison | null | undefined;
  colour: (bank: string) => string;
}) {
  const names = banks.map(({ name }) => name);
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b): Pair => [a, b]));
  const columns = names.length + (matched === undefined ? 0 : names.length + pairs.length);
  return (
    <section
      className="scroll-x"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow
      tabIndex={0}
      aria-label="Table of the comparison"
    >
      <table className="plain compared" style={{ minWidth: HEAD_WIDTH + COLUMN_WIDTH * columns }}>
        <thead>
          <tr>
            <th scope="col" rowSpan={2}>
              Median of
            </th>
            {matched === undefined ? null : (
              <>
                <th scope="colgroup" colSpan={names.length}>
                  <span
                    {...explained(
                      'Each unit is split again from the same number of examples, and once more, as its null, with inputs of other units in place of its own. Below the medians their 95 % bootstrap intervals.',
                    )}
                  >
                    At equal numbers of examples
                  </span>
                </th>
                <th scope="colgroup" colSpan={pairs.length}>
                  <span
                    {...explained(
                      'P(A > B): the chance that a unit of A has a larger value than one of B; 50 % where they are alike. “Higher” and “lower” mark 95 % intervals that leave 50 % out.',
                    )}
                  >
                    Where they differ
                  </span>
                </th>
              </>
            )}
            <th scope="colgroup" colSpan={names.length}>
              <span
                {...explained(
                  isMatched
                    ? 'As the study holds them, with 95 % bootstrap intervals. Every live unit has the same number of examples.'
                    : 'As the study holds them, with 95 % bootstrap intervals. Units have different numbers of examples: more examples find more clusters.',
                )}
              >
                Over all units
              </span>
            </th>
          </tr>
          <tr>
            {matched === undefined ? null : (
              <>
                {names.map((name) => (
                  <BankHead key={name} name={name} colour={colour(name)} />
                ))}
                {pairs.map(([a, b]) => (
                  <th key={`${a} ${b}`} scope="col" className="num">
                    P({a} &gt; {b})
                  </th>
                ))}
              </>
            )}
            {names.map((name) => (
              <BankHead key={name} name={name} colour={colour(name)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {ROWS.map((metric) => {
            const { name, tip } = metricInfo(metric);
            return (
              <tr key={metric} data-metric={metric}>
                <th scope="row">
                  <span {...explained(tip)}>{name}</span>
                </th>
                {matched === undefined ? null : (
                  <>
                    {names.map((bank) => (
                      <MatchedCell key={bank} matched={matched} bank={bank} metric={metric} />
                    ))}
                    {pairs.map((pair) => (
                      <DifferenceCell key={pair.join(' ')} matched={matched} pair={pair} metric={metric} />
                    ))}
                  </>
                )}
                {banks.map((bank) => {
                  const value = bank.metrics[metric as keyof typeof bank.metrics];
                  return (
                    <td key={bank.name} className="num">
                      {value === undefined ? (
                        <span className="muted">–</span>
                      ) : (
                        <Median value={value} format={(v) => formatMetric(metric, v)} />
                      )}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function BankHead({ name, colour }: { name: string; colour: string }) {
  return (
    <th scope="col" className="num">
      <i className="dot" style={{ background: colour }} /> {name}
    </th>
  );
}

interface Middle {
  readonly median: number | null;
  readonly count: number;
  readonly interval: readonly [number, number] | null;
}

function Median({
  value,
  format,
  beside,
}: {
  value: Middle;
  format: (v: number | null) => string;
  beside?: string;
}) {
  return (
    <>
      <span className="with-null">
        <b {...explained(`over ${counted(value.count, 'unit')}`)}>{format(value.median)}</b>
        {beside === undefined ? null : <span className="muted small">{beside}</span>}
      </span>
      <span className="muted small">
        {value.interval === null ? '\u00a0' : `${format(value.interval[0])} to ${format(value.interval[1])}`}
      </span>
    </>
  );
}

function isCompared(metric: string): metric is ComparedMetric {
  return COMPARED.some((one) => one === metric);
}

function MatchedCell({
  matched,
  bank,
  metric,
}: {
  matched: MatchedComparison | null;
  bank: string;
  metric: string;
}) {
  if (!isCompared(metric)) return <td className="num muted">–</td>;
  const found = matched?.banks.find(({ name }) => name === bank)?.metrics[metric];
  if (found === undefined) return <Waiting />;
  const format = (value: number | null) => formatMetric(metric, value);
  return (
    <td className="num">
      <Median value={found} format={format} beside={`null ${format(found.null.median)}`} />
    </td>
  );
}

function DifferenceCell({
  matched,
  pair,
  metric,
}: {
  matched: MatchedComparison | null;
  pair: Pair;
  metric: string;
}) {
  if (!isCompared(metric)) return <td className="num muted">–</td>;
  if (matched === null) return <Waiting />;
  const found = matched.differences.find(
    (one) => one.metric === metric && one.banks[0] === pair[0] && one.banks[1] === pair[1],
  );
  if (found === undefined) return <td className="num muted">–</td>;
  const { superiority, superiorityInterval, differs } = found;
  return (
    <td className="num" data-differs={differs ?? undefined}>
      <span className="with-null">
        {differs ? <b>{formatShare(superiority)}</b> : <span>{formatShare(superiority)}</span>}
        <Verdict difference={found} />
      </span>
      <span className="muted small">
        {formatShare(superiorityInterval[0])} to {formatShare(superiorityInterval[1])}
      </span>
    </td>
  );
}

function Verdict({ difference: { banks, superiority, differs } }: { difference: Difference }) {
  if (differs === null) return null;
  if (!differs) return <span className="muted small">no clear difference</span>;
  const isHigher = superiority > 0.5;
  return (
    <span className="mark small">
      <span aria-hidden="true">{isHigher ? '▲' : '▼'}</span> {banks[0]} {isHigher ? 'higher' : 'lower'}
    </span>
  );
}

/** Keeps the place of a number that is on its way. */
function Waiting() {
  return (
    <td className="num muted waiting-cell">
      <span className="with-null">…</span>
      <span className="small">&nbsp;</span>
    </td>
  );
}
