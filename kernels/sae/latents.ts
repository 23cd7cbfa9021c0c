// What is done latent by latent: gradients of its encoder and decoder rows, L_N, its mean input, Adam.
import { adamRow, adamScalar } from './adam';
import { Pairs, Params } from './params';
import {
  DECODER_GRADIENT,
  ENCODER_GRADIENT,
  INPUT_TERM,
  LATENT_BLOCK,
  MEAN,
  MEAN_TERM,
  MEAN_WEIGHT,
  PRODUCTS,
  SQUARE_WEIGHT,
  SUM_INPUT,
} from './places';
import { axpy, axpy4, clear, dot, energy, rowAt, weighed4 } from './rows';

// What one latent's pairs add up to.
let sumActivation: f64;
let sumPre: f64;
let sumThreshold: f64;
let active: i32;
let sumDistance: f64;
let distances: i32;
let sumOverA: f64;
/** Σ z · gradient by z, sparsity left out. */
let sumProducts: f64;

/** Gradients and Adam update of latents [from, to); returns 1 where a weight is no longer finite. */
export function updateLatents(
  p: Params,
  main: Pairs,
  aux: Pairs,
  hasAux: i32,
  from: i32,
  to: i32,
  block: i32,
  scratch: usize,
): i32 {
  const bytes = <usize>p.stride * 4;
  const gradE = rowAt(scratch, ENCODER_GRADIENT, bytes);
  const gradD = rowAt(scratch, DECODER_GRADIENT, bytes);
  let bad = 0;
  clear(rowAt(p.blockEncoder, block, bytes), bytes);
  for (let j = from; j < to; j++) {
    gradients(p, main, aux, hasAux, j, block, gradE, gradD, scratch);
    bad |= update(p, j, gradE, gradD, <f32>sumPre, <f32>sumThreshold);
  }
  return bad;
}

/** Gradients of latents [from, to), kept; and their squared norms. */
export function keepGradients(
  p: Params,
  main: Pairs,
  aux: Pairs,
  hasAux: i32,
  from: i32,
  to: i32,
  block: i32,
  scratch: usize,
): void {
  const bytes = <usize>p.stride * 4;
  clear(rowAt(p.blockEncoder, block, bytes), bytes);
  for (let j = from; j < to; j++) {
    const gradE = rowAt(p.encoderGradient, j, bytes);
    const gradD = rowAt(p.decoderGradient, j, bytes);
    gradients(p, main, aux, hasAux, j, block, gradE, gradD, scratch);
    keepNorm(p, j, gradE, gradD);
  }
}

/** Keeps the scalar gradients of a latent, and the squared norm of all. */
function keepNorm(p: Params, j: i32, gradE: usize, gradD: usize): void {
  const bytes = <usize>p.stride * 4;
  const gB = <f32>sumPre;
  const gT = <f32>sumThreshold;
  store<f32>(p.bEncGradient + (j << 2), gB);
  store<f32>(p.thresholdGradient + (j << 2), gT);
  const norm = energy(gradE, bytes) + energy(gradD, bytes) + <f64>gB * <f64>gB + <f64>gT * <f64>gT;
  store<f64>(p.gradientNorm + (j << 3), norm);
}

/** Adam update of latents [from, to) with the kept gradients, scaled by `clip`. */
export function applyGradients(p: Params, from: i32, to: i32): i32 {
  const bytes = <usize>p.stride * 4;
  let bad = 0;
  for (let j = from; j < to; j++) {
    bad |= update(
      p,
      j,
      rowAt(p.encoderGradient, j, bytes),
      rowAt(p.decoderGradient, j, bytes),
      load<f32>(p.bEncGradient + (j << 2)),
      load<f32>(p.thresholdGradient + (j << 2)),
    );
  }
  return bad;
}

function update(p: Params, j: i32, gradE: usize, gradD: usize, gB: f32, gT: f32): i32 {
  // Never active: gradients and moments are 0, and so is Adam's step.
  if (load<u32>(p.moved + (j << 2)) == 0) return 0;
  const bytes = <usize>p.stride * 4;
  const row = <usize>j * bytes;
  const scalar = (<usize>j) << 2;
  let check = adamRow(p, p.encoder + row, p.encoderM + row, p.encoderV + row, gradE, bytes);
  check += adamRow(p, p.decoder + row, p.decoderM + row, p.decoderV + row, gradD, bytes);
  adamScalar(p, p.bEnc + scalar, p.bEncM + scalar, p.bEncV + scalar, gB);
  check += load<f32>(p.bEnc + scalar) * 0;
  if (p.gated) {
    const threshold = p.threshold + scalar;
    adamScalar(p, threshold, p.thresholdM + scalar, p.thresholdV + scalar, gT);
    check += load<f32>(threshold) * 0;
    if (load<f32>(threshold) < 0) store<f32>(threshold, 0);
  }
  normalise(p, j);
  return check == 0 ? 0 : 1;
}

