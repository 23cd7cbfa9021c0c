// Vectors and an initial SAE for the benchmarks of a training step.

/** Unit-variance inputs and unit encoder columns, with a bias that leaves about l0 latents active. */
export function saeData({ d, latents, n, l0 }) {
  let seed = 1;
  const uniform = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const batch = Float32Array.from({ length: n * d }, normal);
  const W_dec = Float32Array.from({ length: latents * d }, () => normal() / Math.sqrt(d));
  const W_enc = new Float32Array(d * latents);
  for (let j = 0; j < latents; j++) for (let k = 0; k < d; k++) W_enc[k * latents + j] = W_dec[j * d + k];
  const b_enc = new Float32Array(latents).fill(-quantile(1 - l0 / latents));
  return { batch, initial: { W_enc, b_enc, W_dec: W_dec.map((w) => 0.3 * w), b_dec: new Float32Array(d) } };
}

/** Of the standard normal distribution, by bisection of its tail integral. */
function quantile(p) {
  let [low, high] = [-8, 8];
  const tail = (x) => {
    let sum = 0;
    for (let t = x; t < 10; t += 1e-3) sum += Math.exp((-t * t) / 2) * 1e-3;
    return sum / Math.sqrt(2 * Math.PI);
  };
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (tail(middle) > 1 - p) low = middle;
    else high = middle;
  }
  return low;
}
