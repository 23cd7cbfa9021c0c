import { FIGURE, FIGURES, GROUP_SUM, PRELUDE } from './params.ts';

/** x̂ − x of a token, Σ z·W_dec less the target, and its square; of the auxiliary pairs ê − e in the same way. */
export const decode = (figure: number = FIGURE.error) => /* wgsl */ `${PRELUDE}${GROUP_SUM}
@group(0) @binding(1) var<storage, read> entries: array<Entry>;
@group(0) @binding(2) var<storage, read> decoder: array<f32>;
@group(0) @binding(3) var<storage, read> targets: array<f32>;
@group(0) @binding(4) var<storage, read_write> errors: array<f32>;
@group(0) @binding(5) var<storage, read_write> figures: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let token = place(group);
  if (token >= p.tokens) { return; }
  var squares = 0.0;
  for (var at = own.x; at < p.stride; at += 64u) {
    var sum = 0.0;
    for (var i = 0u; i < p.k; i++) {
      let entry = entries[token * p.k + i];
      if (entry.value > 0.0) { sum += entry.value * decoder[entry.latent * p.stride + at]; }
    }
    let error = sum - p.targetSign * targets[token * p.stride + at];
    errors[token * p.stride + at] = error;
    squares += error * error;
  }
  let square = groupSum(squares, own.x);
  if (own.x == 0u) { figures[token * ${FIGURES}u + ${figure}u] = square; }
}
`;