/** Writes ‖W_dec‖ of a latent, after scaling the row to norm 1 where asked. */
export function normalise(p: Params, j: i32): void {
  const bytes = <usize>p.stride * 4;
  const row = rowAt(p.decoder, j, bytes);
  let norm = <f32>Math.sqrt(energy(row, bytes));
  if (p.unitNorm && norm > 0) {
    const factor = f32x4.splat(norm);
    for (let k: usize = 0; k < bytes; k += 16) v128.store(row + k, f32x4.div(v128.load(row + k), factor));
    norm = 1;
  }
  store<f32>(p.decoderNorm + (j << 2), norm);
}

function gradients(
  p: Params,
  main: Pairs,
  aux: Pairs,
  hasAux: i32,
  j: i32,
  block: i32,
  gradE: usize,
  gradD: usize,
  scratch: usize,
): void {
  const bytes = <usize>p.stride * 4;
  const row = <usize>j * bytes;
  sumActivation = 0;
  sumPre = 0;
  sumThreshold = 0;
  active = 0;
  sumDistance = 0;
  distances = 0;
  sumOverA = 0;
  sumProducts = 0;
  clear(gradE, bytes);
  clear(gradD, bytes);

  const seen = load<f64>(p.seen + (j << 3));
  const embed = p.embed != 0 && seen > 0;
  let meanEnergy: f64 = 0;
  if (p.embed) clear(rowAt(scratch, SUM_INPUT, bytes), bytes);
  if (embed) {
    meanEnergy = weighMean(p, row, scratch);
    clear(rowAt(scratch, MEAN_TERM, bytes), bytes);
    clear(rowAt(scratch, INPUT_TERM, bytes), bytes);
  }

  let group = 0;
  while (group < p.groups - 1 && <u32>j >= load<u32>(p.groupEnd + (group << 2))) group++;
  const errors = main.errors + <usize>group * p.tokens * bytes;
  accumulate(p, main, errors, j, p.embed != 0, embed, meanEnergy, gradE, gradD, scratch);
  const fired = active;
  if (p.residualWeight != 0) {
    const decoder = p.decoder + row;
    holdLength(p, j, gradD, <f64>dot(gradD, decoder, bytes) - sumProducts);
  }
  if (embed && p.embeddingWeight != 0)
    addEmbeddingGradient(p.encoder + row, gradE, scratch, bytes, <f32>sumOverA);
  store<f64>(p.latentEmbedding + (j << 3), sumDistance);
  store<u32>(p.latentPairs + (j << 2), distances);

  if (hasAux) {
    const z = sumActivation;
    const threshold = sumThreshold;
    accumulate(p, aux, aux.errors, j, false, false, 0, gradE, gradD, scratch);
    sumActivation = z;
    sumThreshold = threshold;
  }
  if (hasEntries(main, j) || (hasAux && hasEntries(aux, j))) store<u32>(p.moved + (j << 2), 1);
  finish(p, j, block, gradE, gradD, seen, fired, scratch);
}

/**
 * Takes Σ z · L_R's gradient by z at a held error, `along`, from d's part of gradD: L_R holds the direction of d constant, not
 * z‖d‖. Else it would shorten d and lengthen z without end, as only d's part of the error feels the pair's own term.
 */
function holdLength(p: Params, j: i32, gradD: usize, along: f64): void {
  const norm = <f64>load<f32>(p.decoderNorm + (j << 2));
  if (!(norm > 0)) return;
  const bytes = <usize>p.stride * 4;
  axpy(gradD, <f32>(-along / (norm * norm)), rowAt(p.decoder, j, bytes), bytes);
}

