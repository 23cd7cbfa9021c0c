/** Other names of the hook points in a block that TransformerLens and its TransformerBridge give. */
const IN_BLOCK: Readonly<Record<string, string>> = {
  hook_in: 'hook_resid_pre',
  hook_out: 'hook_resid_post',
  'ln1.hook_in': 'hook_resid_pre',
  'ln2.hook_in': 'hook_resid_mid',
  hook_mlp_in: 'hook_resid_mid',
  'ln2.hook_out': 'mlp.hook_in',
  'mlp.hook_out': 'hook_mlp_out',
  'mlp.in.hook_out': 'mlp.hook_pre',
  'mlp.gate.hook_out': 'mlp.hook_pre',
  'mlp.out.hook_in': 'mlp.hook_post',
  'mlp.out.hook_out': 'hook_mlp_out',
  'attn.hook_out': 'hook_attn_out',
  'attn.o.hook_in': 'attn.hook_z',
  'attn.o.hook_out': 'hook_attn_out',
};

/** What the output of a module of Hugging Face's models is; `''` is the block itself. */
const MODULES: Readonly<Record<string, string>> = {
  '': 'hook_resid_post',
  mlp: 'hook_mlp_out',
  'mlp.c_proj': 'hook_mlp_out',
  'mlp.down_proj': 'hook_mlp_out',
  'mlp.dense_4h_to_h': 'hook_mlp_out',
  'mlp.fc_out': 'hook_mlp_out',
  'mlp.fc2': 'hook_mlp_out',
  fc2: 'hook_mlp_out',
  'mlp.c_fc': 'mlp.hook_pre',
  'mlp.dense_h_to_4h': 'mlp.hook_pre',
  'mlp.fc_in': 'mlp.hook_pre',
  'mlp.fc1': 'mlp.hook_pre',
  fc1: 'mlp.hook_pre',
  'mlp.gate_proj': 'mlp.hook_pre',
  'mlp.up_proj': 'mlp.hook_pre_linear',
  'mlp.act': 'mlp.hook_post',
  ln_2: 'mlp.hook_in',
  post_attention_layernorm: 'mlp.hook_in',
  attn: 'hook_attn_out',
  self_attn: 'hook_attn_out',
  self_attention: 'hook_attn_out',
  attention: 'hook_attn_out',
  'attn.c_proj': 'hook_attn_out',
  'attn.out_proj': 'hook_attn_out',
  'attn.attention.out_proj': 'hook_attn_out',
  'attention.dense': 'hook_attn_out',
  'self_attention.dense': 'hook_attn_out',
  'self_attn.dense': 'hook_attn_out',
  'self_attn.out_proj': 'hook_attn_out',
  'self_attn.o_proj': 'hook_attn_out',
};

/** The same where the stream itself is normed: BERT and its kin. */
const NORMED_MODULES: Readonly<Record<string, string>> = {
  ...MODULES,
  // Of BERT its normed output, of DistilBERT not.
  attention: '',
  self_attn_layer_norm: 'mlp.hook_in',
  final_layer_norm: 'hook_normalized_resid_post',
  '': 'hook_normalized_resid_post',
  output: 'hook_normalized_resid_post',
  'output.dense': 'hook_mlp_out',
  output_layer_norm: 'hook_normalized_resid_post',
  intermediate: 'mlp.hook_post',
  'intermediate.dense': 'mlp.hook_pre',
  'ffn.lin1': 'mlp.hook_pre',
  'ffn.lin2': 'hook_mlp_out',
  'attention.self': 'attn.hook_z',
  'attention.output.dense': 'hook_attn_out',
  'attention.out_lin': 'hook_attn_out',
  'attention.attn.o': 'hook_attn_out',
  'attention.output': 'mlp.hook_in',
  'attention.LayerNorm': 'mlp.hook_in',
  sa_layer_norm: 'mlp.hook_in',
};

/** Modules of models that norm what a part gives before it is added. */
const NORMED: Readonly<Record<string, string>> = {
  post_attention_layernorm: 'hook_attn_out',
  pre_feedforward_layernorm: 'mlp.hook_in',
  post_feedforward_layernorm: 'hook_mlp_out',
};

/**
 * The site that a name means: TransformerLens's (`blocks.3.hook_resid_pre`, its aliases) or that of a Hugging Face
 * module, whose output it is (`transformer.h.3.mlp`, `layers.3`). Null where the model has no such site.
 * @param rotary whether positions enter by rotation, so that the embedding alone is the first residual
 */
export function siteNamed(name: string, sites: ReadonlyMap<string, number>, rotary: boolean): string | null {
  if (sites.has(name)) return name;
  // The bridge calls the up projection of a gated MLP what it calls the only one of another.
  const gated = name.endsWith('.mlp.in.hook_out') ? name.replace('in.hook_out', 'hook_pre_linear') : null;
  if (gated !== null && sites.has(gated)) return gated;
  const site = candidate(name, rotary, sites);
  return site !== null && sites.has(site) ? site : null;
}

/** Where the residual stream is written to or read whole: what `center_writing_weights` centres. */
export function isWritingSite(site: string): boolean {
  return /\.hook_(resid_(pre|mid|post)|attn_out|mlp_out)$/.test(site);
}

/** The layer of a site; null outside the blocks. */
export function layerOfSite(site: string): number | null {
  const match = /^blocks\.(\d+)\./.exec(site);
  return match === null ? null : Number(match[1]);
}

function candidate(name: string, rotary: boolean, sites: ReadonlyMap<string, number>): string | null {
  // Whether the stream itself is normed, as BERT's.
  const isNormed = sites.has('blocks.0.hook_normalized_resid_post');
  const block = /^blocks\.(\d+)\.(.+)$/.exec(name);
  if (block !== null) {
    const [, layer, part] = block;
    // Where the stream is normed after attention and after the MLP, TransformerLens counts these two norms.
    if (part === 'ln1.hook_normalized' && isNormed) return `blocks.${layer}.ln2.hook_normalized`;
    return Object.hasOwn(IN_BLOCK, part!) ? ownOutput(`blocks.${layer}.${IN_BLOCK[part!]}`, sites) : null;
  }
  const bare = name.replace(
    /^(model\.|transformer\.|gpt_neox\.|decoder\.|language_model\.|base_model\.|bert\.|roberta\.|mpnet\.|distilbert\.|encoder\.)+/,
    '',
  );
  if (bare === 'drop' || (rotary && ['hook_embed', 'embed_tokens', 'embed.hook_out'].includes(bare))) {
    return 'blocks.0.hook_resid_pre';
  }
  const module = /^(?:h|layers|layer)\.(\d+)(?:\.(.+))?$/.exec(bare);
  if (module === null) return null;
  const part = module[2] ?? '';
  const at = `blocks.${module[1]}`;
  if (isNormed) return Object.hasOwn(NORMED_MODULES, part) ? `${at}.${NORMED_MODULES[part]}` : null;
  if (sites.has(`${at}.mlp.hook_out`) && Object.hasOwn(NORMED, part)) return `${at}.${NORMED[part]}`;
  return Object.hasOwn(MODULES, part) ? ownOutput(`${at}.${MODULES[part]}`, sites) : null;
}

/** What a part gives, where that is a site beside what is added to the stream. */
function ownOutput(site: string, sites: ReadonlyMap<string, number>): string {
  const own = site.replace(/\.hook_(mlp|attn)_out$/, '.$1.hook_out');
  return sites.has(own) ? own : site;
}
