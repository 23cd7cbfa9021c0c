import { createHash } from 'node:crypto';
import { rowsOf } from '../tensors/matrix.ts';
import type { SaeConfig } from './config.ts';
import type { Sae } from './sae.ts';

/** Rows of a matrix put in order at a time. */
const ROWS = 256;

/** The keys of a config that the latents or outputs of given tensors depend on. */
const COMPUTED = [
  'architecture',
  'dIn',
  'dSae',
  'dOut',
  'transcoder',
  'applyBDecToInput',
  'normalizeActivations',
  'hookHeadIndex',
  'rescaleActsByDecoderNorm',
] as const satisfies readonly (keyof SaeConfig)[];

/**
 * SHA-256 (hex) of what an SAE computes: its config without provenance, and its tensors row by row. The same SAE in
 * two formats has one fingerprint, if no number was changed on the way.
 */
export function fingerprint({ config, tensors }: Sae): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(COMPUTED.map((key) => config[key])));
  // Of other architectures, k is only what the training aimed at.
  if (['topk', 'abstopk', 'groupmax'].includes(config.architecture)) hash.update(`k ${config.k}`);
  for (const [name, tensor] of Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (tensor === undefined) continue;
    hash.update(name);
    if (tensor instanceof Float32Array) hash.update(bytes(tensor));
    else {
      for (let start = 0; start < tensor.rows; start += ROWS) {
        hash.update(bytes(rowsOf(tensor, start, Math.min(ROWS, tensor.rows - start))));
      }
    }
  }
  return hash.digest('hex');
}

function bytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
