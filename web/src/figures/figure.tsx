import { type ReactNode, useRef } from 'react';
import { saveFigure } from './export.ts';

/** A figure with its title, its controls, and a way out as SVG or PNG. `name` names the files. */
export function Figure({
  title,
  name,
  controls,
  note,
  children,
  className = '',
}: {
  title: string;
  name: string;
  controls?: ReactNode;
  note?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  const body = useRef<HTMLDivElement>(null);
  return (
    <section className={`panel ${className}`} aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        {controls}
        <span className="grow" />
        <ExportButtons body={body} name={name} title={title} />
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
}: {
  body: { readonly current: HTMLElement | null };
  name: string;
  title: string;
}) {
  return (
    <span className="exports">
      {(['svg', 'png'] as const).map((kind) => (
        <button
          key={kind}
          type="button"
          className="button quiet"
          aria-label={`Save ${title} as ${kind.toUpperCase()}`}
          onClick={() => body.current && void saveFigure(body.current, name, kind)}
        >
          {kind.toUpperCase()}
        </button>
      ))}
    </span>
  );
}
