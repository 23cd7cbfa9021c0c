/** Figures of a line that are charted, in the order in which they are read. */
export const LOG_FIGURES = [
  'loss',
  'mse',
  'explainedVariance',
  'l0',
  'sparsity',
  'embedding',
  'meanEmbeddingDistance',
  'residual',
  'meanResidualDistance',
  'deadShare',
  'auxiliary',
  'gradientNorm',
  'learningRate',
  'tokensPerSecond',
] as const;

export type LogFigure = (typeof LOG_FIGURES)[number];
