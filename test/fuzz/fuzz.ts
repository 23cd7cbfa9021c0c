// Changes whole files at random and reads them: each reading ends within its time and memory, with an answer or one line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { PolysemeError } from '../../src/errors.ts';
import { type ByteEdit, byteEdits, editBytes, editJson, type JsonEdit, jsonEdits } from './edits.ts';
import type { Target } from './target.ts';

/** Seconds of the processor that no reading of such a small file may take; and of waiting, on a machine however busy. */
const LIMIT = 20;
const WAIT = 300;
/** Bytes that no reading of such a small file may add to the process: several times the largest buffer of any reader. */
const MEMORY = 1 << 30;

export interface Fuzzed {
  readonly inputs: number;
  /** How many were refused, and not read as they are. */
  readonly refused: number;
}

/**
 * @param target the parser
 * @param options.runs inputs
 * @param options.seed of the changes
 * @param options.onInput is called before each
 * @throws fast-check's report of the fewest changes that show a fault
 */
export async function fuzz(
  target: Target,
  { runs, seed, onInput = () => {} }: { runs: number; seed: number; onInput?: () => void },
): Promise<Fuzzed> {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-fuzz-'));
  try {
    const path = await target.make(folder);
    const whole = readFileSync(path);
    const expected = await target.read(path);
    let refused = 0;
    const check = async (bytes: Uint8Array): Promise<void> => {
      onInput();
      writeFileSync(path, bytes);
      if (!(await isRead(target, path, expected))) refused++;
      // What native code holds of a value that is garbage is freed in a turn of the loop: SQLite's connections, say.
      await turn();
    };
    const parameters = { numRuns: runs, seed, endOnFailure: runs > 1000 };
    if (target.json) {
      const text = whole.toString();
      const property = fc.asyncProperty(jsonEdits, (edits: readonly JsonEdit[]) =>
        check(Buffer.from(editJson(text, edits))),
      );
      await fc.assert(property, parameters);
    } else {
      const property = fc.asyncProperty(byteEdits, (edits: readonly ByteEdit[]) =>
        check(editBytes(whole, edits)),
      );
      await fc.assert(property, parameters);
    }
    return { inputs: runs, refused };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether it was read, not refused. @throws where it is neither */
async function isRead(target: Target, path: string, expected: unknown): Promise<boolean> {
  const before = process.memoryUsage.rss();
  const refusal = await outcome(target, path, expected);
  const grown = process.memoryUsage.rss() - before;
  if (grown > MEMORY) throw new Error(`the process grew by ${(grown / 1e6).toFixed(0)} MB`);
  if (refusal !== null && (refusal.message.includes('\n') || refusal.message.length > 4000))
    throw new Error(`an error of more than a line: ${refusal.message}`);
  return refusal === null;
}

/** The one line that it is refused with; null where it is read. @throws where it is neither */
async function outcome(target: Target, path: string, expected: unknown): Promise<PolysemeError | null> {
  let timer: NodeJS.Timeout | undefined;
  const begun = performance.now();
  const before = process.cpuUsage();
  const late = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const { user, system } = process.cpuUsage(before);
      const [worked, waited] = [(user + system) / 1e6, (performance.now() - begun) / 1000];
      if (worked > LIMIT || waited > WAIT)
        reject(new Error(`no answer after ${worked.toFixed(0)} s of work, ${waited.toFixed(0)} s in all`));
    }, 1000);
  });
  try {
    const value = await Promise.race([Promise.resolve().then(() => target.read(path)), late]);
    if (target.checked && !isDeepStrictEqual(value, expected)) throw new Error('read as something else');
    return null;
  } catch (error) {
    if (error instanceof PolysemeError) return error;
    throw error;
  } finally {
    clearInterval(timer);
  }
}
