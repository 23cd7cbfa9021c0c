import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useRef } from 'react';
import type { CsvValue } from '../../../src/base/csv.ts';
import { visible } from '../../../src/base/visible.ts';
import { studyQuery } from '../source/query-options.ts';
import { saveCsv } from '../ui/save-file.ts';
import type { LegendItem, saveFigure } from './save-figure.ts';

/**
 * A figure with its title, its controls, and a way out as SVG or PNG (with a legend, if there is one), and as CSV where
 * `rows` gives its numbers. `name` names the files.
 */
export function Figure({
  title,
  name,
  controls,
  note,
  children,
  className = '',
  heading = title,
  legend,
  rows,
}: {
  title: string;
  /** Title of the saved figure; default: its title here. */
  heading?: string;
  name: string;
  controls?: ReactNode;
  note?: ReactNode;
  children: ReactNode;
  className?: string;
  legend?: readonly LegendItem[];
  rows?: () => CsvValue[][];
}) {
  const body = useRef<HTMLDivElement>(null);
  return (
    <section className={`panel ${className}`} aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        {controls}
        <span className="grow" />
        <ExportButtons body={body} name={name} title={title} heading={heading} legend={legend} rows={rows} />
      </div>
      <div className="panel-body">
        <div ref={body} className="figure-body">
          {children}
        </div>
        {note === undefined ? null : <p className="muted small figure-note">{note}</p>}
      </div>
    </section>
  );
}

export function ExportButtons({
  body,
  name,
  title,
  heading = title,
  legend = [],
  rows,
}: {
  body: { readonly current: HTMLElement | null };
  name: string;
  /** As it is read out: "the tree". */
  title: string;
  /** Title of the saved figure. */
  heading?: string;
  legend?: readonly LegendItem[];
  rows?: () => CsvValue[][];
}) {
  // What it was made from; a figure of trainings has no study.
  const study = useQuery({ ...studyQuery, enabled: false }).data;
  const source =
    study === undefined
      ? ''
      : `${visible(study.name)}, content ${study.contentHash?.slice(0, 16) ?? 'unfinished'}, Polyseme ${study.version}`;
  return (
    <span className="exports">
      {(['svg', 'png'] as const).map((kind) => (
        <button
          key={kind}
          type="button"
          className="button quiet"
          aria-label={`Save ${title} as ${kind.toUpperCase()}`}
          onClick={() =>
            body.current && void save(body.current, name, kind, { title: heading, source, legend })
          }
        >
          {kind.toUpperCase()}
        </button>
      ))}
      {rows === undefined ? null : (
        <button
          type="button"
          className="button quiet"
          aria-label={`Save ${title} as CSV`}
          onClick={() => saveCsv(name, rows())}
        >
          CSV
        </button>
      )}
    </span>
  );
}

/** Saving is loaded when something is saved. */
async function save(...asked: Parameters<typeof saveFigure>): Promise<void> {
  const saving = await import('./save-figure.ts');
  await saving.saveFigure(...asked);
}