/** What a latent's gradients need beside its pairs, and its place among the idle and in the averages. */
function finish(
  p: Params,
  j: i32,
  block: i32,
  gradE: usize,
  gradD: usize,
  seen: f64,
  fired: i32,
  scratch: usize,
): void {
  const bytes = <usize>p.stride * 4;
  const row = <usize>j * bytes;
  const decoder = p.decoder + row;
  const norm = load<f32>(p.decoderNorm + (j << 2));
  if (!p.gated && p.sparsityWeight != 0 && norm > 0) {
    axpy(gradD, <f32>((<f64>p.sparsityWeight * sumActivation) / <f64>norm), decoder, bytes);
  }
  if (p.unitNorm) axpy(gradD, -dot(gradD, decoder, bytes), decoder, bytes);
  // h = x − b_dec: what moves the pre-activation moves b_dec the other way.
  if (p.centred && sumPre != 0)
    axpy(rowAt(p.blockEncoder, block, bytes), -(<f32>sumPre), p.encoder + row, bytes);

  const idle = p.idle + ((<usize>j) << 2);
  store<u32>(idle, fired > 0 ? 0 : <u32>min<u64>(<u64>load<u32>(idle) + p.tokens, 0xffffffff));
  if (p.embed && fired > 0) updateMean(p, j, row, seen, fired, rowAt(scratch, SUM_INPUT, bytes));
}

/** weighMean of latent j for the dense step; below 0 where it was never active. */
export function meanOf(p: Params, j: i32, scratch: usize): f64 {
  if (load<f64>(p.seen + (j << 3)) == 0) return -1;
  return weighMean(p, <usize>j * <usize>p.stride * 4, scratch);
}

/**
 * Ends the dense step of latent j, whose gradients from its pairs lie in gradE and gradD, and L_N's sums and Σ h in
 * scratch: the rest of them, and Adam's update or, where gradients are kept, their norm.
 */
export function finishDense(
  p: Params,
  j: i32,
  keep: i32,
  gradE: usize,
  gradD: usize,
  scratch: usize,
  activation: f64,
  pre: f64,
  threshold: f64,
  fired: i32,
  distance: f64,
  distanceCount: i32,
  overA: f64,
  along: f64,
): i32 {
  const bytes = <usize>p.stride * 4;
  const block = j / LATENT_BLOCK;
  if (j % LATENT_BLOCK == 0) clear(rowAt(p.blockEncoder, block, bytes), bytes);
  sumActivation = activation;
  sumPre = pre;
  sumThreshold = threshold;
  const seen = load<f64>(p.seen + (j << 3));
  if (p.embed && seen > 0 && p.embeddingWeight != 0) {
    weighMean(p, <usize>j * bytes, scratch);
    addEmbeddingGradient(p.encoder + <usize>j * bytes, gradE, scratch, bytes, <f32>overA);
  }
  if (p.residualWeight != 0) holdLength(p, j, gradD, along);
  store<f64>(p.latentEmbedding + (j << 3), distance);
  store<u32>(p.latentPairs + (j << 2), distanceCount);
  if (fired > 0 || threshold != 0) store<u32>(p.moved + (j << 2), 1);
  finish(p, j, block, gradE, gradD, seen, fired, scratch);
  if (!keep) return update(p, j, gradE, gradD, <f32>sumPre, <f32>sumThreshold);
  keepNorm(p, j, gradE, gradD);
  return 0;
}

function hasEntries(pairs: Pairs, j: i32): bool {
  const start = pairs.colStart + (j << 2);
  return load<u32>(start) != load<u32>(start, 4);
}

