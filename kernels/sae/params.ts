// The parameter blocks of a step. The host writes them by name: scripts/kernels.mjs hands it names, types and offsets.

/** The active pairs (token, latent) of a batch, by token (rows) and by latent (columns). Addresses in bytes. */
@unmanaged
export class Pairs {
  /** u32 a token: its first entry. */
  rowStart: usize;
  /** u32 a token: how many entries. */
  rowCount: usize;
  /** 8 bytes an entry: value f32 (the pre-activation), latent u32; ascending by latent. */
  entries: usize;
  /** f32 an entry: the gradient of the loss by the latent's activation, sparsity left out. */
  dz: usize;
  /** u32 a latent and one more: first entry of its column. */
  colStart: usize;
  /** 8 bytes an entry of a column: token u32, entry u32; ascending by token. */
  columns: usize;
  /**
   * f32 rows of `stride`, [groups][tokens]: gradient of the loss by the reconstruction. Of the auxiliary pairs one row a
   * token: x̂ − x of the main pairs, then the gradient of the auxiliary loss; 0 where neither is needed.
   */
  errors: usize;
}

@unmanaged
export class Params {
  /** Floats of a row: the input dimension, rounded up to a multiple of 8; the rest is 0. */
  stride: i32;
  tokens: i32;
  latents: i32;
  /** 1 where activations are gated by a threshold (JumpReLU). */
  gated: i32;
  /** 1 where the encoder sees x less b_dec. */
  centred: i32;
  /** 1 where decoder rows are kept at norm 1. */
  unitNorm: i32;
  /** 1 where L_N is computed. */
  embed: i32;
  /** 1 where L_R is computed, 2 where its control without direction is (WITHOUT_DIRECTION). */
  align: i32;
  groups: i32;
  /** u32 a group: the latent after its last. */
  groupEnd: usize;
  /** f32 a group: its weight in the loss. */
  groupWeight: usize;
  x: usize;
  h: usize;
  bDec: usize;
  encoder: usize;
  encoderM: usize;
  encoderV: usize;
  decoder: usize;
  decoderM: usize;
  decoderV: usize;
  bEnc: usize;
  bEncM: usize;
  bEncV: usize;
  threshold: usize;
  thresholdM: usize;
  thresholdV: usize;
  /** f32 a latent: ‖W_dec‖. */
  decoderNorm: usize;
  /** f32 rows: mean raw input of the tokens that activated each latent; f64 a latent: how many. */
  mean: usize;
  seen: usize;
  /** u32 a latent: tokens since it was last active; u32: 1 once its moments can differ from 0. */
  idle: usize;
  moved: usize;
  /** f32 rows and scalars where gradients are kept before the update; 0 where they are used at once. */
  encoderGradient: usize;
  decoderGradient: usize;
  bEncGradient: usize;
  thresholdGradient: usize;
  /** f64 a latent: squared norm of its gradient. */
  gradientNorm: usize;
  /** f64, [groups][tokens]: squared error; f64 a token each: sparsity, ‖x‖², auxiliary loss, L_R. */
  tokenError: usize;
  tokenSparsity: usize;
  tokenEnergy: usize;
  tokenAux: usize;
  tokenAlignment: usize;
  /** f64 a latent: sum of 1 − cos over its pairs; u32 a latent: pairs that have a distance. */
  latentEmbedding: usize;
  latentPairs: usize;
  /** f64 rows a block of tokens: sum of x. f32 rows a block: gradient of b_dec, by tokens and by latents. */
  blockSum: usize;
  blockErrors: usize;
  blockEncoder: usize;
  /** 1 / number of tokens; weights over the number of tokens: of sparsity, L_N, L_R (there times mean ‖x‖²); of the auxiliary loss. */
  invTokens: f32;
  sparsityWeight: f32;
  embeddingWeight: f32;
  residualWeight: f32;
  auxWeight: f32;
  /** Share of the old mean that stays; below 0: a running mean. */
  meanDecay: f32;
  bandwidth: f32;
  inputScale: f32;
  /** Adam: learning rate / (1 − β1^t), 1 / √(1 − β2^t), ε, 1 − β1, β2, 1 − β2; factor of clipping. */
  stepSize: f32;
  invRootV: f32;
  epsilon: f32;
  takeM: f32;
  keepV: f32;
  takeV: f32;
  clip: f32;
}
