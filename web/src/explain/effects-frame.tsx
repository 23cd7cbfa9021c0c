import type { ReactNode } from 'react';
import { hinted } from '../ui/tips.tsx';

/** The frame of what a unit does to the output, which is measured when it is asked for. */
export function EffectsFrame({
  about,
  tip,
  isBusy,
  errors,
  onMeasure,
  children,
}: {
  /** What will be measured; said until something is. */
  about: string;
  /** What measuring does and how long it takes. */
  tip: string;
  isBusy: boolean;
  errors: readonly (Error | null)[];
  onMeasure: () => void;
  /** What was measured; empty or null before. */
  children: ReactNode;
}) {
  const failed = errors.filter((error) => error !== null);
  const isEmpty = [children].flat().every((child) => child === null);
  return (
    <section className="panel effects" aria-labelledby="effects-title">
      <div className="panel-head">
        <h2 id="effects-title">What it does</h2>
        <span className="grow" />
        <button type="button" className="button" disabled={isBusy} {...hinted(tip)} onClick={onMeasure}>
          {isBusy ? 'Measuring …' : 'Measure'}
        </button>
      </div>
      <div className="panel-body">
        {isEmpty && failed.length === 0 ? <p className="muted small">{about}</p> : null}
        {failed.map(({ message }) => (
          <p key={message} className="bad small" role="alert">
            {message}
          </p>
        ))}
        {children}
      </div>
    </section>
  );
}
