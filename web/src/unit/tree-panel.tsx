import { useEffect, useRef, useState } from 'react';
import { linkageMethods } from '../../../src/cluster/linkage-methods.ts';
import { ExportButtons } from '../charts/figure.tsx';
import type { LinkageMethod, Unit } from '../source/answers.ts';
import { counted } from '../ui/metric-info.ts';
import { Empty } from '../ui/states.tsx';
import { hinted } from '../ui/tips.tsx';
import { Dendrogram } from './dendrogram.tsx';
import { featureLegend, figureHeading } from './figure-caption.ts';
import { Peek } from './peek.tsx';
import type { Dragged, UnitCut } from './unit-cut.ts';

/** The tree with its linkage and threshold, and the passage under the pointer. */
export function TreePanel({
  unit,
  unitCut,
  dragged: { threshold, drag },
  selected,
  onCut,
  onExample,
}: {
  unit: Unit;
  unitCut: UnitCut;
  dragged: Dragged;
  selected: number | undefined;
  /** Brings a threshold or linkage into the URL; undefined is the study's own. */
  onCut: (cut: {
    threshold?: number | undefined;
    linkage?: LinkageMethod | undefined;
    features?: 'auto' | undefined;
  }) => void;
  onExample: (example: number) => void;
}) {
  const body = useRef<HTMLDivElement>(null);
  const { linkage, cut, stored, auto } = unitCut;
  const commit = (to: number) =>
    onCut({ threshold: unit.rule === 'cut' && to === unit.threshold ? undefined : to, features: undefined });
  const reset = () => onCut({ threshold: undefined, linkage: undefined, features: undefined });
  const toAuto = () => (unit.rule === 'auto' ? reset() : onCut({ threshold: undefined, features: 'auto' }));
  return (
    <section className="panel tree-panel" aria-label="Tree">
      <div className="panel-head">
        <h2>Tree</h2>
        {unit.examples < 2 ? null : (
          <>
            <label {...hinted('Linkage: how the distance between two groups of examples is measured')}>
              <span className="sr">Linkage</span>
              <select
                value={linkage}
                onChange={({ target }) => {
                  const chosen = target.value as LinkageMethod;
                  onCut({ linkage: chosen === unit.linkage ? undefined : chosen });
                }}
              >
                {linkageMethods.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
            <label
              {...hinted(
                'The best split by its silhouette, without a threshold (docs/method.md); else the clusters below the threshold',
              )}
            >
              <input
                type="checkbox"
                checked={auto}
                onChange={() => (auto ? commit(unit.threshold) : toAuto())}
              />
              Auto
            </label>
            <ThresholdField value={threshold} onCommit={commit} />
            <span className="grow" />
            <ExportButtons
              body={body}
              name={`${unit.bank}-${unit.index}-tree`}
              title="the tree"
              heading={figureHeading(unit, unitCut, 'tree')}
              legend={featureLegend(unitCut)}
            />
          </>
        )}
      </div>
      <div className="panel-body" aria-busy={unitCut.waiting}>
        {unit.examples === 0 ? (
          <Empty title="No examples, no tree" />
        ) : (
          <div ref={body}>
            <Dendrogram
              unitCut={unitCut}
              threshold={threshold}
              selected={selected}
              onThreshold={(to, done) => {
                drag(done ? null : to);
                if (done) commit(to);
              }}
              onExample={onExample}
            />
          </div>
        )}
        {unitCut.error === null ? (
          <Peek unitCut={unitCut}>
            <b className="num">{counted(cut.features.length, 'feature')}</b>{' '}
            {auto ? 'by the best split' : `at ${threshold.toFixed(3)}`}
            {stored ? (
              `, as in the study.${unit.examples > 1 ? ' Drag the line to cut elsewhere.' : ''}`
            ) : (
              <>
                ; the study has{' '}
                {unit.rule === 'auto'
                  ? `${counted(unit.featureCount ?? 0, 'feature')} by the best split.`
                  : `${counted(unit.clusters, 'feature')} at ${unit.threshold} (${unit.linkage}).`}{' '}
                <button type="button" className="button link small" onClick={reset}>
                  Reset
                </button>
              </>
            )}
          </Peek>
        ) : (
          <p className="bad small" role="alert">
            {unitCut.error.message}
          </p>
        )}
      </div>
    </section>
  );
}

function ThresholdField({ value, onCommit }: { value: number; onCommit: (value: number) => void }) {
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const commit = () => {
    const parsed = Number(text.replace(',', '.'));
    if (text.trim() !== '' && parsed >= 0 && parsed <= 2) {
      if (parsed !== value) onCommit(parsed);
    } else setText(String(value));
  };
  return (
    <label>
      Threshold
      <input
        type="text"
        inputMode="decimal"
        className="num threshold-field"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
    </label>
  );
}
