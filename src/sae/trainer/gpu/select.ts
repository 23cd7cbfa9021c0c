import { PRELUDE } from './params.ts';

/**
 * The k largest positive pre-activations of a token (of the latents in the mask, where there is one), ascending by latent;
 * ties go to the lower latent. The k-th largest is found by its bits, eleven at a time: positive floats order as whole numbers.
 */
export const select = /* wgsl */ `${PRELUDE}
@group(0) @binding(1) var<storage, read> pre: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> entries: array<Entry>;

const THREADS = 256u;
const BINS = 2048u;
const EACH = BINS / THREADS;
var<workgroup> histogram: array<atomic<u32>, 2048>;
var<workgroup> above: array<u32, 256>;
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
  // Where there are fewer than k positive ones, they stay 0: all are taken.
  var known = 0u;
  for (var turn = 0u; turn < 3u; turn++) {
    let shift = select(select(0u, 10u, turn == 1u), 21u, turn == 0u);
    for (var bin = thread; bin < BINS; bin += THREADS) { atomicStore(&histogram[bin], 0u); }
    workgroupBarrier();
    let mine = prefix;
    let most = wanted;
    for (var latent = thread; latent < p.latents; latent += THREADS) {
      let bits = bitsOf(token, latent);
      if (bits != 0u && (bits & known) == mine) { atomicAdd(&histogram[(bits >> shift) & (BINS - 1u)], 1u); }
    }
    workgroupBarrier();
    // Each thread has a run of bins; above: how many lie in the runs of it and all after it.
    var total = 0u;
    for (var i = 0u; i < EACH; i++) { total += atomicLoad(&histogram[thread * EACH + i]); }
    above[thread] = total;
    workgroupBarrier();
    for (var reach = 1u; reach < THREADS; reach <<= 1u) {
      var sum = above[thread];
      if (thread + reach < THREADS) { sum += above[thread + reach]; }
      workgroupBarrier();
      above[thread] = sum;
      workgroupBarrier();
    }
    let before = above[thread] - total;
    if (before < most && above[thread] >= most) {
      var bin = thread * EACH + EACH - 1u;
      var left = most - before;
      var count = atomicLoad(&histogram[bin]);
      while (count < left) {
        left -= count;
        bin--;
        count = atomicLoad(&histogram[bin]);
      }
      prefix = mine | (bin << shift);
      wanted = left;
    }
    workgroupBarrier();
    known |= select((BINS - 1u) << shift, 0x3ffu, turn == 2u);
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
