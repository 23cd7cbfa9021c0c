/** By rising activation, the share of all that is counted up to it. */
export function cumulativeShares({
  lower,
  upper,
  counts,
}: {
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  readonly counts: readonly number[];
}): { readonly upTo: number; readonly share: number }[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return [];
  const points = [{ upTo: lower[0]!, share: 0 }];
  let sum = 0;
  counts.forEach((count, i) => {
    // Between bins that are not neighbours nothing is counted.
    if (points.at(-1)!.upTo < lower[i]!) points.push({ upTo: lower[i]!, share: sum / total });
    sum += count;
    points.push({ upTo: upper[i]!, share: sum / total });
  });
  return points;
}
