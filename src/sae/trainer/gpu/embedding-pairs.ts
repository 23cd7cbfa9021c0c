import { FIGURE, FIGURES, GROUP_SUM, PRELUDE } from './params.ts';

/**
 * L_N of a token's pairs whose latent was active before: N = Σ h̄hw², A = Σ h̄²w², B = Σ h²w², the distance 1 − N/√(AB)
 * summed over the token, and of each pair what its gradient needs: a = −2γ/√(AB), c = aN/2B and aN/2A.
 */
export const embeddingPairs = /* wgsl */ `${PRELUDE}${GROUP_SUM}
@group(0) @binding(1) var<storage, read> entries: array<Entry>;
@group(0) @binding(2) var<storage, read> h: array<f32>;
@group(0) @binding(3) var<storage, read> encoder: array<f32>;
@group(0) @binding(4) var<storage, read> means: array<f32>;
@group(0) @binding(5) var<storage, read> bDec: array<f32>;
/// 1 where a latent has been active before this step.
@group(0) @binding(6) var<storage, read> known: array<u32>;
@group(0) @binding(7) var<storage, read_write> terms: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> figures: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let token = place(group);
  if (token >= p.tokens) { return; }
  var distances = 0.0;
  var pairs = 0.0;
  for (var i = 0u; i < p.k; i++) {
    let pair = token * p.k + i;
    let entry = entries[pair];
    let row = entry.latent * p.stride;
    var sums = vec3(0.0);
    for (var at = own.x; at < p.stride; at += 64u) {
      let mean = means[row + at] - select(0.0, bDec[at], p.centred == 1u);
      let input = h[token * p.stride + at];
      let square = encoder[row + at] * encoder[row + at];
      sums += square * vec3(mean * input, mean * mean, input * input);
    }
    let n = groupSum(sums.x, own.x);
    let a = groupSum(sums.y, own.x);
    let b = groupSum(sums.z, own.x);
    var term = vec4(0.0);
    if (entry.value > 0.0 && known[entry.latent] == 1u) {
      pairs += 1.0;
      // Apart: the product of two squares can be too large or too small for a float.
      let root = sqrt(a) * sqrt(b);
      if (root > 0.0) {
        distances += clamp(1.0 - n / root, 0.0, 2.0);
        let slope = -2.0 * p.embeddingWeight / root;
        term = vec4(slope, slope * n / (2.0 * b), slope * n / (2.0 * a), 0.0);
      } else {
        distances += 1.0;
      }
    }
    if (own.x == 0u) { terms[pair] = term; }
  }
  if (own.x > 0u) { return; }
  figures[token * ${FIGURES}u + ${FIGURE.embedding}u] = distances;
  figures[token * ${FIGURES}u + ${FIGURE.pairs}u] = pairs;
}
`;
