import { visible } from '../../../src/base/visible.ts';
import { imageGrid } from '../../../src/contract/image-grid.ts';
import type { Study } from '../source/answers.ts';
import { counted } from '../ui/metric-info.ts';
import { explained } from '../ui/tips.tsx';

/** What was run on what, and how much came of it. */
export function StudyHead({ study }: { study: Study | undefined }) {
  if (study === undefined) {
    return (
      <header className="page-head" aria-busy="true">
        <h1 className="muted">Opening the study …</h1>
        <p className="facts">&nbsp;</p>
      </header>
    );
  }
  const images = imageGrid(study.model);
  const units = study.banks.reduce((sum, bank) => sum + bank.units, 0);
  const text = (value: unknown) => (value === undefined || value === null ? 'unknown' : String(value));
  return (
    <header className="page-head">
      <h1 className="wrap">
        <Source of={text(study.model.source)} /> <span className="muted">on</span>{' '}
        <Source of={text(study.data.source)} />
      </h1>
      <p className="facts">
        <span>
          <b>{counted(units, 'unit')}</b> in {counted(study.banks.length, 'bank')}
        </span>
        {study.tokens === null ? null : (
          <span>
            {images === null ? (
              <>
                <b>{counted(study.tokens, 'text token')}</b> in {counted(study.contexts ?? 0, 'context')} of{' '}
                {counted(study.documents ?? 0, 'document')}
              </>
            ) : (
              <>
                <b>{counted(study.contexts ?? 0, 'image')}</b> of {images.width} × {images.height} pixels
              </>
            )}
          </span>
        )}
        <span>
          <b>{counted(study.examples, 'example')}</b>
        </span>
        <span>
          {text(study.options.linkage)} linkage, threshold <b>{text(study.options.threshold)}</b>
        </span>
        <span className="mono">{visible(study.name)}</span>
      </p>
    </header>
  );
}

/** Where a model or data came from: of a file its own name, the path on asking. */
function Source({ of }: { of: string }) {
  const [name] = /^(?:\/|\.|[A-Za-z]:\\)/.test(of) ? (/[^\\/]+[\\/]*$/.exec(of) ?? [of]) : [of];
  return name === of ? visible(of) : <bdi {...explained(visible(of))}>{visible(name)}</bdi>;
}
