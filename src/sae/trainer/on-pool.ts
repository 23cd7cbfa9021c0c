// The step on the processor's threads.
import { LATENT_BLOCK } from '../../wasm/generated/sae/places.ts';
import { sumBlocks, sumInOrder } from './arrays.ts';
import type { DenseJob } from './dense-kernel.ts';
import { costLimit } from './dense-share.ts';
import type { EncodeJob, Segment } from './encoder.ts';
import { TOKEN_BLOCK } from './layout.ts';
import { buildColumns, buildRows, countEntries, kthLargest, leastActivation } from './pairs.ts';
import type { SaeTrainerCounters } from './state.ts';
import type { Forward, StepContext, Updated } from './step-context.ts';
import { isBatchTopK, isTopK } from './trainer-options.ts';

/** The forward pass on the threads. */
export async function onPool(
  context: StepContext,
  tokens: number,
  dead: readonly number[],
): Promise<Forward> {
  const hasAux = dead.length > 0;
  const isSparse = await encode(context, tokens, dead);
  const pairs = isSparse ? await decode(context, tokens, hasAux) : await decodeDense(context, tokens);
  return { pairs, update: () => update(context, tokens, hasAux, isSparse) };
}

/**
 * Finds the active pairs, and the auxiliary ones of dead latents, and lays them out by token. False where there are so
 * many that the step is to be dense.
 */
async function encode(
  { layout, pool, kernel, settings, denseShare }: StepContext,
  tokens: number,
  dead: readonly number[],
): Promise<boolean> {
  const { architecture, k, latents, auxK, bandwidth } = settings;
  const job: EncodeJob = {
    mode: architecture === 'topk' ? 'rows' : isBatchTopK(architecture) ? 'batch' : 'all',
    k,
    tokens,
    h: layout.get('h'),
    encoder: layout.get('encoder'),
    bEnc: layout.get('bEnc'),
    threshold: architecture === 'jumprelu' ? layout.get('threshold') : 0,
    bandwidth,
    latents,
  };
  // A batch topk of less than one pair has none.
  const most = Math.floor(k * tokens);
  const limit = job.mode === 'all' ? costLimit(denseShare, latents * tokens) : Number.POSITIVE_INFINITY;
  const main = job.mode === 'batch' && most === 0 ? [] : await pool.encode(job, limit);
  if (main === null) {
    layout.setPairs(0, 0);
    return false;
  }
  const wanted = Math.min(auxK, dead.length);
  let aux: Segment[] = [];
  if (dead.length > 0) {
    const address = layout.get('latentPairs');
    layout.u32(address, dead.length).set(dead);
    const list = { address, count: dead.length };
    aux = (await pool.encode({ ...job, mode: 'rows', k: wanted, list }, Number.POSITIVE_INFINITY)) ?? [];
    for (const { entries } of aux) {
      for (let i = 1; i < entries.length; i += 2) entries[i] = dead[entries[i]!]!;
    }
  }
  const pairCount = countEntries(main);
  layout.setPairs(pairCount, countEntries(aux));
  buildRows(layout, 'main', tokens, main);
  if (isTopK(architecture)) {
    if (job.mode === 'batch' && pairCount > most) {
      const { value, place } = kthLargest(layout, kernel, tokens, latents, most);
      await pool.run('cut', { tokens, pairs: layout.main, value, place });
    }
    await pool.run('order', { tokens, pairs: layout.main, k: job.mode === 'rows' ? k : 0 });
  }
  if (dead.length > 0) {
    buildRows(layout, 'aux', tokens, aux);
    await pool.run('order', { tokens, pairs: layout.aux, k: wanted });
  }
  return true;
}

