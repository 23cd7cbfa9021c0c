// Units planted on a model's own activations: each feature is a token type in its contexts.
import { createRandom } from '../../dist/base/random.js';
import { cutContexts, loadModel, openCorpus } from '../../dist/index.js';
import { drawExamples, gather, meanOf } from './truth.mjs';

const TOKENS_PER_RUN = 2048;
/** A unit fires where its weights give more than this, 1 being the mean of a feature's own inputs. */
const FIRES = 0.5;
/** Occurrences that a type needs for its mean to be a probe. */
const FEWEST = 20;
const TRIES = 40;

/**
 * Inputs of a layer's MLP over the State of the Union addresses. Token types are dealt into two halves, the first for
 * choosing bounds and the second for reporting. A unit of k features is the sum of k types' probes: linear discriminant
 * analysis (lda: S⁻¹(m_c − m)) or the difference of means (mean: m_c − m), each scaled to give 1 on its type's mean.
 * Its examples are positions of these types where it fires. A scatter unit sums the probes of as many types as it has
 * examples, and has one example of each. Positions before `from` in their context are left out, unless the unit is
 * `early`: there a token type is several things by itself (docs/validity.md).
 */
export async function realSource({ model: source, data, contexts, context, from, seed }, layer) {
  const model = await loadModel(source);
  try {
    const { vectors, tokens, at, width } = await activations(model, { data, contexts, context, seed }, layer);
    const mean = meanOf(vectors, width);
    const random = createRandom(seed, 100 + layer);
    const positions = gather(
      vectors,
      width,
      Array.from({ length: 150 }, () => random.integer(tokens.length)),
    );
    const types = [...placesByType(tokens)].filter(([, places]) => places.length >= FEWEST);
    const late = (place) => at[place] >= from;
    const dealt = random.shuffle(types);
    const halves = [dealt.filter((_, i) => i % 2 === 0), dealt.filter((_, i) => i % 2 === 1)];
    const solve = solver(vectors, mean, width);
    return { mean, positions, plant: planter({ vectors, at, mean, width, halves, solve, late }) };
  } finally {
    await model.close();
  }
}

async function activations(model, { data, contexts, context, seed }, layer) {
  const { tokenizer } = model;
  const site = `blocks.${layer}.mlp.hook_in`;
  const bos = tokenizer.addsBos;
  const cut = cutContexts(await openCorpus(data), tokenizer, { length: context, bos, count: contexts, seed });
  const special = new Set(tokenizer.specialIds);
  const [parts, ids, at] = [[], [], []];
  let width = 0;
  const run = async (rows) => {
    const { [site]: found } = await model.run({ tokens: rows, taps: [site] });
    const [, length, d] = found.shape;
    width = d;
    const kept = [];
    rows.forEach((row, r) => {
      row.forEach((id, t) => {
        if (special.has(id)) return;
        ids.push(id);
        at.push(t);
        kept.push(r * length + t);
      });
    });
    parts.push(gather(found.data, d, kept));
  };
  let rows = [];
  for await (const { tokens } of cut) {
    rows.push(tokens);
    if (rows.length * context < TOKENS_PER_RUN) continue;
    await run(rows);
    rows = [];
  }
  if (rows.length > 0) await run(rows);
  const vectors = new Float32Array(ids.length * width);
  let end = 0;
  for (const part of parts) {
    vectors.set(part, end);
    end += part.length;
  }
  return { vectors, tokens: Int32Array.from(ids), at: Int32Array.from(at), width };
}

function placesByType(tokens) {
  const places = new Map();
  tokens.forEach((id, at) => {
    if (!places.has(id)) places.set(id, []);
    places.get(id).push(at);
  });
  return places;
}

