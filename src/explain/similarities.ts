/** What makes two features similar. */
export const SIMILARITIES = ['embedding', 'input', 'output', 'contexts'] as const;
export type Similarity = (typeof SIMILARITIES)[number];

export const SIMILARITY_MEANINGS: Readonly<Record<Similarity, string>> = {
  embedding: 'cosine of their mean neuron embeddings',
  input: "cosine of their central examples' inputs h (the paper's way)",
  output: 'cosine of what their units write to the residual stream, which all features of a unit share',
  contexts: 'contexts with examples of both, over those with examples of either (Jaccard)',
};
