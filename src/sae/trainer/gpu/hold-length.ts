import { GROUP_SUM, PRELUDE } from './params.ts';

/** Takes what L_R would lengthen or shorten a decoder row by from its gradient: see holdLength in kernels/sae/latents.ts. */
export const holdLength = /* wgsl */ `${PRELUDE}${GROUP_SUM}
@group(0) @binding(1) var<storage, read> decoder: array<f32>;
@group(0) @binding(2) var<storage, read> norms: array<f32>;
@group(0) @binding(3) var<storage, read> sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let latent = place(group);
  if (latent >= p.latents) { return; }
  let norm = norms[latent];
  if (norm <= 0.0) { return; }
  let row = latent * p.stride;
  var part = 0.0;
  for (var at = own.x; at < p.stride; at += 64u) { part += gradient[row + at] * decoder[row + at]; }
  let along = groupSum(part, own.x) - sums[p.latents + latent];
  for (var at = own.x; at < p.stride; at += 64u) { gradient[row + at] -= along / (norm * norm) * decoder[row + at]; }
}
`;
