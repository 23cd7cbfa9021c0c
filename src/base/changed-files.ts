import type { FileDigest } from './file-digest.ts';

/** Of files then and now, those with other bytes, that went or that came: each as an error says it. */
export function changedFiles(
  before: readonly Pick<FileDigest, 'name' | 'sha256'>[],
  now: readonly Pick<FileDigest, 'name' | 'sha256'>[],
): string[] {
  const names = new Set([...before, ...now].map(({ name }) => name));
  const digest = (files: typeof now, name: string) =>
    files.find((file) => file.name === name)?.sha256 ?? 'none';
  return [...names]
    .filter((name) => digest(before, name) !== digest(now, name))
    .map((name) => `${name} (sha256 ${short(digest(before, name))} there, ${short(digest(now, name))} now)`);
}

function short(digest: string): string {
  return digest.slice(0, 12);
}
