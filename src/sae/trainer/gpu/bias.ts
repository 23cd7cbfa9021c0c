import { PRELUDE } from './params.ts';

/** Tokens whose part of b_dec's gradient is summed together. */
export const BIAS_TOKENS = 64;

/**
 * b_dec's gradient by blocks of tokens: the errors' (of the main pairs), less what moves the pre-activations where the
 * encoder sees x − b_dec.
 */
export const bias = /* wgsl */ `${PRELUDE}
@group(0) @binding(1) var<storage, read> entries: array<Entry>;
@group(0) @binding(2) var<storage, read> dz: array<f32>;
@group(0) @binding(3) var<storage, read> encoder: array<f32>;
@group(0) @binding(4) var<storage, read> errors: array<f32>;
@group(0) @binding(5) var<storage, read_write> blocks: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let at = group.x * 64u + own.x;
  if (at >= p.stride) { return; }
  let first = group.y * ${BIAS_TOKENS}u;
  var sum = 0.0;
  if (p.adds == 1u) { sum = blocks[group.y * p.stride + at]; }
  for (var token = first; token < min(first + ${BIAS_TOKENS}u, p.tokens); token++) {
    if (p.adds == 0u) { sum += p.errorFactor * errors[token * p.stride + at]; }
    if (p.centred == 0u) { continue; }
    for (var i = 0u; i < p.k; i++) {
      let pair = token * p.k + i;
      let entry = entries[pair];
      if (entry.value > 0.0) { sum -= dz[pair] * encoder[entry.latent * p.stride + at]; }
    }
  }
  blocks[group.y * p.stride + at] = sum;
}
`;
