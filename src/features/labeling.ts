/** What the features of a unit are: its best split by the silhouette rule, or the clusters at the threshold. */
export const featureRules = ['auto', 'cut'] as const;
export type FeatureRule = (typeof featureRules)[number];

/** A split of examples: labels without gaps, and by label the most typical example. */
export interface Labeling {
  readonly labels: Int32Array;
  readonly centrals: Int32Array;
}

/**
 * The split of the two that a rule calls features.
 * @param split the clusters at the threshold, and `auto`: the silhouette rule's, where there is one
 */
export function featureLabels(
  rule: FeatureRule,
  split: Labeling & { readonly auto: Labeling | null },
): Labeling {
  const { labels, centrals } = rule === 'auto' && split.auto !== null ? split.auto : split;
  return { labels, centrals };
}
