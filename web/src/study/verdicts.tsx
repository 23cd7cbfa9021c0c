import { useState } from 'react';
import type { CsvValue } from '../../../src/base/csv.ts';
import { type Verdict, verdicts } from '../../../src/polysemy/verdict.ts';
import { Figure } from '../charts/figure.tsx';
import type { Bank } from '../source/answers.ts';
import { counted, formatShare, formatWhole } from '../ui/metric-info.ts';
import { VERDICT_NAMES } from '../ui/verdict-names.ts';
import { useWidth } from '../ui/width.ts';
import '../styles/verdicts.css';

const COLOURS: Readonly<Record<Verdict, string>> = {
  several: 'var(--f0)',
  one: 'var(--f2)',
  scatter: 'var(--f4)',
  few: 'var(--f-rest)',
};

/** Height of a bank's counts and bar, and of the bar alone. */
const ROW = 44;
const BAR = 16;
/** Pixels between two counts, and about those of a character. */
const GAP = 14;
const CHARACTER = 6.6;

/** What the units of each bank are: a bar a bank, its parts by verdict; a part shows its units in the table. */
export function Verdicts({
  banks,
  chosen,
  onChoose,
}: {
  banks: readonly Bank[];
  chosen: { readonly bank: string | undefined; readonly verdict: Verdict | undefined };
  onChoose: (bank: string | undefined, verdict: Verdict | undefined) => void;
}) {
  const judged = banks.flatMap(({ name, verdicts }) =>
    verdicts === null ? [] : [{ name, counts: verdicts }],
  );
  if (judged.length === 0) return null;
  const all = verdicts.map((verdict) => judged.reduce((sum, { counts }) => sum + counts[verdict], 0));
  return (
    <Figure
      className="span-12"
      title="What the units are"
      name="verdicts"
      rows={() => csvRows(judged)}
      note={
        <>
          {verdicts.map((verdict, i) => `${formatWhole(all[i]!)} ${VERDICT_NAMES[verdict]}`).join(' · ')} in
          all. Scatter: no more alike than unrelated inputs. Choose a part to see its units in the table
          above.
        </>
      }
    >
      <Bars banks={judged} chosen={chosen} onChoose={onChoose} />
    </Figure>
  );
}

interface Counted {
  readonly name: string;
  readonly counts: Readonly<Record<Verdict, number>>;
}

function Bars({
  banks,
  chosen,
  onChoose,
}: {
  banks: readonly Counted[];
  chosen: { readonly bank: string | undefined; readonly verdict: Verdict | undefined };
  onChoose: (bank: string | undefined, verdict: Verdict | undefined) => void;
}) {
  const [host, setHost] = useState<HTMLDivElement | null>(null);
  const width = useWidth(host);
  const shown = (name: string) => (name.length > 18 ? `…${name.slice(-17)}` : name);
  const left = 14 + CHARACTER * 1.1 * Math.max(...banks.map(({ name }) => shown(name).length));
  return (
    <div ref={setHost} className="verdicts" style={{ minHeight: banks.length * ROW }}>
      {width === 0 ? null : (
        // biome-ignore lint/a11y/useSemanticElements: a drawing
        <svg width={width} height={banks.length * ROW} role="group" aria-label="Units by verdict">
          {banks.map(({ name, counts }, row) => (
            <g key={name} transform={`translate(0, ${row * ROW})`}>
              <text x={0} y={ROW - 14} className="verdict-bank">
                <title>{name}</title>
                {shown(name)}
              </text>
              {placed(counts, left, width).map((part) => {
                const { verdict, count, label } = part;
                const isChosen = chosen.bank === name && chosen.verdict === verdict;
                const choose = () => (isChosen ? onChoose(undefined, undefined) : onChoose(name, verdict));
                return (
                  // biome-ignore lint/a11y/useSemanticElements: a part of a drawing
                  <g
                    key={verdict}
                    role="button"
                    tabIndex={0}
                    className="verdict"
                    aria-pressed={isChosen}
                    aria-label={`${name}: ${counted(count, 'unit')} ${VERDICT_NAMES[verdict]}`}
                    onClick={choose}
                    onKeyDown={(event) => {
                      if (event.key !== 'Enter' && event.key !== ' ') return;
                      event.preventDefault();
                      choose();
                    }}
                  >
                    <title>{`${name}: ${counted(count, 'unit')} ${VERDICT_NAMES[verdict]}, ${formatShare(part.share)}`}</title>
                    <rect
                      x={part.textX - 3}
                      y={1}
                      width={part.textWidth + 6}
                      height={19}
                      fill="transparent"
                    />
                    <rect x={part.textX} y={6} width={9} height={9} rx={2} fill={COLOURS[verdict]} />
                    <text x={part.textX + 13} y={15} className="verdict-count">
                      {label}
                    </text>
                    <rect
                      x={part.x}
                      y={ROW - BAR - 6}
                      width={part.width}
                      height={BAR}
                      fill={COLOURS[verdict]}
                      opacity={chosen.verdict === undefined || isChosen ? 1 : 0.4}
                    />
                  </g>
                );
              })}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

/** The parts of a bar, and the counts above them: each over its part, or beside its neighbour where there is no room. */
function placed(counts: Counted['counts'], left: number, width: number) {
  const total = verdicts.reduce((sum, verdict) => sum + counts[verdict], 0);
  const scale = Math.max(0, width - left - 1) / Math.max(1, total);
  let [from, free] = [left, 0];
  const parts = verdicts
    .filter((verdict) => counts[verdict] > 0)
    .map((verdict) => {
      const count = counts[verdict];
      const label = `${formatWhole(count)} ${verdict}`;
      const textWidth = 13 + CHARACTER * label.length;
      const textX = Math.max(from, free);
      const part = {
        verdict,
        count,
        label,
        share: count / total,
        x: from,
        width: Math.max(1, scale * count - 1.5),
        textX,
        textWidth,
      };
      from += scale * count;
      free = textX + textWidth + GAP;
      return part;
    });
  let end = width;
  for (const part of parts.toReversed()) {
    part.textX = Math.max(0, Math.min(part.textX, end - part.textWidth));
    end = part.textX - GAP;
  }
  return parts;
}

function csvRows(banks: readonly Counted[]): CsvValue[][] {
  return [
    ['bank', ...verdicts],
    ...banks.map(({ name, counts }) => [name, ...verdicts.map((v) => counts[v])]),
  ];
}
