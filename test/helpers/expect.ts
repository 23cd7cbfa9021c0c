import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { PolysemeError } from '../../src/index.ts';

/** That `work` fails with a PolysemeError of one line that matches; returns the line. */
export async function expectOneLine(work: () => unknown, pattern: RegExp): Promise<string> {
  let error: unknown;
  try {
    await work();
  } catch (caught) {
    error = caught;
  }
  expect(error, `expected an error like ${pattern}`).toBeInstanceOf(PolysemeError);
  const { message } = error as PolysemeError;
  expect(message).toMatch(pattern);
  expect(message).not.toMatch(/\n|\[object/);
  return message;
}

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
