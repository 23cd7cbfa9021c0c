import { activations, add, affine, attend, linear, normalize, type Sites } from './reference-math.ts';
import type { Tensors } from './tiny-checkpoint.ts';

/**
 * BERT with its masked-language head in float64, written from the paper and Hugging Face's BertForMaskedLM: every site of
 * one sequence.
 * @param change what flows on in a site's place
 */
export function referenceBert(
  tensors: Tensors,
  config: { hidden_size: number; num_attention_heads: number; num_hidden_layers: number },
  tokens: ArrayLike<number>,
  change: (site: string, value: Float64Array) => Float64Array = (_, value) => value,
): Sites {
  const { hidden_size: width, num_attention_heads: heads, num_hidden_layers: layers } = config;
  const get = (name: string) => tensors[name] ?? tensors[`bert.${name}`]!;
  const dense = (x: Float64Array, name: string) =>
    linear(x, get(`${name}.weight`), get(`${name}.bias`), 'out_in');
  const norm = (x: Float64Array, name: string) =>
    affine(normalize(x, width, 1e-12, true), get(`${name}.weight`), get(`${name}.bias`));
  const headDim = width / heads;
  const sites: Sites = {};
  const row = (name: string, index: number) =>
    get(`embeddings.${name}_embeddings.weight`).data.subarray(index * width, (index + 1) * width);
  const sum = Float64Array.from({ length: tokens.length * width }, (_, i) => {
    const [t, k] = [Math.floor(i / width), i % width];
    return row('word', tokens[t]!)[k]! + row('position', t)[k]! + row('token_type', 0)[k]!;
  });
  let x = norm(sum, 'embeddings.LayerNorm');
  for (let l = 0; l < layers; l++) {
    const at = `encoder.layer.${l}`;
    const put = (site: string, value: Float64Array) => {
      const name = `blocks.${l}.${site}`;
      sites[name] = change(name, value);
      return sites[name];
    };
    x = put('hook_resid_pre', x);
    const z = attend(
      [
        dense(x, `${at}.attention.self.query`),
        dense(x, `${at}.attention.self.key`),
        dense(x, `${at}.attention.self.value`),
      ],
      { heads, kvHeads: heads, headDim, scale: 1 / Math.sqrt(headDim), causal: false },
    );
    const middle = add(x, dense(z, `${at}.attention.output.dense`));
    const h = put('mlp.hook_in', norm(middle, `${at}.attention.output.LayerNorm`));
    const post = put('mlp.hook_post', dense(h, `${at}.intermediate.dense`).map(activations['gelu']!));
    x = norm(add(h, dense(post, `${at}.output.dense`)), `${at}.output.LayerNorm`);
  }
  const head = 'cls.predictions';
  const read = norm(
    dense(x, `${head}.transform.dense`).map(activations['gelu']!),
    `${head}.transform.LayerNorm`,
  );
  sites['logits'] = linear(read, get('embeddings.word_embeddings.weight'), get(`${head}.bias`), 'out_in');
  return sites;
}
