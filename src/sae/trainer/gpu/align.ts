import { FIGURE, FIGURES, GROUP_SUM, PRELUDE } from './params.ts';

/**
 * L_R of a token (see kernels/sae/alignment.ts): its distances, x̂ − x with L_R's gradient added in the same units, and
 * what L_R gives to each activation besides, in dz.
 */
export const align = /* wgsl */ `${PRELUDE}${GROUP_SUM}
@group(0) @binding(1) var<storage, read> entries: array<Entry>;
@group(0) @binding(2) var<storage, read> decoder: array<f32>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;
@group(0) @binding(4) var<storage, read> plain: array<f32>;
@group(0) @binding(5) var<storage, read_write> errors: array<f32>;
@group(0) @binding(6) var<storage, read_write> dz: array<f32>;
@group(0) @binding(7) var<storage, read_write> along: array<f32>;
@group(0) @binding(8) var<storage, read_write> figures: array<f32>;

/// Share of |e|² + |z d|² below which |r|² is nothing but rounding.
const ROUNDING = 1e-6;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let token = place(group);
  if (token >= p.tokens) { return; }
  let row = token * p.stride;
  let energy = figures[token * ${FIGURES}u + ${FIGURE.error}u];
  var distances = 0.0;
  var alongErrors = 0.0;
  for (var i = 0u; i < p.k; i++) {
    let pair = token * p.k + i;
    let entry = entries[pair];
    var part = 0.0;
    for (var at = own.x; at < p.stride; at += 64u) { part += plain[row + at] * decoder[entry.latent * p.stride + at]; }
    let u = -groupSum(part, own.x);
    var alongRow = 0.0;
    var perActivation = 0.0;
    if (entry.value > 0.0) {
      let norm = norms[entry.latent];
      let owns = entry.value * norm;
      var distance = 1.0;
      if (norm > 0.0) {
        let square = energy + owns * (owns + 2.0 * u / norm);
        if (square > ROUNDING * (energy + owns * owns)) {
          let straight = owns + u / norm;
          let length = sqrt(max(square, straight * straight));
          let c = straight / length;
          distance = 1.0 - c;
          alongRow = (1.0 / norm - c * entry.value / length) / length;
          alongErrors += c / (length * length);
          perActivation = norm * (1.0 - c * c) / length;
        }
      }
      distances += distance;
    }
    if (own.x == 0u) {
      along[pair] = p.residualWeight * alongRow / p.errorFactor;
      dz[pair] = -p.residualWeight * perActivation;
    }
  }
  storageBarrier();
  workgroupBarrier();
  let keep = 1.0 + p.residualWeight * alongErrors / p.errorFactor;
  for (var at = own.x; at < p.stride; at += 64u) {
    var sum = keep * plain[row + at];
    for (var i = 0u; i < p.k; i++) {
      let pair = token * p.k + i;
      sum += along[pair] * decoder[entries[pair].latent * p.stride + at];
    }
    errors[row + at] = sum;
  }
  if (own.x == 0u) { figures[token * ${FIGURES}u + ${FIGURE.alignment}u] = distances; }
}
`;
