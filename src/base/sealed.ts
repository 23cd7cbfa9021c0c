import { createHash } from 'node:crypto';

/** Bytes of a SHA-256. */
const SEAL = 32;

/** The pieces with their SHA-256 behind them. */
export function sealed(pieces: readonly Uint8Array[]): Uint8Array[] {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return [...pieces, hash.digest()];
}

/** What `sealed` sealed, checked. @throws Error where it is not what was saved */
export function unsealed(bytes: Uint8Array): Uint8Array {
  const content = bytes.subarray(0, Math.max(0, bytes.length - SEAL));
  const found = createHash('sha256').update(content).digest();
  if (Buffer.compare(found, bytes.subarray(content.length)) === 0) return content;
  throw new Error(DIFFERS);
}

/** A JSON object as lines for people, with the SHA-256 of the rest as its last key. */
export function sealedJson(value: object): string {
  return `${JSON.stringify({ ...value, sha256: jsonDigest(value) }, null, 2)}\n`;
}

/**
 * What `sealedJson` wrote, checked, without its digest. White space doesn't count.
 * @throws Error where it is no such object, or not the one that was written
 */
export function unsealedJson(text: string): Record<string, unknown> {
  const { sha256, ...value } = JSON.parse(text) as Record<string, unknown>;
  if (sha256 === undefined) throw new Error('it has no SHA-256: an older version wrote it, or it is damaged');
  if (sha256 !== jsonDigest(value)) throw new Error(DIFFERS);
  return value;
}

const DIFFERS = 'it is not what was saved: its SHA-256 differs';

function jsonDigest(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
