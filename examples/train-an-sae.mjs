// Trains two small SAEs side by side, one with the neuron-embedding loss, and compares what they reconstruct.
// node examples/train-an-sae.mjs
import { trainSae } from 'polyseme';

const trained = await trainSae({
  model: 'builtin:folio-5m',
  data: 'builtin:sotu',
  site: 'blocks.2.hook_resid_post',
  latents: 256,
  k: [8],
  embeddingWeight: [0, 0.3],
  tokens: 20_000,
  contexts: 200,
  evalTokens: 2000,
  out: 'saes',
});
for (const { dir, last, evaluation } of trained) {
  const { explainedVariance } = evaluation.reconstruction;
  console.log(
    `${dir}: variance explained ${explainedVariance.toFixed(3)}, distance of embeddings ${last.meanEmbeddingDistance.toFixed(3)}`,
  );
}
