import type { FeatureName } from './names.ts';
import { wordList } from './words.ts';

// Apart from how names are made, so that pages that show them need not load that.

/** What a feature is called in a line: its name, or where it has none its words. */
export function featureTitle({
  name,
  words,
}: {
  readonly name: FeatureName | null;
  readonly words: readonly string[];
}): string {
  return name?.text ?? wordList(words);
}

/** How well a name tells the feature's examples from others, in words. */
export function nameScores({ precision, recall, falseAlarms }: FeatureName): string {
  const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;
  const alarms = falseAlarms === null ? [] : [`holds at ${percent(falseAlarms)} of random positions`];
  if (recall === null) return ['unscored', ...alarms].join(', ');
  const scores = [
    ...(precision === null ? [] : [`precision ${precision.toFixed(2)}`]),
    `recall ${recall.toFixed(2)}`,
  ];
  return [...scores, ...alarms].join(', ');
}
