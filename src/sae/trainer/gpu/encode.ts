import { PRELUDE } from './params.ts';

/** Tokens and latents of a group's tile. */
export const TILE = 64;

/** pre = h · W_encᵀ + b_enc, in tiles of 64 × 64: each of 256 threads has 4 × 4. Rows of h are padded to whole tiles. */
export const encode = /* wgsl */ `${PRELUDE}
@group(0) @binding(1) var<storage, read> h: array<f32>;
@group(0) @binding(2) var<storage, read> encoder: array<f32>;
@group(0) @binding(3) var<storage, read> bEnc: array<f32>;
@group(0) @binding(4) var<storage, read_write> pre: array<f32>;

const TILE = ${TILE}u;
const DEPTH = 16u;
var<workgroup> rows: array<f32, ${TILE * 16}>;
var<workgroup> columns: array<f32, ${TILE * 16}>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let firstRow = group.y * TILE;
  let firstLatent = group.x * TILE;
  let thread = own.y * 16u + own.x;
  var sums: array<vec4<f32>, 4>;
  for (var start = 0u; start < p.stride; start += DEPTH) {
    for (var i = thread; i < TILE * DEPTH; i += 256u) {
      let row = i / DEPTH;
      let depth = i % DEPTH;
      let inside = start + depth < p.stride;
      let at = depth * TILE + row;
      rows[at] = select(0.0, h[(firstRow + row) * p.stride + start + depth], inside);
      let latent = firstLatent + row;
      columns[at] = select(0.0, encoder[min(latent, p.latents - 1u) * p.stride + start + depth], inside && latent < p.latents);
    }
    workgroupBarrier();
    for (var depth = 0u; depth < DEPTH; depth++) {
      let at = depth * TILE;
      let right = at + own.x * 4u;
      let b = vec4(columns[right], columns[right + 1u], columns[right + 2u], columns[right + 3u]);
      for (var i = 0u; i < 4u; i++) { sums[i] += rows[at + own.y * 4u + i] * b; }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 4u; i++) {
    for (var j = 0u; j < 4u; j++) {
      let latent = firstLatent + own.x * 4u + j;
      if (latent < p.latents) {
        pre[(firstRow + own.y * 4u + i) * p.latents + latent] = sums[i][j] + bEnc[latent];
      }
    }
  }
}
`;
