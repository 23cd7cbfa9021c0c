import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { harvest } from '../dist/harvest/harvest.js';

/**
 * Harvests contexts at hand, 64 examples a unit, as a run does by default.
 * @returns what was found; `wall`: seconds from the first context that is asked for, when the threads stand ready;
 *   `cpu`: processor seconds of all threads from then on
 */
export async function timedHarvest({
  model,
  banks,
  contexts,
  length,
  select,
  saveEvery,
  sinkMultiple = 10,
  keepDuplicates = false,
}) {
  const stateDir = mkdtempSync(join(tmpdir(), 'polyseme-bench-'));
  let first = 0;
  let before;
  const found = await harvest({
    model,
    banks,
    contexts: () => {
      first ||= performance.now();
      before ??= process.cpuUsage();
      const iterate = async function* () {
        yield* contexts;
      };
      return Object.assign(iterate(), {
        summary: { documents: 0, skipped: 0, duplicates: 0, contexts: contexts.length, tokens: 0 },
      });
    },
    length,
    specialIds: model.tokenizer.specialIds,
    tokenText: (id) => model.tokenizer.text(id),
    selection: {
      select,
      examples: 64,
      fraction: 0.75,
      sign: 'positive',
      everyPosition: false,
      keepDuplicates,
      seed: 0,
    },
    sinkMultiple,
    stateDir,
    saveEvery,
  });
  rmSync(stateDir, { recursive: true });
  return { found, wall: (performance.now() - first) / 1000, cpu: cpuSeconds(before) };
}

/** Processor seconds of all threads since `before`. */
export function cpuSeconds(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
