// How well an SAE finds the features that its vectors are made of.

/** Cosine from which a decoder row counts as a feature found. */
const FOUND = 0.9;

/**
 * How well an SAE of k active latents finds the features of `truth`, on the vectors of `sample`:
 * - explainedVariance: pooled; live: latents that fire at all
 * - recovered: mean over features of the largest cosine with a live latent's decoder row; found: share above 0.9
 * - faithful: mean over live latents of the largest cosine of its decoder row with a feature
 * - f1: mean over live latents of the best F1 of "the latent fires" for "the feature is in the vector"
 * - featuresALatent: mean over live latents of the exponential of the entropy of what features give to its
 *   pre-activation while it fires (strength · feature·w_enc, where positive): 1 where one feature gives all
 * - effectiveWeights: mean over live latents of (Σw²)² / Σw⁴, the number of dimensions that w_enc weighs
 */
export function recovery({ W_enc, b_enc, W_dec, b_dec }, truth, sample, k) {
  const { dimension: d, features, active, directions } = truth;
  const latents = b_enc.length;
  const product = encoderProducts(W_enc, directions, d, latents, features);
  const counts = { fires: new Float64Array(latents), holds: new Float64Array(features) };
  const together = new Float64Array(latents * features);
  const gives = new Float64Array(latents * features);
  const mean = new Float64Array(d);
  const { vectors, held, strengths, count } = sample;
  for (let i = 0; i < vectors.length; i++) mean[i % d] += vectors[i] / count;
  let [error, variance] = [0, 0];
  const pre = new Float64Array(latents);
  const rest = new Float64Array(d);
  for (let b = 0; b < count; b++) {
    const x = vectors.subarray(b * d, (b + 1) * d);
    pre.set(b_enc);
    for (let i = 0; i < d; i++) {
      const value = x[i] - b_dec[i];
      for (let j = 0; j < latents; j++) pre[j] += value * W_enc[i * latents + j];
      rest[i] = x[i] - b_dec[i];
      variance += (x[i] - mean[i]) ** 2;
    }
    // A vector with fewer features has −1 in the places after them.
    const own = held.subarray(b * active, (b + 1) * active).filter((g) => g >= 0);
    for (const g of own) counts.holds[g]++;
    const largest = Int32Array.from(pre.keys()).sort((p, q) => pre[q] - pre[p]);
    for (const j of largest.subarray(0, k)) {
      if (pre[j] <= 0) continue;
      counts.fires[j]++;
      for (let i = 0; i < d; i++) rest[i] -= pre[j] * W_dec[j * d + i];
      own.forEach((g, at) => {
        const cell = j * features + g;
        together[cell]++;
        gives[cell] += Math.max(0, strengths[b * active + at] * product[cell]);
      });
    }
    for (let i = 0; i < d; i++) error += rest[i] ** 2;
  }
  return summary({
    counts,
    together,
    gives,
    W_enc,
    W_dec,
    directions,
    d,
    latents,
    features,
    fve: 1 - error / variance,
  });
}

function summary({ counts, together, gives, W_enc, W_dec, directions, d, latents, features, fve }) {
  const best = new Float64Array(features).fill(-1);
  const [faithful, f1, shares, effective] = [[], [], [], []];
  for (let j = 0; j < latents; j++) {
    if (counts.fires[j] === 0) continue;
    const row = W_dec.subarray(j * d, (j + 1) * d);
    const norm = Math.hypot(...row);
    let [cosine, score, entropy, total] = [-1, 0, 0, 0];
    for (let g = 0; g < features; g++) {
      let dot = 0;
      for (let i = 0; i < d; i++) dot += row[i] * directions[g * d + i];
      cosine = Math.max(cosine, dot / norm);
      best[g] = Math.max(best[g], dot / norm);
      score = Math.max(score, (2 * together[j * features + g]) / (counts.fires[j] + counts.holds[g]));
      total += gives[j * features + g];
    }
    for (let g = 0; g < features; g++) {
      const share = gives[j * features + g] / total;
      if (share > 0) entropy -= share * Math.log(share);
    }
    faithful.push(cosine);
    f1.push(score);
    shares.push(Math.exp(entropy));
    const column = Float64Array.from({ length: d }, (_, i) => W_enc[i * latents + j]);
    const [second, fourth] = [2, 4].map((power) => column.reduce((sum, w) => sum + w ** power, 0));
    effective.push(second ** 2 / fourth);
  }
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  return {
    explainedVariance: fve,
    live: faithful.length,
    recovered: mean([...best]),
    found: best.filter((cosine) => cosine >= FOUND).length / features,
    faithful: mean(faithful),
    f1: mean(f1),
    featuresALatent: mean(shares),
    effectiveWeights: mean(effective),
  };
}

/** feature·w_enc, latents × features. */
function encoderProducts(W_enc, directions, d, latents, features) {
  const products = new Float64Array(latents * features);
  for (let g = 0; g < features; g++) {
    for (let i = 0; i < d; i++) {
      const value = directions[g * d + i];
      for (let j = 0; j < latents; j++) products[j * features + g] += value * W_enc[i * latents + j];
    }
  }
  return products;
}
