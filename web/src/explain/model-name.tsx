import { useQuery } from '@tanstack/react-query';
import { visible } from '../../../src/base/visible.ts';
import type { Unit } from '../source/answers.ts';
import { modelNamesQuery } from '../source/notes-queries.ts';
import { explained } from '../ui/tips.tsx';

/** The name that a language model gave a feature, where it was asked for one, and how well it tells examples apart. */
export function ModelName({ unit, feature }: { unit: Unit; feature: number }) {
  const { data } = useQuery(modelNamesQuery(unit));
  const names = data?.names;
  const name = names?.features.find((one) => one.feature === feature);
  if (names == null || name === undefined || name.text === null) return null;
  const { text, siblings, random, asked, unanswered } = name;
  const score = (value: number | null): string => (value === null ? '–' : value.toFixed(2));
  return (
    <p className="model-name small">
      <bdi className="wrap">{visible(text)}</bdi>{' '}
      <span
        className="muted num"
        {...explained(
          `By ${visible(names.model)}. Balanced accuracy on examples that it was not made from, 0.5 by chance; ${asked} passages, ${unanswered} without an answer`,
        )}
      >
        by a language model · {score(siblings)} against the unit’s other features, {score(random)} against
        random text
      </span>
    </p>
  );
}
