import { buildColumns } from '../pairs.ts';
import type { Forward, StepContext } from '../step-context.ts';

/** The forward pass on the GPU; this thread lays the pairs out by latent. */
export async function onGpu(context: StepContext, tokens: number, dead: readonly number[]): Promise<Forward> {
  const { layout, settings } = context;
  const gpu = context.gpu!;
  const { bDec, embedding, embeddingPairs } = await gpu.forward(tokens, dead.length);
  const pairs = buildColumns(layout, 'main', tokens, settings.latents);
  buildColumns(layout, 'aux', tokens, settings.latents);
  return {
    pairs,
    async update() {
      layout.f32(layout.bDecGradient, layout.stride).set(bDec);
      const areFinite = await gpu.update(tokens, dead.length);
      return { areFinite, embedding, embeddingPairs, gradientNorm: null };
    },
  };
}
