import { PolysemeError } from '../errors.ts';
import type { Predicted } from '../model/edits.ts';
import type { TapBlock } from '../model/taps.ts';
import type { SaeConfig } from '../sae/config.ts';
import { EVALUATION_TAPS, SUMS } from './evaluation-edits.ts';
import { Mean, Moments, ratio } from './moments.ts';
import type { SaeEvaluation } from './result.ts';

/** Edges of the density histogram: half decades of log10. */
const DENSITY_EDGES = Array.from({ length: 15 }, (_, i) => -7 + i / 2);

/** Takes in what the evaluation's graph gives, run by run, in the order of the contexts. */
export class Tally {
  readonly #config: SaeConfig;
  readonly #moments: Moments;
  readonly #fired: Float64Array;
  readonly #sums = Object.fromEntries(SUMS.map((name) => [name, new Mean()])) as Record<
    (typeof SUMS)[number],
    Mean
  >;
  readonly #cosine = new Mean();
  readonly #ratio = new Mean();
  readonly #normIn = new Mean();
  readonly #normOut = new Mean();
  readonly #losses = [new Mean(), new Mean(), new Mean()] as const;
  readonly #divergences = [new Mean(), new Mean()] as const;
  /** Rows of the contexts that wait for the legacy batch to be full. */
  readonly #predicted: Predicted;
  readonly #legacyBatch: number;
  #rows: Float32Array[] = [];
  #errors: number[] = [];
  #waiting = 0;

  constructor(config: SaeConfig, legacyBatch: number, predicted: Predicted) {
    this.#config = config;
    this.#predicted = predicted;
    this.#legacyBatch = legacyBatch;
    this.#moments = new Moments(config.dOut);
    this.#fired = new Float64Array(config.dSae);
  }

  /** Takes in a block of the evaluation's graph, whose contexts stand in it three times. */
  add({ contexts, length, text, taps }: TapBlock): void {
    const data = (name: keyof typeof EVALUATION_TAPS): Float32Array => taps[EVALUATION_TAPS[name]]!.data;
    const [target, sums, fired] = [data('target'), data('sums'), data('fired')];
    const [loss, divergence] = [data('loss'), data('divergence')];
    for (let j = 0; j < fired.length; j++) this.#fired[j]! += fired[j]!;
    const { dOut } = this.#config;
    contexts.forEach(({ tokens }, c) => {
      for (let t = 0; t < tokens.length; t++) {
        const at = c * length + t;
        if (text[at] === 0) continue;
        this.#addSums(sums.subarray(at * SUMS.length, (at + 1) * SUMS.length), c);
        this.#rows.push(target.subarray(at * dOut, (at + 1) * dOut));
        this.#divergences.forEach((mean, i) => {
          mean.add(divergence[2 * at + i]!);
        });
        if (this.#predicted === 'next' && t + 1 === tokens.length) continue;
        this.#losses.forEach((mean, part) => {
          mean.add(loss[part * contexts.length * length + at]!);
        });
      }
      if (++this.#waiting === this.#legacyBatch) this.#flush();
    });
  }

  figures(): Pick<SaeEvaluation, 'reconstruction' | 'sparsity' | 'crossEntropy' | 'divergence'> {
    this.#flush();
    const { tokens } = this.#moments;
    if (tokens === 0) throw new PolysemeError('the contexts hold no text token');
    const { error, input: _, output, product, l0, l1 } = this.#sums;
    const [clean, withSae, ablated] = this.#losses.map(({ value }) => value) as [number, number, number];
    const [klSae, klAblated] = this.#divergences.map(({ value }) => value) as [number, number];
    return {
      reconstruction: {
        tokens,
        explainedVariance: this.#moments.explained,
        explainedVarianceLegacy: this.#moments.explainedLegacy,
        legacyBatch: this.#legacyBatch,
        mse: error.value!,
        msePerDimension: error.value! / this.#config.dOut,
        cosine: this.#cosine.value!,
        l2NormIn: this.#normIn.value!,
        l2NormOut: this.#normOut.value!,
        l2Ratio: this.#ratio.value,
        relativeReconstructionBias: ratio(output.value, product.value),
      },
      sparsity: { tokens, l0: l0.value!, l1: l1.value!, ...densities(this.#fired, tokens) },
      crossEntropy: {
        tokens: this.#losses[0].count,
        clean,
        withSae,
        ablated,
        recovered: clean === null ? null : ratio(ablated - withSae, ablated - clean),
      },
      divergence: {
        tokens,
        withSae: klSae,
        ablated: klAblated,
        recovered: ratio(klAblated - klSae, klAblated),
      },
    };
  }

  #addSums(values: Float32Array, context: number): void {
    if (values.some(Number.isNaN)) {
      throw new PolysemeError(
        `an activation or a reconstruction is NaN in context ${context} of a run: the weights overflow in float32, or are damaged`,
        'damaged',
      );
    }
    SUMS.forEach((name, i) => {
      this.#sums[name].add(values[i]!);
    });
    const [error, input, output, product] = values as unknown as [number, number, number, number];
    const [normIn, normOut] = [Math.sqrt(input), Math.sqrt(output)];
    this.#errors.push(error);
    this.#normIn.add(normIn);
    this.#normOut.add(normOut);
    this.#cosine.add(normIn > 0 && normOut > 0 ? product / (normIn * normOut) : 0);
    if (normIn > 0) this.#ratio.add(normOut / normIn);
  }

  #flush(): void {
    const { dOut } = this.#config;
    const rows = new Float32Array(this.#rows.length * dOut);
    this.#rows.forEach((row, i) => {
      rows.set(row, i * dOut);
    });
    this.#moments.add(rows, Float64Array.from(this.#errors));
    this.#rows = [];
    this.#errors = [];
    this.#waiting = 0;
  }
}

function densities(fired: Float64Array, tokens: number) {
  const live = fired.filter((count) => count > 0).map((count) => count / tokens);
  const counts = Array<number>(DENSITY_EDGES.length - 1).fill(0);
  for (const density of live) {
    const bin = Math.floor((Math.log10(density) - DENSITY_EDGES[0]!) * 2 + 1e-9);
    counts[Math.min(counts.length - 1, Math.max(0, bin))]!++;
  }
  const total = live.reduce((sum, density) => sum + density, 0);
  const over = (least: number): Float64Array => live.filter((density) => density > least);
  const weight = (least: number): number | null =>
    ratio(
      over(least).reduce((sum, density) => sum + density, 0),
      total,
    );
  const dead = fired.length - live.length;
  return {
    dead,
    deadShare: dead / fired.length,
    densityHistogram: { edges: DENSITY_EDGES, counts },
    over1Percent: over(0.01).length / fired.length,
    over10Percent: over(0.1).length / fired.length,
    normalizedOver1Percent: weight(0.01),
    normalizedOver10Percent: weight(0.1),
  };
}
