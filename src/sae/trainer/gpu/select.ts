import { PRELUDE } from './params.ts';

/**
 * The k largest positive pre-activations of a token (of the latents in the mask, where there is one), ascending by latent;
 * ties go to the lower latent. The k-th largest is found by its bits, eight at a time: positive floats order as whole numbers.
 */
export const select = /* wgsl */ `${PRELUDE}
@group(0) @binding(1) var<storage, read> pre: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> entries: array<Entry>;

const THREADS = 256u;
var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> prefix: u32;
var<workgroup> wanted: u32;
var<workgroup> counts: array<vec2<u32>, 256>;

fn bitsOf(token: u32, latent: u32) -> u32 {
  let value = pre[token * p.latents + latent];
  let chosen = value > 0.0 && (p.masked == 0u || mask[latent] != 0u);
  return select(0u, bitcast<u32>(value), chosen);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let token = group.x;
  let thread = own.x;
  if (thread == 0u) { prefix = 0u; wanted = p.k; }
  // After each pass the highest bits of the k-th largest are known, and how many of those with the same bits are wanted.
  for (var shift = 24i; shift >= 0i; shift -= 8i) {
    atomicStore(&histogram[thread], 0u);
    workgroupBarrier();
    let known = select(0u, 0xffffffffu << u32(shift + 8i), shift < 24i);
    for (var latent = thread; latent < p.latents; latent += THREADS) {
      let bits = bitsOf(token, latent);
      if ((bits & known) == prefix) { atomicAdd(&histogram[(bits >> u32(shift)) & 255u], 1u); }
    }
    workgroupBarrier();
    if (thread == 0u) {
      var bin = 255u;
      var count = atomicLoad(&histogram[bin]);
      while (count < wanted && bin > 0u) {
        wanted -= count;
        bin--;
        count = atomicLoad(&histogram[bin]);
      }
      prefix |= bin << u32(shift);
    }
    workgroupBarrier();
  }
  let least = prefix;
  let ties = select(wanted, 0u, least == 0u);

  // Each thread writes those of its own run of latents, after those of the threads before.
  let each = (p.latents + THREADS - 1u) / THREADS;
  let first = min(thread * each, p.latents);
  let end = min(first + each, p.latents);
  var found = vec2(0u, 0u);
  for (var latent = first; latent < end; latent++) {
    let bits = bitsOf(token, latent);
    found += vec2(u32(bits > least), u32(bits == least));
  }
  counts[thread] = found;
  workgroupBarrier();
  for (var reach = 1u; reach < THREADS; reach <<= 1u) {
    var sum = counts[thread];
    if (thread >= reach) { sum += counts[thread - reach]; }
    workgroupBarrier();
    counts[thread] = sum;
    workgroupBarrier();
  }
  let before = counts[thread] - found;
  var tied = before.y;
  var at = token * p.k + before.x + min(tied, ties);
  for (var latent = first; latent < end; latent++) {
    let bits = bitsOf(token, latent);
    if (bits > least || (bits == least && tied < ties)) {
      entries[at] = Entry(bitcast<f32>(bits), latent);
      at++;
    }
    tied += u32(bits == least);
  }
  let all = counts[THREADS - 1u];
  for (var i = all.x + min(all.y, ties) + thread; i < p.k; i += THREADS) {
    entries[token * p.k + i] = Entry(0.0, 0u);
  }
}
`;
