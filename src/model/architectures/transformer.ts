import type { Architecture, MlpNames, NeuronMatrix, Weights } from './architecture.ts';
import { biasNames, block, embed, logits } from './blocks.ts';
import { type Emitter, emitter, hasBias, norm } from './parts.ts';
import type { GatedPlan, HeadPlan, LinearPlan, MlpPlan, NormPlan, TransformerPlan } from './plan.ts';

/** What classifiers make of the stream in the place of logits. */
const CLASSIFIERS = ['classifier.weight', 'qa_outputs.weight'];

/** The architecture of a transformer that is given by its plan. */
export function transformer(plan: TransformerPlan): Architecture {
  const { config } = plan;
  return {
    config,
    prefixes: plan.prefixes,
    ...(plan.renamed && { renamed: plan.renamed }),
    ignored: plan.ignored ?? /^$/,
    mlp: (layer, weights) => mlpNames(plan.block(layer).mlp, config.width, weights),
    build(graph, weights, site): void {
      const tokens = graph.input('tokens', 'int32', ['batch', 'position']);
      // Ids of padding are negative where positions after a row's end could be seen from inside it.
      const seen = config.bidirectional
        ? graph.op('GreaterOrEqual', [tokens, graph.constant(Int32Array.of(0), [])])
        : null;
      const e = emitter({ graph, weights, site, width: config.width, tokens, seen });
      let x = embed(e, plan.embedding, matrixName(e, plan, 'embedding'), config.vocabulary);
      for (let l = 0; l < config.layers; l++) x = block(e, l, x, plan.block(l));
      if (plan.finalNorm !== null) x = norm(e, x, plan.finalNorm, config.width);
      if (plan.head === null || !hasHead(plan.head, weights)) return;
      const head = matrixName(e, plan, 'head');
      site('logits', logits(e, x, plan.head, head, config.vocabulary), config.vocabulary);
    },
  };
}

/**
 * Whether a file has an optional head: its first matrix, and the output matrix or its bias. Where the head has no bias and
 * its matrix is the embedding, neither lies in the file; then it is one unless it is a classifier's.
 */
function hasHead(head: HeadPlan, weights: Pick<Weights, 'has'>): boolean {
  if (head.transform === undefined) return true;
  const own = [`${head.name}.weight`, ...biasNames(head)];
  if (!weights.has(`${head.transform.linear.name}.weight`)) return false;
  if (own.some((name) => weights.has(name))) return true;
  return own.length === 1 && head.tied !== false && !CLASSIFIERS.some((name) => weights.has(name));
}

/**
 * The name of the embedding or the output matrix. Tied ones are stored once, under either name; a file that has both keeps them
 * apart, as transformers does.
 */
function matrixName(e: Emitter, { embedding, head }: TransformerPlan, which: 'embedding' | 'head'): string {
  const output = head === null ? null : `${head.name}.weight`;
  const [own, other] = which === 'embedding' ? [embedding.tokens, output] : [output!, embedding.tokens];
  const missing = head !== null && head.tied !== false && !e.weights.has(own);
  const tied = missing && other !== null && e.weights.has(other);
  if (tied && head.tied === 'unsaid') {
    e.weights.note(
      `the weights have no ${own}, and config.json does not say tie_word_embeddings: ${other} takes its place`,
    );
  }
  return tied ? other : own;
}

/** Where an MLP's neurons lie. @param stream width of what it reads */
export function mlpNames(
  { neurons, out, norm, width, activation, experts }: MlpPlan,
  stream: number,
  weights: Pick<Weights, 'has'>,
): MlpNames {
  const names = (linear: LinearPlan, first = 0): NeuronMatrix => ({
    weight: `${linear.name}.weight`,
    bias: hasBias(weights, linear) ? `${linear.name}.bias` : null,
    layout: linear.layout,
    first,
  });
  const own = norm === null ? null : normNames(norm);
  const output = ({ name, layout, bias }: LinearPlan): MlpNames['out'] => ({
    weight: `${name}.weight`,
    bias: hasBias(weights, { name, layout, bias }) ? `${name}.bias` : null,
    layout,
  });
  const sizes = { width: stream, units: width, activation, out: output(out) };
  if (experts !== undefined) {
    const gated = ({ gate, up, out: own }: GatedPlan) => ({
      gate: names(gate),
      up: names(up),
      out: output(own),
    });
    const all = Array.from({ length: experts.count }, (_, i) => gated(experts.expert(i)));
    const { shared } = experts;
    return {
      ...sizes,
      ...all[0]!,
      units: experts.width,
      experts: all,
      ...(shared !== undefined && { shared: { units: shared.width, ...gated(shared) } }),
      norm: own,
    };
  }
  if ('gateUp' in neurons) {
    return { ...sizes, gate: names(neurons.gateUp), up: names(neurons.gateUp, width), norm: own };
  }
  const gate = 'gate' in neurons ? names(neurons.gate) : null;
  return { ...sizes, gate, up: names(neurons.up), norm: own };
}

function normNames({ name, kind, bias = true, plusOne = false }: NormPlan): MlpNames['norm'] {
  const biased = kind === 'layernorm' && bias;
  return {
    weight: `${name}.weight`,
    bias: biased ? `${name}.bias` : null,
    centred: kind === 'layernorm',
    plusOne,
  };
}
