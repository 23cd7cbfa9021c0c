import { GROUP_SUM, PRELUDE } from './params.ts';

/**
 * Adam on a row of weights, as torch.optim.Adam has it, and the row's norm after it. A row that never had a gradient is
 * left alone; `flag` is 1 where a weight is no longer finite.
 */
export const adam = /* wgsl */ `${PRELUDE}${GROUP_SUM}
@group(0) @binding(1) var<storage, read_write> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> firstMoments: array<f32>;
@group(0) @binding(3) var<storage, read_write> secondMoments: array<f32>;
@group(0) @binding(4) var<storage, read> gradient: array<f32>;
@group(0) @binding(5) var<storage, read> moved: array<u32>;
@group(0) @binding(6) var<storage, read_write> norms: array<f32>;
@group(0) @binding(7) var<storage, read_write> flag: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let row = place(group);
  if (row >= p.latents) { return; }
  if (moved[row] == 0u) { return; }
  var squares = 0.0;
  for (var at = row * p.stride + own.x; at < (row + 1u) * p.stride; at += 64u) {
    let slope = gradient[at];
    let first = firstMoments[at] + (slope - firstMoments[at]) * p.takeM;
    let second = secondMoments[at] * p.keepV + p.takeV * (slope * slope);
    let weight = weights[at] - p.stepSize * first / (sqrt(second) * p.invRootV + p.epsilon);
    firstMoments[at] = first;
    secondMoments[at] = second;
    weights[at] = weight;
    squares += weight * weight;
    // By its bits: a shader may take it that no number is infinite.
    let exponents = vec2(bitcast<u32>(weight), bitcast<u32>(second)) & vec2(0x7f800000u);
    if (any(exponents == vec2(0x7f800000u))) { atomicOr(&flag[0], 1u); }
  }
  let square = groupSum(squares, own.x);
  if (own.x == 0u) { norms[row] = sqrt(square); }
}
`;
