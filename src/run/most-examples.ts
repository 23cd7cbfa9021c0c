import { PolysemeError } from '../errors.ts';
import { MOST_HELD } from '../features/split-large.ts';
import type { SelectionOptions } from '../harvest/selection.ts';
import type { ResolvedRunOptions } from './run-options.ts';
import type { RunSource } from './run-source.ts';

type Asked = Pick<ResolvedRunOptions, 'examples' | 'select' | 'linkage' | 'features'>;

/**
 * Examples that a unit may keep, of those asked for: all but single linkage with features cut hold the distances of every
 * pair, so that no unit gets more than fit. Said before anything is computed.
 * @throws PolysemeError (unsupported) where fewer would be of other bands than those asked for
 */
export function mostExamples({ examples, select, linkage, features }: Asked): {
  readonly examples: number;
  readonly note: string | null;
} {
  if (examples <= MOST_HELD || (linkage === 'single' && features === 'cut')) return { examples, note: null };
  const why = `above ${MOST_HELD} examples of a unit only option linkage single with option features cut does without all distances at once`;
  if (select === 'quantiles') {
    throw new PolysemeError(
      `option examples is ${examples}, by quantiles: ${why}; choose these, or ${MOST_HELD} examples`,
      'unsupported',
    );
  }
  const kept = select === 'top' ? 'the largest' : 'chosen evenly by the seed';
  return {
    examples: MOST_HELD,
    note: `option examples is ${examples}: a unit that has more keeps ${MOST_HELD}, ${kept}; ${why}`,
  };
}

/** How a run's examples are chosen. */
export function selectionOf(
  options: ResolvedRunOptions,
  { keepDuplicates }: Pick<RunSource, 'keepDuplicates'>,
): SelectionOptions {
  const { select, fraction, sign, everyPosition, seed } = options;
  const { examples } = mostExamples(options);
  return { select, examples, fraction, sign, everyPosition, keepDuplicates, seed };
}
