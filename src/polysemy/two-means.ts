/** Starts: the signs of the coordinates along so many axes. */
const STARTS = 3;
const MOST_STEPS = 100;

/**
 * The two-cluster index (Liu, Hayes, Nobel and Marron 2008, SigClust): the sum of squares within the best two clusters
 * of k-means ÷ the sum of squares about the mean, in [0, 1]; the smaller, the more two clusters explain.
 * K-means is Lloyd's, from three starts: on which side of the mean a point lies along each of the first three axes.
 * @param coordinates count × width, row-major, along axes of falling variance
 * @returns 1 where the points do not differ
 */
export function twoClusterIndex(coordinates: Float64Array, count: number, width: number): number {
  const mean = new Float64Array(width);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < width; k++) mean[k]! += coordinates[i * width + k]! / count;
  }
  let total = 0;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < width; k++) total += (coordinates[i * width + k]! - mean[k]!) ** 2;
  }
  if (!(total > 0)) return 1;
  let least = total;
  for (let axis = 0; axis < Math.min(STARTS, width); axis++) {
    const side = Uint8Array.from({ length: count }, (_, i) =>
      coordinates[i * width + axis]! > mean[axis]! ? 1 : 0,
    );
    least = Math.min(least, lloyd(coordinates, width, side) ?? total);
  }
  return least / total;
}

/** Sum of squares within two clusters, moved until no point changes sides; null where one of them is empty. */
function lloyd(coordinates: Float64Array, width: number, side: Uint8Array): number | null {
  const centres = new Float64Array(2 * width);
  for (let step = 0; step < MOST_STEPS; step++) {
    const inSecond = side.reduce((sum, one) => sum + one, 0);
    const sizes = [side.length - inSecond, inSecond];
    if (sizes[0] === 0 || sizes[1] === 0) return null;
    centres.fill(0);
    for (let i = 0; i < side.length; i++) {
      const one = side[i]!;
      const size = sizes[one]!;
      for (let k = 0; k < width; k++) centres[one * width + k]! += coordinates[i * width + k]! / size;
    }
    let within = 0;
    let moved = false;
    for (let i = 0; i < side.length; i++) {
      let [first, second] = [0, 0];
      for (let k = 0; k < width; k++) {
        const value = coordinates[i * width + k]!;
        first += (value - centres[k]!) ** 2;
        second += (value - centres[width + k]!) ** 2;
      }
      within += side[i] === 0 ? first : second;
      const nearer = second < first ? 1 : 0;
      if (nearer !== side[i]) moved = true;
      side[i] = nearer;
    }
    if (!moved) return within;
  }
  return null;
}
