// What the tables and the plot show: of the figures of a seed, which ones, and how they read.

const at = (select, metric) => ({ value: (f) => f[select][metric], none: (f) => f[select].null[metric] });

/** Of SAEs on a model. `none`: the same where a latent's inputs are replaced by unrelated ones. */
export const MODEL_COLUMNS = [
  { name: 'variance explained', digits: 3, value: (f) => f.explainedVariance },
  { name: 'CE recovered', digits: 3, value: (f) => f.crossEntropyRecovered },
  { name: 'L0', digits: 1, value: (f) => f.l0 },
  { name: 'dead', digits: 3, value: (f) => f.deadShare },
  { name: 'dimensions that w weighs', digits: 1, value: (f) => f.random.effectiveWeights },
];

/** Of the latents' examples, each with its null. */
export const POLYSEMY_COLUMNS = [
  ['mean distance', 'meanDistance', 3],
  ['max distance', 'maxDistance', 3],
  ['clusters', 'clusters', 2],
  ['effective clusters', 'effectiveClusters', 2],
  ['largest share', 'largestShare', 3],
  ['intra', 'intraClusterDistance', 3],
  ['inter', 'interClusterDistance', 3],
  ['silhouette', 'silhouette', 3],
  ['distance of inputs', 'inputDistance', 3],
].map(([name, metric, digits]) => ({ name, metric, digits }));

/** One metric of the examples chosen by `select`. */
export const polysemyColumn = ({ metric, ...column }, select) => ({ ...column, ...at(select, metric) });

/** Of SAEs on vectors of known features. */
export const TOY_COLUMNS = [
  { name: 'variance explained', digits: 3, value: (f) => f.explainedVariance },
  { name: 'live latents', plotted: false, digits: 0, value: (f) => f.live },
  { name: 'recovered (mean max cosine)', digits: 3, value: (f) => f.recovered },
  { name: 'found (cosine ≥ 0.9)', plotted: false, digits: 3, value: (f) => f.found },
  { name: 'faithful (mean max cosine)', plotted: false, digits: 3, value: (f) => f.faithful },
  { name: 'F1 of the best feature', digits: 3, value: (f) => f.f1 },
  { name: 'features a latent', digits: 2, value: (f) => f.featuresALatent },
  { name: 'mean L_N distance', digits: 3, value: (f) => f.embeddingDistance },
  { name: 'dimensions that w weighs', digits: 1, value: (f) => f.effectiveWeights },
];

/** One set of vectors, and the SAEs on it. */
export function toyTitle({ toy }, set) {
  const { latents, spread } = toy.sets[set];
  const over = spread === toy.dimension ? `all ${spread}` : `${spread} of ${toy.dimension}`;
  return `${toy.features} known features, each over ${over} dimensions; ${latents} latents`;
}
