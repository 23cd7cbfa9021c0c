import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole } from '../formats/bytes.ts';
import type { SaeStep } from '../training/step.ts';

/** `log.jsonl`: a line every so many steps. */
export async function appendLog(
  dir: string,
  step: SaeStep,
  extra: { tokens: number; latents: number; tokensPerSecond: number },
): Promise<void> {
  const { dead, ...figures } = step;
  const { tokens, latents, tokensPerSecond } = extra;
  const line = { ...figures, dead, deadShare: dead / latents, tokens, tokensPerSecond };
  await appendFile(join(dir, 'log.jsonl'), `${JSON.stringify(line)}\n`);
}

/** Takes away lines past `step`, and one that is not whole: training goes on from there. */
export async function trimLog(dir: string, step: number): Promise<void> {
  const path = join(dir, 'log.jsonl');
  const text = await readFile(path, 'utf8').catch(() => '');
  const kept = text.split('\n').filter((line) => {
    try {
      return (JSON.parse(line) as SaeStep).step <= step;
    } catch {
      return false;
    }
  });
  const bytes = new TextEncoder().encode(kept.map((line) => `${line}\n`).join(''));
  if (text !== '') await writeFileWhole(path, [bytes]);
}
