/** Sums over tokens in double precision, from which the figures of a reconstruction follow. */
export class Moments {
  readonly #mean: Float64Array;
  /** Σ‖y − ȳ‖² over all tokens. */
  #spread = 0;
  #error = 0;
  #legacy = 0;
  #legacyTokens = 0;
  tokens = 0;

  /** @param width of the rows */
  constructor(width: number) {
    this.#mean = new Float64Array(width);
  }

  /**
   * Takes in a batch. Its spread about its own mean is taken in two passes, and joined to what was there by the
   * means (Chan, Golub & LeVeque 1979): means far from zero cost no digits.
   * @param rows what was to be reconstructed, n × width
   * @param errors ‖y − ŷ‖² of each, n
   */
  add(rows: Float32Array, errors: Float64Array): void {
    const n = errors.length;
    if (n === 0) return;
    const width = this.#mean.length;
    const mean = new Float64Array(width);
    for (let i = 0, at = 0; i < n; i++) for (let k = 0; k < width; k++) mean[k]! += rows[at++]!;
    for (let k = 0; k < width; k++) mean[k]! /= n;
    let within = 0;
    for (let i = 0, at = 0; i < n; i++) {
      let square = 0;
      for (let k = 0; k < width; k++) square += (rows[at++]! - mean[k]!) ** 2;
      within += square;
      this.#error += errors[i]!;
      if (square === 0) continue;
      this.#legacy += 1 - errors[i]! / square;
      this.#legacyTokens++;
    }
    const total = this.tokens + n;
    let between = 0;
    for (let k = 0; k < width; k++) {
      const step = mean[k]! - this.#mean[k]!;
      between += step * step;
      this.#mean[k]! += (step * n) / total;
    }
    this.#spread += within + (between * this.tokens * n) / total;
    this.tokens = total;
  }

  /** Fraction of variance explained over all tokens: 1 − Σ‖y − ŷ‖² / Σ‖y − ȳ‖²; null where nothing varies. */
  get explained(): number | null {
    return this.#spread > 0 ? 1 - this.#error / this.#spread : null;
  }

  /** The field's older form: the mean over tokens of 1 − ‖y − ŷ‖² / ‖y − ȳ‖², with the mean of each batch. */
  get explainedLegacy(): number | null {
    return this.#legacyTokens > 0 ? this.#legacy / this.#legacyTokens : null;
  }
}

/** A mean of numbers that come one by one; null without any. */
export class Mean {
  #sum = 0;
  count = 0;

  add(value: number): void {
    this.#sum += value;
    this.count++;
  }

  get value(): number | null {
    return this.count > 0 ? this.#sum / this.count : null;
  }
}

/** a / b; null where there is no quotient. */
export function ratio(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b;
}
