import { COLUMNS } from './columns.ts';
import { PRELUDE } from './params.ts';

/** Lets the inputs that activated a latent enter its mean: Σ x = Σ h, and b_dec each where the encoder sees x − b_dec. */
export const means = /* wgsl */ `${PRELUDE}
@group(0) @binding(1) var<storage, read> columns: array<u32>;
@group(0) @binding(2) var<storage, read> h: array<f32>;
@group(0) @binding(3) var<storage, read> bDec: array<f32>;
/// Share of the new mean in the old, by latent.
@group(0) @binding(4) var<storage, read> shares: array<f32>;
@group(0) @binding(5) var<storage, read_write> means: array<f32>;
${COLUMNS}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let latent = place(group);
  if (latent >= p.latents) { return; }
  let count = firstOf(latent + 1u) - firstOf(latent);
  if (count == 0u) { return; }
  let row = latent * p.stride;
  for (var at = own.x; at < p.stride; at += 64u) {
    var sum = 0.0;
    for (var pair = firstOf(latent); pair < firstOf(latent + 1u); pair++) { sum += h[tokenOf(pair) * p.stride + at]; }
    let mean = sum / f32(count) + select(0.0, bDec[at], p.centred == 1u);
    means[row + at] += shares[latent] * (mean - means[row + at]);
  }
}
`;
