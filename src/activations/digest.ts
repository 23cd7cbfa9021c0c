import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Checkpoint } from '../model/checkpoint.ts';

/** Bytes of each tensor that enter: enough that no retrained or other checkpoint has the same. */
const BYTES_PER_TENSOR = 4096;

/** SHA-256 (hex, 32 digits) of a checkpoint's config and of the start of each of its tensors. */
export async function modelDigest({ config, tensors }: Checkpoint): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(config));
  const byFile = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, { file, dtype, shape, offset, length }] of byFile) {
    hash.update(JSON.stringify([name, dtype, shape]));
    const handle = await open(file, 'r');
    try {
      const bytes = Buffer.alloc(Math.min(length, BYTES_PER_TENSOR));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
      hash.update(bytes.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex').slice(0, 32);
}
