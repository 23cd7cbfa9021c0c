import { activations, add, affine, attend, linear, normalize, type Sites } from './reference-math.ts';
import type { Tensors } from './tiny-checkpoint.ts';

export interface Gpt2Config {
  n_embd: number;
  n_head: number;
  n_layer: number;
  layer_norm_epsilon?: number;
  activation_function?: string;
  scale_attn_weights?: boolean;
  scale_attn_by_inverse_layer_idx?: boolean;
  tie_word_embeddings?: boolean;
}

/**
 * GPT-2 in float64, written from the paper and Hugging Face's GPT2LMHeadModel: every site of one sequence.
 * @param change what flows on in a site's place
 */
export function referenceGpt2(
  tensors: Tensors,
  config: Gpt2Config,
  tokens: ArrayLike<number>,
  change: (site: string, value: Float64Array) => Float64Array = (_, value) => value,
): Sites {
  const { n_embd: width, n_head: heads, n_layer: layers, layer_norm_epsilon: epsilon = 1e-5 } = config;
  const get = (name: string) => tensors[name] ?? tensors[`transformer.${name}`];
  const conv = (x: Float64Array, name: string) =>
    linear(x, get(`${name}.weight`)!, get(`${name}.bias`), 'in_out');
  const norm = (x: Float64Array, name: string) =>
    affine(normalize(x, width, epsilon, true), get(`${name}.weight`)!, get(`${name}.bias`));
  const act = activations[config.activation_function ?? 'gelu_new']!;
  const headDim = width / heads;

  const sites: Sites = {};
  let x: Float64Array = new Float64Array(tokens.length * width);
  for (let t = 0; t < tokens.length; t++) {
    for (let k = 0; k < width; k++) {
      x[t * width + k] =
        get('wte.weight')!.data[tokens[t]! * width + k]! + get('wpe.weight')!.data[t * width + k]!;
    }
  }
  for (let l = 0; l < layers; l++) {
    const put = (site: string, value: Float64Array) => {
      const name = `blocks.${l}.${site}`;
      sites[name] = change(name, value);
      return sites[name];
    };
    x = put('hook_resid_pre', x);
    const qkv = conv(norm(x, `h.${l}.ln_1`), `h.${l}.attn.c_attn`);
    const part = (p: number) => qkv.filter((_, i) => Math.floor((i % (3 * width)) / width) === p);
    let scale = config.scale_attn_weights === false ? 1 : 1 / Math.sqrt(headDim);
    if (config.scale_attn_by_inverse_layer_idx) scale /= l + 1;
    const z = put(
      'attn.hook_z',
      attend([part(0), part(1), part(2)], { heads, kvHeads: heads, headDim, scale }),
    );
    const attnOut = put('hook_attn_out', conv(z, `h.${l}.attn.c_proj`));
    x = put('hook_resid_mid', add(x, attnOut));
    put('ln2.hook_normalized', normalize(x, width, epsilon, true));
    const h = put('mlp.hook_in', norm(x, `h.${l}.ln_2`));
    const pre = put('mlp.hook_pre', conv(h, `h.${l}.mlp.c_fc`));
    const post = put('mlp.hook_post', pre.map(act));
    const out = put('hook_mlp_out', conv(post, `h.${l}.mlp.c_proj`));
    x = put('hook_resid_post', add(x, out));
  }
  const head = config.tie_word_embeddings === false ? tensors['lm_head.weight']! : get('wte.weight')!;
  sites['logits'] = linear(norm(x, 'ln_f'), head, undefined, 'out_in');
  return sites;
}

/** Names and shapes of a GPT-2's tensors. */
export function gpt2Shapes(config: {
  n_embd: number;
  n_layer: number;
  n_inner?: number | null;
  n_positions: number;
  vocab_size: number;
}): Record<string, number[]> {
  const { n_embd: d, n_layer, n_positions, vocab_size } = config;
  const inner = config.n_inner ?? 4 * d;
  const shapes: Record<string, number[]> = { 'wte.weight': [vocab_size, d], 'wpe.weight': [n_positions, d] };
  const vector = (name: string) => Object.assign(shapes, { [`${name}.weight`]: [d], [`${name}.bias`]: [d] });
  const matrix = (name: string, from: number, to: number) =>
    Object.assign(shapes, { [`${name}.weight`]: [from, to], [`${name}.bias`]: [to] });
  for (let l = 0; l < n_layer; l++) {
    vector(`h.${l}.ln_1`);
    matrix(`h.${l}.attn.c_attn`, d, 3 * d);
    matrix(`h.${l}.attn.c_proj`, d, d);
    vector(`h.${l}.ln_2`);
    matrix(`h.${l}.mlp.c_fc`, d, inner);
    matrix(`h.${l}.mlp.c_proj`, inner, d);
  }
  vector('ln_f');
  return shapes;
}