/** Adds the pairs of latent j: to gradE Σ dpre·h, to gradD Σ z·error; where asked Σ h, and with L_N its sums. */
function accumulate(
  p: Params,
  pairs: Pairs,
  errors: usize,
  j: i32,
  sumInputs: bool,
  embed: bool,
  meanEnergy: f64,
  gradE: usize,
  gradD: usize,
  scratch: usize,
): void {
  const bytes = <usize>p.stride * 4;
  const columns = pairs.columns;
  const first = load<u32>(pairs.colStart + (j << 2));
  const end = load<u32>(pairs.colStart + (j << 2), 4);
  const threshold: f32 = p.gated ? load<f32>(p.threshold + (j << 2)) : 0;
  const sparsity: f32 = p.gated ? 0 : p.sparsityWeight * load<f32>(p.decoderNorm + (j << 2));
  const scalars = rowAt(scratch, PRODUCTS, bytes);
  for (let next = first; next < end; ) {
    let filled = 0;
    for (; filled < 4 && next < end; next++) {
      const column = columns + ((<usize>next) << 3);
      const entry = load<u32>(column, 4);
      const value = load<f32>(pairs.entries + ((<usize>entry) << 3));
      const dz = load<f32>(pairs.dz + ((<usize>entry) << 2));
      if (p.gated) {
        const place = (value - threshold) / p.bandwidth;
        if (place > -0.5 && place < 0.5) {
          sumThreshold -= <f64>(threshold * dz + p.sparsityWeight) / <f64>p.bandwidth;
        }
      }
      if (!(value > threshold)) continue;
      const dpre = dz + sparsity;
      active++;
      sumActivation += <f64>value;
      sumProducts += <f64>value * <f64>dz;
      sumPre += <f64>dpre;
      const slot = scalars + (filled << 5);
      store<u32>(slot, load<u32>(column));
      store<f32>(slot, value, 4);
      store<f32>(slot, dpre, 8);
      store<f32>(slot, 1, 12);
      filled++;
    }
    if (filled == 0) break;
    // A short last quartet repeats a row with weight 0.
    for (; filled < 4; filled++) {
      const slot = scalars + (filled << 5);
      store<u32>(slot, load<u32>(scalars));
      store<f32>(slot, 0, 4);
      store<f32>(slot, 0, 8);
      store<f32>(slot, 0, 12);
    }
    const h0 = rowAt(p.h, load<u32>(scalars), bytes);
    const h1 = rowAt(p.h, load<u32>(scalars, 32), bytes);
    const h2 = rowAt(p.h, load<u32>(scalars, 64), bytes);
    const h3 = rowAt(p.h, load<u32>(scalars, 96), bytes);
    if (embed) embedQuartet(p, h0, h1, h2, h3, meanEnergy, scratch, scalars);
    if (sumInputs) {
      axpy4(
        rowAt(scratch, SUM_INPUT, bytes),
        bytes,
        load<f32>(scalars, 12),
        h0,
        load<f32>(scalars, 44),
        h1,
        load<f32>(scalars, 76),
        h2,
        load<f32>(scalars, 108),
        h3,
      );
    }
    axpy4(
      gradE,
      bytes,
      load<f32>(scalars, 8),
      h0,
      load<f32>(scalars, 40),
      h1,
      load<f32>(scalars, 72),
      h2,
      load<f32>(scalars, 104),
      h3,
    );
    axpy4(
      gradD,
      bytes,
      load<f32>(scalars, 4),
      rowAt(errors, load<u32>(scalars), bytes),
      load<f32>(scalars, 36),
      rowAt(errors, load<u32>(scalars, 32), bytes),
      load<f32>(scalars, 68),
      rowAt(errors, load<u32>(scalars, 64), bytes),
      load<f32>(scalars, 100),
      rowAt(errors, load<u32>(scalars, 96), bytes),
    );
  }
}

/** h̄, h̄w² and w² of a latent to scratch; returns A = Σ h̄²w². */
function weighMean(p: Params, row: usize, scratch: usize): f64 {
  const bytes = <usize>p.stride * 4;
  const mean = rowAt(scratch, MEAN, bytes);
  const u = rowAt(scratch, MEAN_WEIGHT, bytes);
  const q = rowAt(scratch, SQUARE_WEIGHT, bytes);
  for (let k: usize = 0; k < bytes; k += 16) {
    let h = v128.load(p.mean + row + k);
    if (p.centred) h = f32x4.sub(h, v128.load(p.bDec + k));
    const w = v128.load(p.encoder + row + k);
    const square = f32x4.mul(w, w);
    v128.store(mean + k, h);
    v128.store(q + k, square);
    v128.store(u + k, f32x4.mul(h, square));
  }
  return <f64>dot(mean, u, bytes);
}