function planter({ vectors, at, mean, width, halves, solve, late }) {
  const probes = new Map();
  const probe = ([id, places], kind) => {
    const key = `${kind} ${id}`;
    if (!probes.has(key)) {
      const own = meanOf(gather(vectors, width, places), width).map((m, k) => m - mean[k]);
      const direction = kind === 'lda' ? solve(own) : Float64Array.from(own);
      const gain = direction.reduce((sum, value, k) => sum + value * own[k], 0);
      probes.set(
        key,
        direction.map((value) => value / gain),
      );
    }
    return probes.get(key);
  };
  const weightsOf = (types, kind) => {
    const sum = new Float64Array(width);
    for (const type of types) {
      probe(type, kind).forEach((value, k) => {
        sum[k] += value;
      });
    }
    return Float32Array.from(sum);
  };
  const unit = (weights, examples) => ({
    weights,
    inputs: gather(
      vectors,
      width,
      examples.map(({ place }) => place),
    ),
    truth: Int32Array.from(examples, ({ feature }) => feature),
    at: examples.map(({ place }) => at[place]),
  });
  return ({ half, k, n, ratio, probe: kind, early = false }, random) => {
    const types = halves[half];
    const usable = (places) => (early ? places : places.filter(late));
    if (k === 'scatter') {
      const seen = types.filter(([, places]) => usable(places).length > 0);
      if (seen.length < n) return null;
      const chosen = random.shuffle(seen).slice(0, n);
      const examples = chosen.map(([, places], feature) => {
        const own = usable(places);
        return { place: own[random.integer(own.length)], feature };
      });
      return unit(weightsOf(chosen, kind), examples);
    }
    // A type with too few positions where the unit fires makes the draw fail: then others are drawn.
    const frequent = types.filter(([, places]) => usable(places).length >= n / k);
    if (frequent.length < k) return null;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const chosen = random.shuffle([...frequent]).slice(0, k);
      const weights = weightsOf(chosen, kind);
      const fires = (place) => {
        let sum = 0;
        for (let i = 0; i < width; i++) sum += (vectors[place * width + i] - mean[i]) * weights[i];
        return sum > FIRES;
      };
      const examples = drawExamples(
        chosen.map(([, places]) => usable(places).filter(fires)),
        k,
        { n, ratio },
        random,
      );
      if (examples !== null) return unit(weights, examples);
    }
    return null;
  };
}

/** v → S⁻¹v, S the covariance of all inputs with a thousandth of its mean variance added, by Cholesky. */
function solver(vectors, mean, d) {
  const lower = new Float64Array(d * d);
  const row = new Float64Array(d);
  const every = Math.max(1, Math.floor(vectors.length / d / 40_000));
  let used = 0;
  for (let at = 0; at < vectors.length; at += d * every, used++) {
    for (let i = 0; i < d; i++) row[i] = vectors[at + i] - mean[i];
    for (let i = 0; i < d; i++) for (let j = 0; j <= i; j++) lower[i * d + j] += row[i] * row[j];
  }
  let trace = 0;
  for (let i = 0; i < d * d; i++) lower[i] /= used;
  for (let i = 0; i < d; i++) trace += lower[i * d + i];
  for (let i = 0; i < d; i++) {
    lower[i * d + i] += (1e-3 * trace) / d;
    for (let j = 0; j <= i; j++) {
      let sum = lower[i * d + j];
      for (let k = 0; k < j; k++) sum -= lower[i * d + k] * lower[j * d + k];
      lower[i * d + j] = i === j ? Math.sqrt(sum) : sum / lower[j * d + j];
    }
  }
  return (vector) => {
    const x = Float64Array.from(vector);
    for (let i = 0; i < d; i++) {
      for (let k = 0; k < i; k++) x[i] -= lower[i * d + k] * x[k];
      x[i] /= lower[i * d + i];
    }
    for (let i = d - 1; i >= 0; i--) {
      for (let k = i + 1; k < d; k++) x[i] -= lower[k * d + i] * x[k];
      x[i] /= lower[i * d + i];
    }
    return x;
  };
}
