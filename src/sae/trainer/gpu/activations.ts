import { FIGURE, FIGURES, GROUP_SUM, PRELUDE } from './params.ts';

/** The gradient of the loss by each activation of a token, sparsity left out; and the token's sparsity Σ z‖W_dec‖. */
export const activations = (figure: number | null = FIGURE.sparsity) => /* wgsl */ `${PRELUDE}${GROUP_SUM}
@group(0) @binding(1) var<storage, read> entries: array<Entry>;
@group(0) @binding(2) var<storage, read> decoder: array<f32>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;
@group(0) @binding(4) var<storage, read> errors: array<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<f32>;
@group(0) @binding(6) var<storage, read_write> figures: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let token = place(group);
  if (token >= p.tokens) { return; }
  var sparsity = 0.0;
  for (var i = 0u; i < p.k; i++) {
    let pair = token * p.k + i;
    let entry = entries[pair];
    var part = 0.0;
    for (var at = own.x; at < p.stride; at += 64u) {
      part += errors[token * p.stride + at] * decoder[entry.latent * p.stride + at];
    }
    let sum = p.errorFactor * groupSum(part, own.x);
    if (own.x == 0u) { dz[pair] = sum + select(0.0, dz[pair], p.aligned == 1u); }
    sparsity += entry.value * norms[entry.latent];
  }
  ${figure === null ? '_ = &figures;' : `if (own.x == 0u) { figures[token * ${FIGURES}u + ${figure}u] = sparsity; }`}
}
`;
