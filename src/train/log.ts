import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../base/files.ts';
import { LOG_FIGURES, type LogFigure } from '../sae/trainer/log-figures.ts';
import type { SaeStep } from '../sae/trainer/step.ts';

/** A line of the log, as far as it is read: where there is no number, null. */
export type LogLine = { step: number; tokens: number; latents: number | null } & Record<
  LogFigure,
  number | null
>;

/** `log.jsonl`: a line every so many steps. */
export async function appendLog(
  dir: string,
  step: SaeStep,
  extra: { tokens: number; latents: number; tokensPerSecond: number },
): Promise<void> {
  const { dead, ...figures } = step;
  const { tokens, latents, tokensPerSecond } = extra;
  const line = { ...figures, dead, latents, deadShare: dead / latents, tokens, tokensPerSecond };
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
  if (text !== '') await writeWhole(path, [kept.map((line) => `${line}\n`).join('')]);
}

/** A line read back; null where it is no line of a log: not JSON, without step, tokens, loss or mse, or with text in place of a number. */
export function parseLogLine(text: string): LogLine | null {
  let figures: Record<string, unknown>;
  try {
    figures = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof figures !== 'object' || figures === null) return null;
  const { step, tokens, latents } = figures;
  if (!isCount(step) || !isCount(tokens)) return null;
  if (typeof figures['loss'] !== 'number' || typeof figures['mse'] !== 'number') return null;
  const line = { step, tokens, latents: isCount(latents) ? latents : null } as LogLine;
  for (const figure of LOG_FIGURES) {
    const value = figures[figure] ?? null;
    if (value !== null && typeof value !== 'number') return null;
    line[figure] = value !== null && Number.isFinite(value) ? value : null;
  }
  return line;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
