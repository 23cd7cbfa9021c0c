// Which latents of a topk SAE fire on which vectors, and how alike a latent's inputs are.

/** Inputs of a latent that are compared: latents with fewer are left out. */
const INPUTS = 24;

/** The k largest positive pre-activations of each vector: latents and their values, k a vector (latent −1: none). */
export function firing({ W_enc, b_enc, b_dec }, vectors, k) {
  const [d, latents] = [b_dec.length, b_enc.length];
  const count = vectors.length / d;
  const found = new Int32Array(count * k).fill(-1);
  const values = new Float32Array(count * k);
  const pre = new Float64Array(latents);
  for (let t = 0; t < count; t++) {
    pre.set(b_enc);
    for (let i = 0; i < d; i++) {
      const value = vectors[t * d + i] - b_dec[i];
      for (let j = 0; j < latents; j++) pre[j] += value * W_enc[i * latents + j];
    }
    for (let place = 0; place < k; place++) {
      let best = 0;
      for (let j = 1; j < latents; j++) if (pre[j] > pre[best]) best = j;
      if (pre[best] <= 0) break;
      found[t * k + place] = best;
      values[t * k + place] = pre[best];
      pre[best] = Number.NEGATIVE_INFINITY;
    }
  }
  return { found, values, count, k, latents };
}

/**
 * Means over latents of the mean cosine distance between the inputs of their 24 strongest firings, and of 24 firings drawn
 * by `random` from all; inputs are less their mean over all vectors, the same for every SAE.
 */
export function inputDistances({ found, values, count, k, latents }, vectors, random) {
  const d = vectors.length / count;
  const units = centredUnits(vectors, count, d);
  const firings = Array.from({ length: latents }, () => []);
  for (let i = 0; i < found.length; i++) {
    if (found[i] >= 0) firings[found[i]].push({ vector: Math.floor(i / k), value: values[i] });
  }
  const [strongest, any] = [[], []];
  for (const list of firings) {
    if (list.length < INPUTS) continue;
    const drawn = random.shuffle(Int32Array.from(list.keys())).subarray(0, INPUTS);
    any.push(
      distance(
        Array.from(drawn, (i) => list[i].vector),
        units,
        d,
      ),
    );
    list.sort((a, b) => b.value - a.value || a.vector - b.vector);
    strongest.push(
      distance(
        list.slice(0, INPUTS).map(({ vector }) => vector),
        units,
        d,
      ),
    );
  }
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  return { compared: any.length, strongest: mean(strongest), any: mean(any) };
}

function centredUnits(vectors, count, d) {
  const mean = new Float64Array(d);
  for (let i = 0; i < vectors.length; i++) mean[i % d] += vectors[i] / count;
  const units = Float64Array.from(vectors, (value, i) => value - mean[i % d]);
  for (let t = 0; t < count; t++) {
    const row = units.subarray(t * d, (t + 1) * d);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < d; i++) row[i] /= norm;
  }
  return units;
}

/** Mean over all pairs of 1 − cos, from the norm of the sum of unit vectors. */
function distance(places, units, d) {
  const sum = new Float64Array(d);
  for (const t of places) for (let i = 0; i < d; i++) sum[i] += units[t * d + i];
  const n = places.length;
  return 1 - (sum.reduce((total, value) => total + value * value, 0) - n) / (n * (n - 1));
}

/**
 * Mean over parents of how much less often the parent's latent (the one of the best F1) fires when a child is there too.
 * null where there are no parents.
 */
export function absorption({ found, k, latents }, { features, active, parent }, { held, count }) {
  if (parent === null) return null;
  const parents = Array.from(parent.keys()).filter((g) => parent[g] < 0);
  const fires = new Float64Array(latents);
  const holds = new Float64Array(features);
  const together = new Float64Array(features * latents);
  const [alone, accompanied] = [0, 1].map(() => ({
    n: new Float64Array(features),
    hits: new Float64Array(features * latents),
  }));
  for (let t = 0; t < count; t++) {
    const own = held.subarray(t * active, (t + 1) * active).filter((g) => g >= 0);
    const on = found.subarray(t * k, (t + 1) * k).filter((j) => j >= 0);
    for (const j of on) fires[j]++;
    for (const g of own) {
      holds[g]++;
      if (parent[g] >= 0) continue;
      const part = own.some((other) => parent[other] === g) ? accompanied : alone;
      part.n[g]++;
      for (const j of on) {
        together[g * latents + j]++;
        part.hits[g * latents + j]++;
      }
    }
  }
  const gaps = parents.flatMap((g) => {
    if (alone.n[g] === 0 || accompanied.n[g] === 0) return [];
    let [best, most] = [0, -1];
    for (let j = 0; j < latents; j++) {
      const f1 = (2 * together[g * latents + j]) / (fires[j] + holds[g]);
      if (f1 > most) [best, most] = [j, f1];
    }
    const recall = (part) => part.hits[g * latents + best] / part.n[g];
    return [recall(alone) - recall(accompanied)];
  });
  return gaps.reduce((sum, value) => sum + value, 0) / gaps.length;
}
