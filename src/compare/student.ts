/** Halvings of an angle in (0, π/2) until doubles are used up. */
const HALVINGS = 60;

/**
 * Quantile of Student's t with a whole number of degrees of freedom: from the finite sums of its distribution
 * (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4), by bisection of the angle θ = atan(t / √ν).
 *
 * @param p in [0.5, 1)
 * @param freedom degrees of freedom ν, at least 1
 */
export function studentQuantile(p: number, freedom: number): number {
  if (p === 0.5) return 0;
  const central = 2 * p - 1;
  let [low, high] = [0, Math.PI / 2];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (centralShare(middle, freedom) < central) low = middle;
    else high = middle;
  }
  return Math.sqrt(freedom) * Math.tan((low + high) / 2);
}

/** P(|T| < √ν · tan θ). */
function centralShare(theta: number, freedom: number): number {
  const [sin, cos] = [Math.sin(theta), Math.cos(theta)];
  const odd = freedom % 2 === 1;
  // 1 + (2/3) cos² + (2·4)/(3·5) cos⁴ + … for odd ν, 1 + (1/2) cos² + (1·3)/(2·4) cos⁴ + … for even ν.
  let [sum, term] = [0, 1];
  for (let i = odd ? 3 : 2; i <= freedom; i += 2) {
    sum += term;
    term *= ((i - 1) / i) * cos ** 2;
  }
  return odd ? (2 / Math.PI) * (theta + sin * cos * sum) : sin * sum;
}
