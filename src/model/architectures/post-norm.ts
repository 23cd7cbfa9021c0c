import type { Activation, Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, type EmbeddingPlan, linear, type NormPlan, type RelativeBias } from './plan.ts';
import { transformer } from './transformer.ts';

/** What of BERT's kin differs: sizes, and names without the prefix. */
export interface PostNormPlan {
  readonly architecture: string;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly epsilon: number;
  readonly activation: Activation;
  readonly tied: boolean;
  readonly prefixes: readonly string[];
  readonly embedding: Omit<EmbeddingPlan, 'norm'> & { readonly normName: string };
  readonly relative?: RelativeBias;
  /** Names in a layer. */
  names(
    layer: number,
  ): Readonly<Record<'q' | 'k' | 'v' | 'out' | 'attentionNorm' | 'up' | 'down' | 'mlpNorm', string>>;
  /** Names of the masked-language head, with the names of its bias, and its own activation. */
  readonly head: {
    readonly dense: string;
    readonly norm: string;
    readonly decoder: string;
    readonly bias: readonly string[];
    readonly activation: Activation;
  };
}

/** Heads that the file may have beside, and buffers of older versions: they take no part in what is tapped. */
const OTHER_HEADS =
  /^(pooler\.|cls\.seq_relationship\.|classifier\.|pre_classifier\.|qa_outputs\.|embeddings\.position_ids$)/;

/**
 * An encoder of BERT's kin: every position sees all others; the stream is normed after attention (which makes h) and after
 * the MLP, and goes on normed. All matrices have biases.
 */
export function postNorm(plan: PostNormPlan): Architecture {
  const { width, heads, epsilon, activation, head } = plan;
  const headDim = width / heads;
  const config: ModelConfig = {
    architecture: plan.architecture,
    layers: plan.layers,
    width,
    heads,
    kvHeads: heads,
    headDim,
    mlpWidth: plan.mlpWidth,
    vocabulary: plan.vocabulary,
    contextLength: plan.contextLength,
    norm: { kind: 'layernorm', epsilon },
    activation,
    gated: false,
    rotary: false,
    bidirectional: true,
  };
  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  const { normName, ...embedding } = plan.embedding;
  // The output matrix's bias goes by two names, of which one counts.
  const biases = new RegExp(`^(${head.bias.map((name) => name.replaceAll('.', '\\.')).join('|')})$`);
  return transformer({
    config,
    prefixes: plan.prefixes,
    ignored: new RegExp(`${OTHER_HEADS.source}|${biases.source}`),
    embedding: { ...embedding, norm: norm(normName) },
    block: (l): BlockPlan => {
      const names = plan.names(l);
      return {
        order: 'post',
        attentionNorm: null,
        attention: {
          heads,
          kvHeads: heads,
          headDim,
          qkv: { q: linear(names.q, true), k: linear(names.k, true), v: linear(names.v, true) },
          out: linear(names.out, true),
          scale: 1 / Math.sqrt(headDim),
          causal: false,
          relative: plan.relative,
        },
        mlp: {
          norm: norm(names.attentionNorm),
          neurons: { up: linear(names.up, true) },
          out: linear(names.down, true),
          activation,
          width: plan.mlpWidth,
        },
        streamNorm: norm(names.mlpNorm),
      };
    },
    finalNorm: null,
    head: {
      name: head.decoder,
      tied: plan.tied,
      bias: head.bias,
      transform: { linear: linear(head.dense, true), activation: head.activation, norm: norm(head.norm) },
    },
  });
}
