import { PolysemeError } from '../errors.ts';

/** The number of clusters in `labels`; throws unless they are 0…k−1, each of them used. */
export function checkLabels(caller: string, labels: Int32Array): number {
  const used = new Uint8Array(labels.length);
  let clusters = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label < 0 || label >= labels.length) {
      throw new PolysemeError(
        `${caller}: label ${i} is ${label}; ${labels.length} labels count from 0 without gaps`,
      );
    }
    used[label] = 1;
    if (label >= clusters) clusters = label + 1;
  }
  const missing = used.subarray(0, clusters).indexOf(0);
  if (missing >= 0)
    throw new PolysemeError(`${caller}: no label is ${missing}; labels count from 0 without gaps`);
  return clusters;
}

/** Labels from 0 by first appearance: points with equal ids get equal labels. */
export function labelsOf(ids: Int32Array): Int32Array {
  const numbers = new Map<number, number>();
  return ids.map((id) => {
    if (!numbers.has(id)) numbers.set(id, numbers.size);
    return numbers.get(id)!;
  });
}
