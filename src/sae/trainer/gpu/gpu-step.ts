import type { Layout } from '../layout.ts';
import type { SaeTrainerSettings } from '../trainer-options.ts';
import { activations } from './activations.ts';
import { adam } from './adam.ts';
import { align } from './align.ts';
import { BIAS_TOKENS, bias } from './bias.ts';
import { choose } from './choose.ts';
import { Compute, type Run } from './compute.ts';
import { decode } from './decode.ts';
import { embeddingGradients } from './embedding-gradients.ts';
import { embeddingPairs } from './embedding-pairs.ts';
import { GpuState } from './gpu-state.ts';
import { gradients } from './gradients.ts';
import { holdLength } from './hold-length.ts';
import { columnsOf, countActive, sumRows, takeEntries, takeFigures } from './host-arrays.ts';
import { means } from './means.ts';
import { openGpu } from './open-gpu.ts';
import { FIGURE, FIGURES, gridOf, packParams } from './params.ts';

/** The kernels, by what they give. */
const KERNELS = {
  decode: decode(),
  decodeAux: decode(FIGURE.auxiliary),
  activations: activations(),
  activationsAux: activations(null),
};

/** The GPU's part of a step of a `topk` trainer: see step.ts for the host's. */
export class GpuStep {
  readonly #compute: Compute;
  readonly #settings: SaeTrainerSettings;
  readonly #layout: Layout;
  /** What lies on the GPU from step to step. */
  readonly state: GpuState;

  private constructor(compute: Compute, settings: SaeTrainerSettings, layout: Layout) {
    this.#compute = compute;
    this.#settings = settings;
    this.#layout = layout;
    this.state = new GpuState(compute, settings, layout);
  }

  /** @throws PolysemeError (not-found) where there is no GPU */
  static async create(settings: SaeTrainerSettings, layout: Layout): Promise<GpuStep> {
    return new GpuStep(new Compute(await openGpu()), settings, layout);
  }

  close(): void {
    this.#compute.close();
  }

