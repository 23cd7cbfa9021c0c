/** MurmurHash3's finaliser: 32 bits of which each depends on all of the given ones. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a over the code units of a text, 32 bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A number in [0, 1) that looks random, from whole numbers (two rounds of the finaliser). */
export function hashFraction(salt: number, a: number, b: number, c: number): number {
  const first = mix32(salt ^ Math.imul(a + 1, 0x9e3779b1));
  const high = mix32(first ^ Math.imul(b + 1, 0x85ebca77) ^ Math.imul(c + 1, 0xc2b2ae3d));
  const low = mix32(high ^ b);
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}
