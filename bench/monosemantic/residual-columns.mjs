// What the tables and the plot on L_R show.

const fve = { name: 'variance explained', digits: 3, value: (f) => f.explainedVariance };
const l0 = { name: 'L0', digits: 2, value: (f) => f.l0 };
const distances = [
  {
    name: 'distance of inputs, strongest 24',
    digits: 3,
    value: (f) => f.inputDistance.strongest,
    plotted: true,
  },
  { name: 'distance of inputs, any 24', digits: 3, value: (f) => f.inputDistance.any, plotted: true },
];
const residual = { name: 'L_R a pair', digits: 3, value: (f) => f.residualDistance };

/** Of SAEs on vectors of known features. */
export const TOY_FIGURES = [
  fve,
  l0,
  { name: 'live', digits: 0, value: (f) => f.live },
  { name: 'found (cosine ≥ 0.9)', digits: 3, value: (f) => f.found, plotted: true },
  { name: 'F1 of the best feature', digits: 3, value: (f) => f.f1, plotted: true },
  { name: 'absorption', digits: 3, value: (f) => f.absorption, plotted: true },
  ...distances,
  residual,
];

/** Of SAEs on a model. */
export const MODEL_FIGURES = [
  fve,
  l0,
  { name: 'CE recovered', digits: 4, value: (f) => f.crossEntropyRecovered, plotted: true },
  { name: 'dead', digits: 3, value: (f) => f.deadShare },
  ...distances,
  residual,
];