  /**
   * Finds the active pairs, and the auxiliary ones of the dead, reconstructs, and leaves entries and figures in the host's
   * memory, where `prepare` has left the inputs.
   *
   * @param dead how many are dead
   * @returns b_dec's gradient, L_N and the pairs that it is over
   */
  async forward(
    tokens: number,
    dead: number,
  ): Promise<{ readonly bDec: Float64Array; readonly embedding: number; readonly embeddingPairs: number }> {
    const [compute, layout, settings, state] = [this.#compute, this.#layout, this.#settings, this.state];
    const { stride } = layout;
    const { k, measureEmbedding, measureResidual } = settings;
    const wanted = Math.min(settings.auxK, dead);
    state.upload();
    state.uploadInputs(tokens);
    const sizes = { tokens, stride };
    const rows = tokens * stride * 4;
    const main = state.pairs('', k, sizes);
    const aux = state.pairs('aux ', wanted, sizes);
    const plain = compute.buffer('plain', rows);
    const figures = compute.buffer('figures', tokens * FIGURES * 4);
    const blocks = compute.buffer('blocks', Math.ceil(tokens / BIAS_TOKENS) * stride * 4);
    const [bDec, norms] = [compute.buffer('bDec', 4 * stride), state.array('decoderNorm')];
    const params = state.params(tokens);
    const numbers = compute.uniform('params', packParams(params));
    const auxNumbers = compute.uniform(
      'aux params',
      packParams({
        ...params,
        k: wanted,
        masked: 1,
        aligned: 0,
        adds: 1,
        targetSign: -1,
        errorFactor: params.errorFactor * settings.auxWeight,
      }),
    );
    const [encoder, decoder] = [state.array('encoder'), state.array('decoder')];
    const [byTokens, byBlocks] = [
      gridOf(tokens),
      [Math.ceil(stride / 64), Math.ceil(tokens / BIAS_TOKENS)] as const,
    ];
    const runs: Run[] = [
      ...choose(compute, state, { tokens, latents: settings.latents, stride }, [
        { ...main, numbers },
        { ...aux, numbers: auxNumbers },
      ]),
    ];
    const add = (kernel: string, bindings: Run['bindings'], grid: Run['grid'] = byTokens) => {
      runs.push({ kernel, bindings, grid });
    };
    add(KERNELS.decode, [numbers, main.entries, decoder, compute.buffer('targets', rows), plain, figures]);
    if (measureResidual) {
      add(align, [
        numbers,
        main.entries,
        decoder,
        norms,
        plain,
        main.errors,
        main.dz,
        compute.buffer('along', main.bytes / 2),
        figures,
      ]);
    }
    const errors = measureResidual ? main.errors : plain;
    add(KERNELS.activations, [numbers, main.entries, decoder, norms, errors, main.dz, figures]);
    if (measureEmbedding) {
      add(embeddingPairs, [
        numbers,
        main.entries,
        compute.buffer('h', 0),
        encoder,
        state.array('mean'),
        bDec,
        compute.upload(
          'known',
          Uint32Array.from(layout.state('seen'), (count) => (count > 0 ? 1 : 0)),
        ),
        compute.buffer('terms', 2 * main.bytes),
        figures,
      ]);
    }
    add(bias, [numbers, main.entries, main.dz, encoder, errors, blocks], byBlocks);
    if (wanted > 0) {
      add(KERNELS.decodeAux, [auxNumbers, aux.entries, decoder, plain, aux.errors, figures]);
      add(KERNELS.activationsAux, [auxNumbers, aux.entries, decoder, norms, aux.errors, aux.dz, figures]);
      add(bias, [auxNumbers, aux.entries, aux.dz, encoder, aux.errors, blocks], byBlocks);
    }
    await compute.run(runs);
    const [entries, auxEntries, found, sums] = await compute.read([
      [main.entries, main.bytes],
      [aux.entries, aux.bytes],
      [figures, tokens * FIGURES * 4],
      [blocks, Math.ceil(tokens / BIAS_TOKENS) * stride * 4],
    ]);
    layout.setPairs(tokens * k, tokens * wanted);
    takeEntries(layout, 'main', new Uint32Array(entries!), tokens, k);
    takeEntries(layout, 'aux', new Uint32Array(auxEntries!), tokens, wanted);
    return {
      ...takeFigures(layout, new Float32Array(found!), tokens),
      bDec: sumRows(new Float32Array(sums!), stride),
    };
  }

  /** Gradients and Adam of all latents, once their pairs lie in columns; false where a weight is no longer finite. */
  async update(tokens: number, dead: number): Promise<boolean> {
    const [compute, layout, settings, state] = [this.#compute, this.#layout, this.#settings, this.state];
    const wanted = Math.min(settings.auxK, dead);
    const { stride } = layout;
    const { latents, k, measureEmbedding, measureResidual } = settings;
    const sizes = { tokens, stride };
    const [main, aux] = [state.pairs('', k, sizes), state.pairs('aux ', wanted, sizes)];
    const shares = countActive(layout, tokens, settings, wanted > 0);
    const [byLatents, h] = [gridOf(latents), compute.buffer('h', 0)];
    const rows = latents * stride * 4;
    const [toEncoder, toDecoder] = [
      compute.buffer('encoder gradient', rows),
      compute.buffer('decoder gradient', rows),
    ];
    const sums = compute.buffer('sums', 2 * latents * 4);
    const numbers = compute.buffer('params', 0);
    const flag = compute.buffer('flag', 4);
    compute.clear(flag);
    const columns = compute.upload('columns', columnsOf(layout, 'main', latents));
    const runs: Run[] = [];
    const add = (kernel: string, bindings: Run['bindings']) => {
      runs.push({ kernel, bindings, grid: byLatents });
    };
    const errors = measureResidual ? main.errors : compute.buffer('plain', 0);
    add(gradients, [numbers, columns, main.entries, main.dz, h, errors, toEncoder, toDecoder, sums]);
    const [encoder, decoder, norms] = [
      state.array('encoder'),
      state.array('decoder'),
      state.array('decoderNorm'),
    ];
    if (layout.get('residualWeight') !== 0) add(holdLength, [numbers, decoder, norms, sums, toDecoder]);
    const bDec = compute.buffer('bDec', 0);
    if (measureEmbedding && layout.get('embeddingWeight') !== 0) {
      const terms = compute.buffer('terms', 0);
      add(embeddingGradients, [numbers, columns, terms, h, encoder, state.array('mean'), bDec, toEncoder]);
    }
    if (wanted > 0) {
      const auxColumns = compute.upload('aux columns', columnsOf(layout, 'aux', latents));
      add(gradients, [
        compute.buffer('aux params', 0),
        auxColumns,
        aux.entries,
        aux.dz,
        h,
        aux.errors,
        toEncoder,
        toDecoder,
        sums,
      ]);
    }
    if (measureEmbedding)
      add(means, [numbers, columns, h, bDec, compute.upload('shares', shares), state.array('mean')]);
    const moved = compute.upload('moved', layout.state('moved') as Uint32Array);
    const scalar = compute.uniform('scalar params', packParams({ ...state.params(tokens), stride: 1 }));
    const otherNorms = compute.buffer('other norms', latents * 4);
    for (const [name, own, gradient, ownNorms] of [
      ['encoder', numbers, toEncoder, otherNorms],
      ['decoder', numbers, toDecoder, norms],
      ['bEnc', scalar, sums, otherNorms],
    ] as const) {
      add(adam, [
        own,
        state.array(name),
        state.array(`${name}M`),
        state.array(`${name}V`),
        gradient,
        moved,
        ownNorms,
        flag,
      ]);
    }
    state.gpuChanges();
    await compute.run(runs);
    const [bad] = await compute.read([[flag, 4]]);
    return new Uint32Array(bad!)[0] === 0;
  }
}
