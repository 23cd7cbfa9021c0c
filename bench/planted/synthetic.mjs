// Units planted in vectors of known make: synthetic inputs, and the toy data that SAEs are trained on.
import { createRandom } from '../../dist/base/random.js';
import { createTruth, normal } from '../monosemantic/truth.mjs';
import { drawExamples, gather, meanOf } from './truth.mjs';

const POSITIONS = 150;

/**
 * Inputs after a LayerNorm, of norm √d: a mean that all share, with a share `rho` of the energy; of the rest a share `p`
 * goes to the planted feature and 1 − p to 20 of 2,000 background features, all in random directions. A unit is the sum
 * of its features' directions; a scatter unit's inputs have another background feature each in the planted one's place.
 */
export function syntheticSource({ dimension: d, background, active, seed }, { rho, p }) {
  const random = createRandom(seed, 1);
  const direction = (source) => unitVector(Float64Array.from({ length: d }, () => normal(source)));
  const shared = direction(random);
  const features = Array.from({ length: background }, () => direction(random));
  const input = (planted, source) => {
    const rest = new Float64Array(d);
    for (let a = 0; a < active; a++) {
      const feature = features[source.integer(background)];
      const strength = 0.5 + source.next();
      for (let k = 0; k < d; k++) rest[k] += strength * feature[k];
    }
    unitVector(rest);
    const [own, other] = [Math.sqrt(p), Math.sqrt(1 - p)];
    const centred = unitVector(rest.map((value, k) => own * planted[k] + other * value));
    const x = centred.map((value, k) => Math.sqrt(rho) * shared[k] + Math.sqrt(1 - rho) * value);
    return unitVector(x).map((value) => value * Math.sqrt(d));
  };
  const inputs = (rows) => Float32Array.from(rows.flatMap((row) => [...row]));
  const unrelated = (source) => input(features[source.integer(background)], source);
  const mean = meanOf(inputs(Array.from({ length: 4000 }, () => unrelated(random))), d);
  const positions = inputs(Array.from({ length: POSITIONS }, () => unrelated(random)));
  return {
    mean,
    positions,
    plant({ k, n, ratio }, source) {
      const scattered = k === 'scatter';
      const own = Array.from({ length: scattered ? 3 : k }, () => direction(source));
      const places = own.map(() => Array.from({ length: n }, (_, i) => i));
      const truth = scattered
        ? Array.from({ length: n }, (_, i) => i)
        : drawExamples(places, k, { n, ratio }, source).map(({ feature }) => feature);
      return {
        weights: Float32Array.from({ length: d }, (_, i) => own.reduce((sum, one) => sum + one[i], 0)),
        inputs: inputs(truth.map((f) => (scattered ? unrelated(source) : input(own[f], source)))),
        truth: Int32Array.from(truth),
      };
    },
  };
}

function unitVector(v) {
  const norm = Math.hypot(...v);
  for (let k = 0; k < v.length; k++) v[k] /= norm;
  return v;
}

/**
 * Units planted in toy data (`createTruth`): k features, the sum of their directions as weights; examples are vectors
 * that hold exactly one of them. In hierarchical data the features of a unit are children of one parent. A scatter unit
 * sums three features' directions, and its examples hold none of them.
 */
export function toySource(plan) {
  const truth = createTruth(plan);
  const { dimension: d, features, active, parent } = truth;
  const random = createRandom(plan.seed, 2);
  const { vectors, held } = truth.draw(plan.vectors, random);
  const places = Array.from({ length: features }, () => []);
  held.forEach((g, at) => {
    if (g >= 0) places[g].push(Math.floor(at / active));
  });
  const mean = meanOf(vectors, d);
  const positions = vectors.subarray(0, POSITIONS * d);
  const holds = (row, g) => held.subarray(row * active, (row + 1) * active).includes(g);
  return {
    mean,
    positions,
    plant({ half, k, n, ratio }, source) {
      const own = chooseFeatures(k === 'scatter' ? 3 : k, half, source);
      if (own === null) return null;
      const weights = new Float32Array(d);
      for (const g of own) for (let i = 0; i < d; i++) weights[i] += truth.directions[g * d + i];
      const alone = own.map((g) =>
        places[g].filter((row) => own.every((other) => other === g || !holds(row, other))),
      );
      let examples;
      if (k === 'scatter') {
        const none = Array.from({ length: plan.vectors }, (_, row) => row).filter(
          (row) => row >= POSITIONS && own.every((g) => !holds(row, g)),
        );
        examples = choose(none, n, source).map((place, feature) => ({ place, feature }));
      } else examples = drawExamples(alone, k, { n, ratio }, source);
      if (examples === null) return null;
      return {
        weights,
        inputs: gather(
          vectors,
          d,
          examples.map(({ place }) => place),
        ),
        truth: Int32Array.from(examples, ({ feature }) => feature),
      };
    },
  };

  function choose(list, n, source) {
    return Array.from(source.shuffle(Int32Array.from(list)).subarray(0, n));
  }

  /** k features of one half: those of even or odd number; in hierarchical data of one parent. */
  function chooseFeatures(k, half, source) {
    const usable = (g) => places[g].length >= 40;
    let pool = Array.from({ length: features }, (_, g) => g).filter((g) => g % 2 === half && usable(g));
    if (plan.kind === 'hierarchical') {
      const children = Array.from({ length: features }, (_, g) => g).filter(
        (g) => parent[g] >= 0 && usable(g),
      );
      const parents = [...new Set(children.map((g) => parent[g]))].filter((p) => p % 2 === half);
      const p = parents[source.integer(parents.length)];
      pool = children.filter((g) => parent[g] === p);
    }
    return pool.length < k ? null : choose(pool, k, source);
  }
}
