import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { featureTitle } from '../../../src/features/feature-title.ts';
import { EffectsFrame } from '../explain/effects-frame.tsx';
import type { Unit } from '../source/answers.ts';
import { classEffectQuery } from '../source/image-queries.ts';
import { counted, formatShare } from '../ui/metric-info.ts';
import { ClassBars } from './class-bars.tsx';

/** What a unit does to the classes, on the images of all its examples or of one feature: measured with it and without it. */
export function ClassEffects({ unit }: { unit: Unit }) {
  const [asked, setAsked] = useState(false);
  const [feature, setFeature] = useState<number | null>(null);
  const { data, error, isFetching, isPlaceholderData, refetch } = useQuery({
    ...classEffectQuery(unit.bank, unit.index, feature),
    enabled: asked,
  });
  if (unit.examples === 0) return null;
  return (
    <EffectsFrame
      about="How much the unit raises or lowers each class on the images it fires on."
      tip="Runs the model on the images of its examples, with the unit and without it"
      isBusy={isFetching}
      errors={[error]}
      onMeasure={() => (asked ? void refetch() : setAsked(true))}
    >
      {data === undefined ? null : (
        <>
          {unit.features.length < 2 ? null : (
            <select
              aria-label="Images measured"
              value={feature ?? ''}
              onChange={({ target }) => setFeature(target.value === '' ? null : Number(target.value))}
            >
              <option value="">on the images of all features</option>
              {unit.features.map(({ id, name, words }) => (
                <option key={id} value={id}>
                  {`on those of feature ${id}: ${featureTitle({ name, words })}`}
                </option>
              ))}
            </select>
          )}
          <div className="class-effects" aria-busy={isPlaceholderData}>
            <ClassBars classes={data.classes} values={data.effects} what="Effect on each class" />
            <p className="muted small">
              By how much each logit is higher with the unit than without it, on average over{' '}
              {counted(data.images, 'image')}; without it the predicted class is another one in{' '}
              {formatShare(data.changed)} of them.
            </p>
          </div>
        </>
      )}
    </EffectsFrame>
  );
}
