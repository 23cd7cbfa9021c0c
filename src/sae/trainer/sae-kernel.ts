/** Exports of kernels/sae.ts; numbers are addresses in shared memory where not said otherwise. */
export interface SaeKernel {
  paramsBytes(): number;
  pairsBytes(): number;
  prepare(params: number, from: number, to: number, block: number): number;
  order(params: number, pairs: number, from: number, to: number, k: number): void;
  cut(params: number, pairs: number, from: number, to: number, value: number, place: number): void;
  decode(
    params: number,
    main: number,
    aux: number,
    hasAux: number,
    from: number,
    to: number,
    block: number,
    scratch: number,
  ): void;
  decodeAux(params: number, aux: number, from: number, to: number): void;
  updateLatents(
    params: number,
    main: number,
    aux: number,
    hasAux: number,
    from: number,
    to: number,
    block: number,
    scratch: number,
  ): number;
  keepGradients(
    params: number,
    main: number,
    aux: number,
    hasAux: number,
    from: number,
    to: number,
    block: number,
    scratch: number,
  ): void;
  applyGradients(params: number, from: number, to: number): number;
  updateDecoderBias(params: number, m: number, v: number, gradient: number): number;
  errorsOfDense(params: number, main: number, aux: number, from: number, to: number): void;
  sumErrors(params: number, pairs: number, from: number, to: number, block: number): void;
  meanOf(params: number, latent: number, scratch: number): number;
  finishDense(
    params: number,
    latent: number,
    keep: number,
    gradE: number,
    gradD: number,
    scratch: number,
    activation: number,
    pre: number,
    threshold: number,
    fired: number,
    distance: number,
    distances: number,
    overA: number,
    along: number,
  ): number;
  normaliseAll(params: number): void;
  kthLargest(keys: number, count: number, k: number): void;
}
