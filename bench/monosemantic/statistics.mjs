/** Two-sided 95 % quantiles of Student's t, by degrees of freedom from 1. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365];

/** Mean of the seeds' values and half of its 95 % t interval; null where a seed has no value. */
export function interval(values) {
  const n = values.length;
  if (n === 0 || values.some((value) => value === null || value === undefined)) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, half: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, half: T[n - 2] * Math.sqrt(variance / n) };
}

/** Whether the interval of the differences, seed by seed, leaves 0 out. */
export function differs(values, base) {
  if (values.length !== base.length) return false;
  const found = interval(values.map((value, i) => (value === null ? null : value - base[i])));
  return found !== null && found.half !== null && Math.abs(found.mean) > found.half;
}
