// Vectors that are sums of a few of many known features, more features than dimensions.
import { createRandom } from '../../dist/base/random.js';

/** Streams of random numbers other than the trainer's: else its first decoder would be the truth. */
export const STREAM = { truth: 1001, training: 1002, sample: 1003, firings: 77 };

/**
 * Features as unit vectors in random directions, each over `spread` of the dimensions (default all), and `draw(n, source)`:
 * n vectors, and the features of each (−1 where it has fewer than `active`) with their strengths. By `kind`:
 * - flat: `active` features, drawn without replacement with chances ∝ 1/√rank, strengths uniform in 0.5 to 1.5
 * - hierarchical: the same of `parents` parents, each with one of its equally many children in `childChance` of the cases;
 *   `parent` names each feature's
 * - pairs: the same of pairs of features, of which both come in `bothChance` of the cases, else either
 * - synth: SynthSAEBench (Chanin and Garriga-Alonso 2026, arXiv 2602.14687), with `roots` of its trees: see synthDraw
 */
export function createTruth(plan) {
  const { kind = 'flat', dimension, features, seed, spread = dimension } = plan;
  const random = createRandom(seed, STREAM.truth);
  const directions = new Float32Array(features * dimension);
  for (let g = 0; g < features; g++) {
    const row = directions.subarray(g * dimension, (g + 1) * dimension);
    const places = random.shuffle(Int32Array.from(row.keys())).subarray(0, spread);
    for (const i of places) row[i] = normal(random);
    const norm = Math.hypot(...row);
    for (let i = 0; i < dimension; i++) row[i] /= norm;
  }
  const { held: width, parent, one } = KINDS[kind](plan, random);
  const draw = (n, source) => {
    const vectors = new Float32Array(n * dimension);
    const held = new Int32Array(n * width).fill(-1);
    const strengths = new Float32Array(n * width);
    for (let b = 0; b < n; b++) {
      let at = b * width;
      for (const [g, strength] of one(source)) {
        held[at] = g;
        strengths[at++] = strength;
        for (let i = 0; i < dimension; i++)
          vectors[b * dimension + i] += strength * directions[g * dimension + i];
      }
    }
    return { vectors, held, strengths, count: n };
  };
  return { kind, dimension, features, active: width, directions, parent, draw };
}

export function normal(source) {
  return Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next());
}

const strength = (source) => 0.5 + source.next();

const KINDS = {
  flat({ features, active }) {
    const pick = byRank(features);
    const one = (source) => Array.from(distinct(pick, active, source), (g) => [g, strength(source)]);
    return { held: active, parent: null, one };
  },

  hierarchical({ features, active, parents, childChance = 0.75 }) {
    const children = features / parents - 1;
    const pick = byRank(parents);
    const parent = Int32Array.from({ length: features }, (_, g) =>
      g < parents ? -1 : Math.floor((g - parents) / children),
    );
    const one = (source) => {
      const found = [];
      for (const p of distinct(pick, active, source)) {
        found.push([p, strength(source)]);
        if (source.next() >= childChance) continue;
        found.push([parents + p * children + source.integer(children), strength(source)]);
      }
      return found;
    };
    return { held: 2 * active, parent, one };
  },

  pairs({ features, active, bothChance = 0.6 }) {
    const pick = byRank(features / 2);
    const one = (source) => {
      const found = [];
      for (const pair of distinct(pick, active, source)) {
        const both = source.next() < bothChance;
        const first = 2 * pair + source.integer(2);
        found.push([first, strength(source)]);
        if (both) found.push([first ^ 1, strength(source)]);
      }
      return found;
    };
    return { held: 2 * active, parent: null, one };
  },

  synth: synthDraw,
};

