/**
 * What changes, not by how much nor how likely it was: the changes of all log-probabilities, less their mean, weighted by
 * how likely each token is over all firings, scaled to length 1. Where a unit does no more than to move the logits by its
 * output weights, that is the same at every firing.
 * @param expected of each token, its probability summed over all firings
 */
export function changeDirection(
  before: Float32Array,
  after: Float32Array,
  expected: Float64Array,
): Float32Array {
  const width = expected.length;
  let [total, mean] = [0, 0];
  for (let id = 0; id < width; id++) {
    total += expected[id]!;
    mean += (after[id]! - before[id]!) * expected[id]!;
  }
  mean /= total;
  const vector = new Float32Array(width);
  let squares = 0;
  for (let id = 0; id < width; id++) {
    const x = (after[id]! - before[id]! - mean) * Math.sqrt(expected[id]! / total);
    vector[id] = x;
    squares += x * x;
  }
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  for (let id = 0; id < width; id++) vector[id]! *= scale;
  return vector;
}

/**
 * The share of directions that their labels tell: how far the means of the labels lie from the common mean (squared, by
 * their number of items), of 1 for the length of a direction, less what labels that mean nothing give on average (ω² of an
 * analysis of variance, but of the whole length, not of the variance alone: directions that hardly differ have no share to
 * speak of). Takes directions in one by one.
 */
export class FeatureShare {
  readonly #sums: readonly Float32Array[];
  readonly #counts: Float64Array;
  /** Sum of the squared lengths: a direction may be 0. */
  #energy = 0;

  constructor(labels: number, width: number) {
    this.#sums = Array.from({ length: labels }, () => new Float32Array(width));
    this.#counts = new Float64Array(labels);
  }

  add(label: number, direction: Float32Array): void {
    const sum = this.#sums[label]!;
    for (let k = 0; k < direction.length; k++) {
      sum[k]! += direction[k]!;
      this.#energy += direction[k]! ** 2;
    }
    this.#counts[label]!++;
  }

  /** Null where there are too few directions. */
  share(): number | null {
    const labels = this.#sums.length;
    const count = this.#counts.reduce((a, b) => a + b, 0);
    if (count <= labels || this.#energy === 0 || this.#counts.some((n) => n === 0)) return null;
    const width = this.#sums[0]!.length;
    let [grand, own] = [0, 0];
    for (let k = 0; k < width; k++) {
      let all = 0;
      this.#sums.forEach((sum, label) => {
        all += sum[k]!;
        own += sum[k]! ** 2 / this.#counts[label]!;
      });
      grand += all ** 2 / count;
    }
    const within = (this.#energy - own) / (count - labels);
    return (own - grand - (labels - 1) * within) / this.#energy;
  }
}
