import { unitEmbeddings } from '../bank/embedding.ts';
import type { VectorsAnswer } from '../contract/unit-answers.ts';
import { HttpProblem } from './problem.ts';
import type { StudySource } from './served-study.ts';
import type { Wire } from './wire.ts';

/** A unit's input weights, and the neuron embeddings of some of its examples. */
export function vectorsAnswer(
  source: StudySource,
  bank: string,
  index: number,
  examples: readonly number[],
): Wire<VectorsAnswer> {
  source.row(bank, index);
  const { embedding, inputs, weights, centre, count } = source.study.inputs(bank, index);
  const missing = examples.find((example) => example >= count);
  if (missing !== undefined) {
    throw new HttpProblem(404, `unit ${bank}/${index} has no example ${missing}: it has ${count}, from 0`);
  }
  const width = count === 0 ? 0 : inputs.length / count;
  const rows = new Float32Array(examples.length * width);
  examples.forEach((example, i) => {
    rows.set(inputs.subarray(example * width, (example + 1) * width), i * width);
  });
  return {
    ...(embedding.kind === 'linear' ? { weights: weights.slice() } : {}),
    ...(centre === undefined ? {} : { mean: centre.slice() }),
    embeddings: examples.length === 0 ? rows : unitEmbeddings(embedding, rows, weights, centre),
  };
}
