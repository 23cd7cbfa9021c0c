/** Median of an array of numbers. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Prints one figure with its target, and whether it holds. */
export function report(name, value, unit, target) {
  const shown = value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
  const verdict =
    target === undefined ? '' : `  (target ≤ ${target}: ${value <= target ? 'holds' : 'MISSED'})`;
  console.log(`${name.padEnd(72)} ${shown.padStart(8)} ${unit}${verdict}`);
}

/** Seconds that an action takes. */
export async function seconds(action) {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}
