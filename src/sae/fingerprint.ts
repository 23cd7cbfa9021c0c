import { createHash } from 'node:crypto';
import { rowsOf } from './matrix.ts';
import type { Sae } from './sae.ts';

/** Rows of a matrix put in order at a time. */
const ROWS = 256;

/**
 * SHA-256 (hex) of what an SAE computes: its config without provenance, and its tensors row by row. The same SAE in
 * two formats has one fingerprint, if no number was changed on the way.
 */
export function fingerprint({ config, tensors }: Sae): string {
  const { dtype: _, format: __, metadata: ___, ...computed } = config;
  const hash = createHash('sha256');
  hash.update(JSON.stringify(Object.entries(computed).sort(([a], [b]) => (a < b ? -1 : 1))));
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
