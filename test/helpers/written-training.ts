import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A line of a log as `sae train` writes it, with figures that follow from the step. */
export function logLine(step: number, figures: Record<string, unknown> = {}): string {
  const line = {
    step,
    loss: 100 / step,
    mse: 80 / step,
    sparsity: 3,
    embedding: 2,
    residual: 0,
    l0: 8,
    embeddingPairs: 100,
    meanEmbeddingDistance: 0.5,
    meanResidualDistance: null,
    explainedVariance: 1 - 1 / step,
    nested: [],
    auxiliary: 0,
    gradientNorm: null,
    learningRate: 0.001,
    dead: 0,
    latents: 64,
    deadShare: 0,
    tokens: 100 * step,
    tokensPerSecond: 1000,
    ...figures,
  };
  return `${JSON.stringify(line)}\n`;
}

export function evaluation(explainedVariance: number): object {
  return {
    reconstruction: { tokens: 500, explainedVariance },
    sparsity: { l0: 8, deadShare: 0.1 },
    crossEntropy: { recovered: 0.9 },
  };
}

/** Writes a run.json; `result`: the names of the members that are done, with what their evaluation is. */
export function writeRun(
  dir: string,
  options: Record<string, unknown> = {},
  result: Record<string, object | null> | null = null,
  diverged?: string,
): void {
  mkdirSync(dir, { recursive: true });
  const run = {
    version: 1,
    options: {
      architecture: 'topk',
      embeddingWeight: [0],
      k: [8],
      tokens: 10_000,
      batch: 100,
      seed: 0,
      logEvery: 1,
      model: 'builtin:folio-5m',
      data: 'builtin:sotu',
      site: 'blocks.2.hook_resid_post',
      ...options,
    },
    result:
      result === null
        ? null
        : Object.entries(result).map(([name, own]) => ({
            name,
            dir: '/secret',
            steps: 100,
            tokens: 10_000,
            last: {},
            evaluation: own,
          })),
    diverged,
  };
  writeFileSync(join(dir, 'run.json'), JSON.stringify(run));
}

/** Appends lines for the steps from `first` to `last`. */
export function writeLog(
  dir: string,
  first: number,
  last: number,
  figures: (step: number) => Record<string, unknown> = () => ({}),
): void {
  mkdirSync(dir, { recursive: true });
  let text = '';
  for (let step = first; step <= last; step++) text += logLine(step, figures(step));
  appendFileSync(join(dir, 'log.jsonl'), text);
}
