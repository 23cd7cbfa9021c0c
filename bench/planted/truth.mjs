// What every source of planted units shares: a unit is a sum of directions, its examples are inputs of known features.

/** So many examples of each of k features: equally many, or the first `ratio` times as many as each of the others. */
export function shares(k, n, ratio) {
  const whole = ratio + k - 1;
  const counts = Array.from({ length: k }, (_, f) => Math.round(((f === 0 ? ratio : 1) * n) / whole));
  counts[0] += n - counts.reduce((sum, count) => sum + count, 0);
  return counts;
}

/** A unit's examples from the places of each feature's inputs, drawn without replacement; null where there are too few. */
export function drawExamples(places, k, { n, ratio }, random) {
  const counts = shares(k, n, ratio);
  if (counts.some((count, f) => places[f].length < count || count === 0)) return null;
  const chosen = counts.flatMap((count, f) =>
    Array.from(random.shuffle(Int32Array.from(places[f])).subarray(0, count), (place) => ({
      place,
      feature: f,
    })),
  );
  return random.shuffle(chosen);
}

/** Rows of a matrix of `width` columns, one after the other. */
export function gather(data, width, rows) {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    out.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return out;
}

/** Adjusted Rand index (Hubert and Arabie 1985) of two labelings: 1 where they agree, 0 as chance would. */
export function adjustedRand(a, b) {
  const pairs = (counts) => [...counts.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0);
  const count = (labels) => {
    const counts = new Map();
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    return counts;
  };
  const both = pairs(count(Array.from(a, (label, i) => `${label} ${b[i]}`)));
  const [inA, inB] = [pairs(count(a)), pairs(count(b))];
  const expected = (inA * inB) / ((a.length * (a.length - 1)) / 2);
  const most = (inA + inB) / 2;
  return most === expected ? 1 : (both - expected) / (most - expected);
}

/** Mean of the rows, in double precision. */
export function meanOf(data, width) {
  const sums = new Float64Array(width);
  for (let i = 0; i < data.length; i++) sums[i % width] += data[i];
  return Float32Array.from(sums, (sum) => (sum * width) / data.length);
}