/**
 * SynthSAEBench-16k has 16,384 features in 768 dimensions. As published: chances of firing by Zipf's law with exponent
 * 0.5, from 0.4 to 5e-4; correlated through a Gaussian copula of rank 25 and scale 0.1; trees of branching 4 and depth
 * 3, a feature only with its parent, of siblings at most one; mean strengths falling linearly from 5 to 4 with rank,
 * deviations |N(0.5, 0.5)|. Scaled down: features, dimensions and the number of trees (128 there). Ours: the trees take
 * the most frequent features, level by level, and directions are random, not pushed apart.
 */
function synthDraw({ features, active, roots }, random) {
  const [rank, scale, branching, depth] = [25, 0.1, 4, 3];
  const parent = new Int32Array(features).fill(-1);
  let [level, next] = [Array.from({ length: roots }, (_, g) => g), roots];
  for (let d = 0; d < depth; d++) {
    const children = [];
    for (const p of level) {
      for (let c = 0; c < branching; c++) {
        parent[next] = p;
        children.push(next++);
      }
    }
    level = children;
  }
  if (next > features) throw new Error(`${roots} trees need ${next} features, more than ${features}`);
  const last = 1 / Math.sqrt(features);
  const threshold = Float64Array.from({ length: features }, (_, g) => {
    const zipf = (1 / Math.sqrt(g + 1) - last) / (1 - last);
    return normalQuantile(1 - (5e-4 + zipf * (0.4 - 5e-4)));
  });
  const factors = Float64Array.from({ length: features * rank }, () => scale * normal(random));
  const own = Float64Array.from({ length: features }, (_, g) => {
    const shared = factors.subarray(g * rank, (g + 1) * rank).reduce((sum, f) => sum + f * f, 0);
    return Math.sqrt(Math.max(0, 1 - shared));
  });
  const mean = Float64Array.from({ length: features }, (_, g) => 5 - g / (features - 1));
  const deviation = mean.map(() => Math.abs(0.5 + 0.5 * normal(random)));
  const common = new Float64Array(rank);
  const one = (source) => {
    for (let r = 0; r < rank; r++) common[r] = normal(source);
    const fires = new Uint8Array(features);
    const siblings = new Map();
    const found = [];
    for (let g = 0; g < features; g++) {
      let value = own[g] * normal(source);
      for (let r = 0; r < rank; r++) value += factors[g * rank + r] * common[r];
      const p = parent[g];
      if (value <= threshold[g] || (p >= 0 && fires[p] === 0)) continue;
      // Of a parent's children that fire one is kept, each with the same chance.
      const rivals = p < 0 ? 1 : (siblings.get(p)?.rivals ?? 0) + 1;
      if (rivals > 1 && source.next() >= 1 / rivals) {
        siblings.get(p).rivals = rivals;
        continue;
      }
      if (p >= 0) {
        const before = siblings.get(p);
        if (before !== undefined) {
          fires[before.g] = 0;
          found[before.at] = null;
        }
        siblings.set(p, { g, rivals, at: found.length });
      }
      fires[g] = 1;
      found.push([g, Math.max(0, mean[g] + deviation[g] * normal(source))]);
    }
    return found.filter((pair) => pair !== null).slice(0, active);
  };
  return { held: active, parent, one };
}

/** Index of one of `count`, with chances ∝ 1/√rank. */
function byRank(count) {
  const upTo = new Float64Array(count);
  for (let g = 0, sum = 0; g < count; g++) upTo[g] = sum += 1 / Math.sqrt(g + 1);
  return (source) => {
    const at = source.next() * upTo[count - 1];
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

function distinct(pick, count, source) {
  const found = new Set();
  while (found.size < count) found.add(pick(source));
  return found;
}

/** Where the normal distribution reaches `share`: bisection on its cumulative function, by Simpson's rule. */
export function normalQuantile(share) {
  const cumulative = (x) => {
    const [steps, width] = [200, x / 200];
    let sum = 1 + Math.exp((-x * x) / 2);
    for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * Math.exp(-((i * width) ** 2) / 2);
    return 0.5 + (sum * width) / 3 / Math.sqrt(2 * Math.PI);
  };
  let [low, high] = [-8, 8];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (cumulative(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
