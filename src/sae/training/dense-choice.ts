import type { SaeTrainerSettings } from './options.ts';
export function denseLimit({ latents }: SaeTrainerSettings, tokens: number): number {
  return latents * tokens;
}