/** N = Σ h̄hw² and B = Σ h²w² of four tokens, their distances, and their part of the gradient's sums. */
function embedQuartet(
  p: Params,
  h0: usize,
  h1: usize,
  h2: usize,
  h3: usize,
  meanEnergy: f64,
  scratch: usize,
  scalars: usize,
): void {
  const bytes = <usize>p.stride * 4;
  const u = rowAt(scratch, MEAN_WEIGHT, bytes);
  const q = rowAt(scratch, SQUARE_WEIGHT, bytes);
  const sums = scalars + 128;
  weighed4(u, q, h0, h1, h2, h3, bytes, sums);
  for (let i: usize = 0; i < 4; i++) {
    embedPair(p, scalars + (i << 5), load<f32>(sums + (i << 3)), load<f32>(sums + (i << 3), 4), meanEnergy);
  }
  if (p.embeddingWeight == 0) return;
  const s1 = rowAt(scratch, MEAN_TERM, bytes);
  const s2 = rowAt(scratch, INPUT_TERM, bytes);
  const a0 = v128.load32_splat(scalars, 16);
  const a1 = v128.load32_splat(scalars, 48);
  const a2 = v128.load32_splat(scalars, 80);
  const a3 = v128.load32_splat(scalars, 112);
  const c0 = v128.load32_splat(scalars, 20);
  const c1 = v128.load32_splat(scalars, 52);
  const c2 = v128.load32_splat(scalars, 84);
  const c3 = v128.load32_splat(scalars, 116);
  for (let k: usize = 0; k < bytes; k += 16) {
    const v0 = v128.load(h0 + k);
    const v1 = v128.load(h1 + k);
    const v2 = v128.load(h2 + k);
    const v3 = v128.load(h3 + k);
    const a = f32x4.add(
      f32x4.add(f32x4.mul(a0, v0), f32x4.mul(a1, v1)),
      f32x4.add(f32x4.mul(a2, v2), f32x4.mul(a3, v3)),
    );
    v128.store(s1 + k, f32x4.add(v128.load(s1 + k), a));
    const c = f32x4.add(
      f32x4.add(f32x4.mul(c0, f32x4.mul(v0, v0)), f32x4.mul(c1, f32x4.mul(v1, v1))),
      f32x4.add(f32x4.mul(c2, f32x4.mul(v2, v2)), f32x4.mul(c3, f32x4.mul(v3, v3))),
    );
    v128.store(s2 + k, f32x4.add(v128.load(s2 + k), c));
  }
}

/** One pair's distance 1 − N/√(AB), and its a and c of the gradient; a zero embedding has distance 1 and no gradient. */
function embedPair(p: Params, slot: usize, n: f32, b: f32, meanEnergy: f64): void {
  store<f32>(slot, 0, 16);
  store<f32>(slot, 0, 20);
  if (load<f32>(slot, 12) == 0) return;
  distances++;
  const root = Math.sqrt(meanEnergy * <f64>b);
  if (!(root > 0)) {
    sumDistance += 1;
    return;
  }
  sumDistance += min<f64>(max<f64>(1 - <f64>n / root, 0), 2);
  const a = (-2 * <f64>p.embeddingWeight) / root;
  store<f32>(slot, <f32>a, 16);
  store<f32>(slot, <f32>((a * <f64>n) / (2 * <f64>b)), 20);
  sumOverA += (a * <f64>n) / (2 * meanEnergy);
}

/** gradE += w (h̄ Σa h − h̄² Σ aN/2A − Σ c h²) */
function addEmbeddingGradient(w: usize, gradE: usize, scratch: usize, bytes: usize, overA: f32): void {
  const s1 = rowAt(scratch, MEAN_TERM, bytes);
  const s2 = rowAt(scratch, INPUT_TERM, bytes);
  const mean = rowAt(scratch, MEAN, bytes);
  const vA = f32x4.splat(overA);
  for (let k: usize = 0; k < bytes; k += 16) {
    const h = v128.load(mean + k);
    const inner = f32x4.sub(f32x4.mul(h, f32x4.sub(v128.load(s1 + k), f32x4.mul(h, vA))), v128.load(s2 + k));
    v128.store(gradE + k, f32x4.add(v128.load(gradE + k), f32x4.mul(v128.load(w + k), inner)));
  }
}

/** Lets the inputs that activated latent j enter its mean: Σ x = Σ h + count · b_dec. */
function updateMean(p: Params, j: i32, row: usize, seen: f64, count: i32, sumInput: usize): void {
  const bytes = <usize>p.stride * 4;
  const mean = p.mean + row;
  const total = seen + <f64>count;
  const running = p.meanDecay < 0;
  const share: f64 = seen == 0 ? 1 : running ? <f64>count / total : 1 - <f64>p.meanDecay;
  const take = f32x4.splat(<f32>share);
  const inverse = f32x4.splat(<f32>(1 / <f64>count));
  for (let k: usize = 0; k < bytes; k += 16) {
    let x = f32x4.mul(v128.load(sumInput + k), inverse);
    if (p.centred) x = f32x4.add(x, v128.load(p.bDec + k));
    const old = v128.load(mean + k);
    v128.store(mean + k, f32x4.add(old, f32x4.mul(take, f32x4.sub(x, old))));
  }
  store<f64>(p.seen + (j << 3), total);
}
