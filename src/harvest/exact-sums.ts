/**
 * Sums of numbers as whole numbers: of multiples of 2^-12 (`high`), and of multiples of 2^-52 (`low`, from 0 to 2^40).
 * They are exact, so that neither the order nor the grouping of what is summed changes them.
 */
export interface ExactSums {
  readonly high: BigInt64Array;
  readonly low: BigInt64Array;
}

/** Bits of `low`. */
const LOW_BITS = 40n;

/** Adds sums to others. */
export function addSums(to: ExactSums, { high, low }: ExactSums): void {
  for (let i = 0; i < high.length; i++) {
    const fine = to.low[i]! + low[i]!;
    to.high[i] = to.high[i]! + high[i]! + (fine >> LOW_BITS);
    to.low[i] = fine & ((1n << LOW_BITS) - 1n);
  }
}

/** The sums as numbers, rounded once. */
export function exactSums({ high, low }: ExactSums): Float64Array {
  return Float64Array.from(high, (coarse, i) => Number((coarse << LOW_BITS) + low[i]!) * 2 ** -52);
}

/** The 32-bit words of sums, for a file; `sumsOf` reads them. */
export function sumWords({ high, low }: ExactSums): { high: Uint32Array; low: Uint32Array } {
  const words = ({ buffer, byteOffset, length }: BigInt64Array) =>
    new Uint32Array(buffer, byteOffset, 2 * length);
  return { high: words(high), low: words(low) };
}

/** The sums whose words these are. */
export function sumsOf({ high, low }: { high: Uint32Array; low: Uint32Array }): ExactSums {
  const longs = ({ buffer, byteOffset, length }: Uint32Array) =>
    new BigInt64Array(buffer, byteOffset, length / 2);
  return { high: longs(high), low: longs(low) };
}
