import { PRELUDE } from './params.ts';

/** Tokens and latents of a group's tile. */
export const TILE = 128;
/** Values of a row that are in the group's memory at a time. */
const DEPTH = 8;
/** Floats from one depth to the next there: padded, so that threads that write a column meet few others in its bank. */
const LINE = TILE + 4;

/**
 * pre = h · W_encᵀ + b_enc, in tiles of 128 × 128: each of 256 threads has 8 × 8, two runs of four latents by eight tokens.
 * Rows of h are padded to whole tiles.
 */
export const encode = /* wgsl */ `${PRELUDE}
@group(0) @binding(1) var<storage, read> h: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> encoder: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bEnc: array<f32>;
@group(0) @binding(4) var<storage, read_write> pre: array<f32>;

const TILE = ${TILE}u;
const DEPTH = ${DEPTH}u;
const LINE = ${LINE}u;
var<workgroup> rows: array<f32, ${DEPTH * LINE}>;
var<workgroup> columns: array<f32, ${DEPTH * LINE}>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let firstRow = group.y * TILE;
  let firstLatent = group.x * TILE;
  let thread = own.y * 16u + own.x;
  let line = p.stride / 4u;
  var left: array<vec4<f32>, 8>;
  var right: array<vec4<f32>, 8>;
  for (var start = 0u; start < p.stride; start += DEPTH) {
    for (var i = thread; i < TILE * DEPTH / 4u; i += 256u) {
      let row = i / (DEPTH / 4u);
      let depth = 4u * (i % (DEPTH / 4u));
      let latent = min(firstLatent + row, p.latents - 1u);
      let quad = (start + depth) / 4u;
      let inside = start + depth < p.stride;
      let a = select(vec4(0.0), h[(firstRow + row) * line + quad], inside);
      let b = select(vec4(0.0), encoder[latent * line + quad], inside);
      let at = depth * LINE + row;
      rows[at] = a.x;
      rows[at + LINE] = a.y;
      rows[at + 2u * LINE] = a.z;
      rows[at + 3u * LINE] = a.w;
      columns[at] = b.x;
      columns[at + LINE] = b.y;
      columns[at + 2u * LINE] = b.z;
      columns[at + 3u * LINE] = b.w;
    }
    workgroupBarrier();
    for (var depth = 0u; depth < DEPTH; depth++) {
      let at = depth * LINE;
      let near = at + own.x * 4u;
      let far = near + 64u;
      let b = vec4(columns[near], columns[near + 1u], columns[near + 2u], columns[near + 3u]);
      let c = vec4(columns[far], columns[far + 1u], columns[far + 2u], columns[far + 3u]);
      for (var i = 0u; i < 8u; i++) {
        let a = rows[at + own.y * 8u + i];
        left[i] += a * b;
        right[i] += a * c;
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 8u; i++) {
    let row = (firstRow + own.y * 8u + i) * p.latents;
    for (var j = 0u; j < 4u; j++) {
      let latent = firstLatent + own.x * 4u + j;
      if (latent < p.latents) { pre[row + latent] = left[i][j] + bEnc[latent]; }
      if (latent + 64u < p.latents) { pre[row + latent + 64u] = right[i][j] + bEnc[latent + 64u]; }
    }
  }
}
`;