/** Reconstructs; meanwhile this thread lays the pairs out by latent. Returns how many pairs there are. */
async function decode(
  { layout, pool, settings, counters }: StepContext,
  tokens: number,
  hasAux: boolean,
): Promise<number> {
  const { latents, architecture } = settings;
  const { main, aux } = layout;
  const decoding = pool.run('decode', { tokens, main, aux, hasAux });
  const pairs = buildColumns(layout, 'main', tokens, latents);
  if (hasAux) buildColumns(layout, 'aux', tokens, latents);
  if (isBatchTopK(architecture)) trackThreshold(counters, leastActivation(layout, tokens));
  await decoding;
  if (hasAux) await pool.run('decodeAux', { tokens, aux });
  return pairs;
}

/** Reconstructs by whole products. Returns how many pairs are active. */
async function decodeDense(context: StepContext, tokens: number): Promise<number> {
  const { layout, pool } = context;
  await pool.run('denseDecode', denseJob(context, tokens));
  return sumInOrder(layout.u32(layout.getPair('main', 'rowCount'), tokens));
}

function denseJob({ layout, settings }: StepContext, tokens: number): DenseJob {
  return {
    tokens,
    latents: settings.latents,
    h: layout.get('h'),
    errors: layout.getPair('main', 'errors'),
    encoder: layout.get('encoder'),
    decoder: layout.get('decoder'),
    bEnc: layout.get('bEnc'),
    threshold: settings.architecture === 'jumprelu' ? layout.get('threshold') : 0,
    decoderNorm: layout.get('decoderNorm'),
    tokenSparsity: layout.get('tokenSparsity'),
    rowCount: layout.getPair('main', 'rowCount'),
    main: layout.main,
    aux: layout.aux,
    bandwidth: layout.get('bandwidth'),
    sparsityWeight: layout.get('sparsityWeight'),
    embeddingWeight: layout.get('embeddingWeight'),
    embed: settings.measureEmbedding,
    align: settings.measureResidual,
    residualWeight: layout.get('residualWeight'),
    tokenError: layout.get('tokenError'),
    tokenAlignment: layout.get('tokenAlignment'),
    plainErrors: layout.getPair('aux', 'errors'),
    kept: layout.kept ?? null,
  };
}

/** The threshold at inference: an exponential mean of each batch's least activation (rate 0.01, as SAELens). */
function trackThreshold(counters: SaeTrainerCounters, least: number): void {
  const { threshold, step } = counters;
  counters.threshold = step === 0 ? least : 0.99 * threshold + 0.01 * least;
}

/** Gradients and Adam on the threads; the gradient's norm where it is needed. */
async function update(
  context: StepContext,
  tokens: number,
  hasAux: boolean,
  isSparse: boolean,
): Promise<Updated> {
  const { layout, pool, settings } = context;
  const { latents, clipNorm, applyBDecToInput, measureEmbedding } = settings;
  const keep = layout.kept !== undefined;
  const { main, aux } = layout;
  let bad = await (isSparse
    ? pool.run('latents', { latents, main, aux, hasAux, keep })
    : pool.run('denseLatents', denseJob(context, tokens)));
  const gradient = sumBlocks(layout, 'blockErrors', Math.ceil(tokens / TOKEN_BLOCK));
  if (applyBDecToInput) {
    const encoder = sumBlocks(layout, 'blockEncoder', Math.ceil(latents / LATENT_BLOCK));
    for (let k = 0; k < gradient.length; k++) gradient[k]! += encoder[k]!;
  }
  layout.f32(layout.bDecGradient, layout.stride).set(gradient);
  let norm: number | null = null;
  if (clipNorm > 0) {
    const squares = sumInOrder(layout.f64(layout.get('gradientNorm'), latents));
    norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, squares));
    layout.set('clip', Math.min(1, clipNorm / (norm + 1e-6)));
  }
  if (keep) bad = await pool.run('apply', { latents });
  return {
    areFinite: bad <= 0,
    embedding: measureEmbedding ? sumInOrder(layout.f64(layout.get('latentEmbedding'), latents)) : 0,
    embeddingPairs: measureEmbedding ? sumInOrder(layout.u32(layout.get('latentPairs'), latents)) : 0,
    gradientNorm: norm,
  };
}
