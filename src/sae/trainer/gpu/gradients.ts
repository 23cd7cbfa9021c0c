import { COLUMNS } from './columns.ts';
import { PRELUDE } from './params.ts';

/** Of each latent: Σ dz·h, Σ z·error, and in `sums` (an array each) Σ dz and Σ z·dz over its pairs. */
export const gradients = /* wgsl */ `${PRELUDE}
@group(0) @binding(1) var<storage, read> columns: array<u32>;
@group(0) @binding(2) var<storage, read> entries: array<Entry>;
@group(0) @binding(3) var<storage, read> dz: array<f32>;
@group(0) @binding(4) var<storage, read> h: array<f32>;
@group(0) @binding(5) var<storage, read> errors: array<f32>;
@group(0) @binding(6) var<storage, read_write> encoderGradient: array<f32>;
@group(0) @binding(7) var<storage, read_write> decoderGradient: array<f32>;
@group(0) @binding(8) var<storage, read_write> sums: array<f32>;
${COLUMNS}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let latent = place(group);
  if (latent >= p.latents) { return; }
  let row = latent * p.stride;
  for (var at = own.x; at < p.stride; at += 64u) {
    var toEncoder = 0.0;
    var toDecoder = 0.0;
    for (var pair = firstOf(latent); pair < firstOf(latent + 1u); pair++) {
      let entry = entryOf(pair);
      let input = tokenOf(pair) * p.stride + at;
      toEncoder += dz[entry] * h[input];
      toDecoder += entries[entry].value * p.errorFactor * errors[input];
    }
    if (p.adds == 1u) {
      toEncoder += encoderGradient[row + at];
      toDecoder += decoderGradient[row + at];
    }
    encoderGradient[row + at] = toEncoder;
    decoderGradient[row + at] = toDecoder;
  }
  if (own.x > 0u) { return; }
  var all = vec2(0.0);
  for (var pair = firstOf(latent); pair < firstOf(latent + 1u); pair++) {
    let entry = entryOf(pair);
    all += dz[entry] * vec2(1.0, entries[entry].value);
  }
  if (p.adds == 1u) {
    sums[latent] += all.x;
  } else {
    sums[latent] = all.x;
    sums[p.latents + latent] = all.y;
  }
}
`;
