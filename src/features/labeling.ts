/** What the features of a unit are: its best split by the silhouette rule, or the clusters at the threshold. */
export const featureRules = ['auto', 'cut'] as const;
export type FeatureRule = (typeof featureRules)[number];

/** A split of examples: labels without gaps, and by label the most typical example. */
export interface Labeling {
  readonly labels: Int32Array;
  readonly centrals: Int32Array;
  /** 1 for each example that was given to the nearest feature, its own cluster being too small; undefined: none. */
  readonly stray?: Uint8Array;
}

/** Ids of the examples that a split marks as stray. */
export function strayExamples({ stray }: Pick<Labeling, 'stray'>): number[] {
  return stray === undefined ? [] : Array.from(stray.keys()).filter((example) => stray[example] === 1);
}

/**
 * The split of the two that a rule calls features.
 * @param split the clusters at the threshold, and `auto`: the silhouette rule's, where there is one
 */
export function featureLabels(
  rule: FeatureRule,
  split: Labeling & { readonly auto: Labeling | null },
): Labeling {
  if (rule === 'auto' && split.auto !== null) return split.auto;
  const { labels, centrals } = split;
  return { labels, centrals };
}
