/** A step on all latents alike; addresses are of shared memory. */
export interface DenseJob {
  readonly tokens: number;
  readonly latents: number;
  readonly h: number;
  readonly errors: number;
  readonly encoder: number;
  readonly decoder: number;
  readonly bEnc: number;
  /** 0: every latent's is 0. */
  readonly threshold: number;
  readonly decoderNorm: number;
  readonly tokenSparsity: number;
  readonly rowCount: number;
  /** Parameter blocks of the pairs. */
  readonly main: number;
  readonly aux: number;
  readonly bandwidth: number;
  /** As they enter the gradient: over the number of tokens. */
  readonly sparsityWeight: number;
  readonly embeddingWeight: number;
  readonly embed: boolean;
  /** L_R: its weight, and rows of x̂ − x, f64 ‖x − x̂‖² and f64 L_R of each token. */
  readonly align: boolean;
  readonly residualWeight: number;
  readonly plainErrors: number;
  readonly tokenError: number;
  readonly tokenAlignment: number;
  /** Where gradients are kept (rows of encoder and decoder); null: they are used at once. */
  readonly kept: { readonly encoder: number; readonly decoder: number } | null;
}

/** Exports of kernels/sae-dense.ts; addresses are of a thread's private memory. */
export interface DenseExports {
  activate(
    tile: number,
    rows: number,
    columns: number,
    bias: number,
    threshold: number,
    weight: number,
    gated: number,
    sums: number,
    counts: number,
  ): void;
  gradients(
    tile: number,
    dz: number,
    on: number,
    rows: number,
    columns: number,
    bias: number,
    threshold: number,
    sparsity: number,
    gated: number,
    bandwidth: number,
    sparsityWeight: number,
    sums: number,
  ): void;
  embed(
    n: number,
    b: number,
    on: number,
    rows: number,
    columns: number,
    energy: number,
    weight: number,
    sums: number,
  ): void;
  align(
    tile: number,
    dots: number,
    rows: number,
    columns: number,
    bias: number,
    threshold: number,
    norm: number,
    energy: number,
    weight: number,
    sums: number,
  ): void;
  addAlignment(
    errors: number,
    along: number,
    plain: number,
    rows: number,
    stride: number,
    sums: number,
  ): void;
  alignActivations(
    tile: number,
    dots: number,
    dz: number,
    rows: number,
    columns: number,
    bias: number,
    threshold: number,
    norm: number,
    energy: number,
    weight: number,
    sums: number,
  ): void;
  square(row: number, to: number, count: number): void;
}

/** Where a tile of latents lies in private memory: rows of encoder and decoder, and a number a latent. */
export interface TileAddresses {
  readonly w: number;
  readonly v: number;
  readonly bias: number;
  readonly threshold: number;
  readonly norm: number;
}
