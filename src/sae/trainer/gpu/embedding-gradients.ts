import { COLUMNS } from './columns.ts';
import { PRELUDE } from './params.ts';

/** Adds L_N's gradient to a latent's: w (h̄ Σ a h − h̄² Σ aN/2A − Σ c h²), over the terms of its pairs. */
export const embeddingGradients = /* wgsl */ `${PRELUDE}
@group(0) @binding(1) var<storage, read> columns: array<u32>;
@group(0) @binding(2) var<storage, read> terms: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> h: array<f32>;
@group(0) @binding(4) var<storage, read> encoder: array<f32>;
@group(0) @binding(5) var<storage, read> means: array<f32>;
@group(0) @binding(6) var<storage, read> bDec: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradient: array<f32>;
${COLUMNS}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let latent = place(group);
  if (latent >= p.latents) { return; }
  let row = latent * p.stride;
  for (var at = own.x; at < p.stride; at += 64u) {
    let mean = means[row + at] - select(0.0, bDec[at], p.centred == 1u);
    var sum = 0.0;
    for (var pair = firstOf(latent); pair < firstOf(latent + 1u); pair++) {
      let term = terms[entryOf(pair)];
      let input = h[tokenOf(pair) * p.stride + at];
      sum += mean * (term.x * input - mean * term.z) - term.y * input * input;
    }
    gradient[row + at] += encoder[row + at] * sum;
  }
}
`;
