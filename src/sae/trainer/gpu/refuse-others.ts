import { PolysemeError } from '../../../errors.ts';
import type { SaeTrainerSettings } from '../trainer-options.ts';

/** Refuses, in a line, what only the processor can. */
export function refuseOthers({
  architecture,
  l1,
  clipNorm,
  unitNormDecoder,
  resampleEvery,
}: SaeTrainerSettings): void {
  const other = [
    architecture !== 'topk' && `architecture ${architecture}`,
    l1 > 0 && `l1 ${l1}`,
    clipNorm > 0 && `clipNorm ${clipNorm}`,
    unitNormDecoder && 'unitNormDecoder',
    resampleEvery > 0 && `resample every ${resampleEvery}`,
  ].filter((what) => what !== false);
  if (other.length === 0) return;
  throw new PolysemeError(
    `device webgpu trains topk SAEs without l1, clipping, unit-norm decoders and resampling, and not with ${other.join(', ')}: train on the processor`,
    'unsupported',
  );
}
