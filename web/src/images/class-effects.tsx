import { useQuery } from '@tanstack/react-query';
import type { Unit } from '../source/answers.ts';
import { classEffectQuery } from '../source/image-queries.ts';
import { counted, formatShare } from '../ui/metric-info.ts';
import { ClassBars } from './class-bars.tsx';

/** What a unit does to the classes: measured on the images of its examples, with it and without it. */
export function ClassEffects({ unit }: { unit: Unit }) {
  const { data, error, isFetching, refetch } = useQuery(classEffectQuery(unit.bank, unit.index));
  if (unit.examples === 0) return null;
  return (
    <section className="panel effects" aria-labelledby="class-effects-title">
      <div className="panel-head">
        <h2 id="class-effects-title">What it does</h2>
        <span className="grow" />
        <button
          type="button"
          className="button"
          disabled={isFetching}
          title="Runs the model on the images of its examples, with the unit and without it"
          onClick={() => void refetch()}
        >
          {isFetching ? 'Measuring …' : 'Measure'}
        </button>
      </div>
      <div className="panel-body">
        {error === null ? null : (
          <p className="bad small" role="alert">
            {error.message}
          </p>
        )}
        {data === undefined ? (
          <p className="muted small">
            How much the unit raises or lowers each class on the images it fires on.
          </p>
        ) : (
          <>
            <ClassBars classes={data.classes} values={data.effects} what="Effect on each class" />
            <p className="muted small">
              By how much each logit is higher with the unit than without it, on average over{' '}
              {counted(data.images, 'image')}; without it the predicted class is another one in{' '}
              {formatShare(data.changed)} of them.
            </p>
          </>
        )}
      </div>
    </section>
  );
}
