import { useQuery } from '@tanstack/react-query';
import { EffectsFrame } from '../explain/effects-frame.tsx';
import type { Unit } from '../source/answers.ts';
import { classEffectQuery } from '../source/image-queries.ts';
import { counted, formatShare } from '../ui/metric-info.ts';
import { ClassBars } from './class-bars.tsx';

/** What a unit does to the classes: measured on the images of its examples, with it and without it. */
export function ClassEffects({ unit }: { unit: Unit }) {
  const { data, error, isFetching, refetch } = useQuery(classEffectQuery(unit.bank, unit.index));
  if (unit.examples === 0) return null;
  return (
    <EffectsFrame
      about="How much the unit raises or lowers each class on the images it fires on."
      tip="Runs the model on the images of its examples, with the unit and without it"
      isBusy={isFetching}
      errors={[error]}
      onMeasure={() => void refetch()}
    >
      {data === undefined ? null : (
        <>
          <ClassBars classes={data.classes} values={data.effects} what="Effect on each class" />
          <p className="muted small">
            By how much each logit is higher with the unit than without it, on average over{' '}
            {counted(data.images, 'image')}; without it the predicted class is another one in{' '}
            {formatShare(data.changed)} of them.
          </p>
        </>
      )}
    </EffectsFrame>
  );
}
