import { rmSync } from 'node:fs';
import type { Bank } from '../bank/bank.ts';
import { weightsWidth } from '../bank/embedding.ts';
import { temporaryFolder } from '../base/files.ts';
import { unpackRows } from '../base/half.ts';
import type { ExampleSource, UnitExamples } from '../compare/matched.ts';
import type { DrawnBank } from '../compare/redraw.ts';
import { capturedAt } from '../harvest/captures.ts';
import type { HarvestedBank } from '../harvest/collector.ts';
import { type HarvestOptions, harvest } from '../harvest/harvest.ts';
import { groupSlots, type SelectionOptions } from '../harvest/selection.ts';

/** What is drawn, and from what. */
export interface DrawRequest
  extends Pick<
    HarvestOptions,
    'model' | 'banks' | 'contexts' | 'length' | 'specialIds' | 'onProgress' | 'signal'
  > {
  /** Draws of each unit's examples. */
  readonly seeds: number;
  /** Most examples of a unit in a draw. */
  readonly most: number;
  readonly seed: number;
  readonly sign: SelectionOptions['sign'];
  /** Whether embeddings are of h less its mean over the text. */
  readonly center: 'mean' | 'none';
}

/**
 * Draws the examples of every unit of some banks several times, at random among all positions that activate the unit,
 * in one pass of the model. Contexts are dealt to `seeds` parts of the text, the same for all banks, and each
 * part gives one draw. Draws share no text, so that they differ as draws from new text would: draws from one pile of
 * text would differ too little, most of all for units that have hardly more examples than are drawn.
 */
export async function drawBanks(request: DrawRequest): Promise<{ banks: DrawnBank[]; tokens: number }> {
  const { seeds, most, seed, sign, center, banks, ...source } = request;
  const stateDir = await temporaryFolder('polyseme-draw');
  try {
    const found = await harvest({
      ...source,
      banks,
      tokenText: () => ' ',
      selection: {
        select: 'random',
        everyPosition: true,
        keepDuplicates: true,
        examples: seeds * most,
        parts: seeds,
        fraction: 1,
        sign,
        seed,
      },
      stateDir,
      saveEvery: Number.POSITIVE_INFINITY,
    });
    const drawn = banks.map(async (bank) => {
      const harvested = found.banks.find(({ name }) => name === bank.name)!;
      const weights = await bank.weights();
      return {
        name: bank.name,
        active: activeCounts(harvested, seeds),
        draws: Array.from({ length: seeds }, (_, draw) => drawSource(bank, harvested, weights, draw, center)),
      };
    });
    return { banks: await Promise.all(drawn), tokens: found.tokens };
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** Examples of each unit in all draws together: 0 where no position activates it. */
function activeCounts({ chosen }: HarvestedBank, seeds: number): Uint32Array {
  const active = new Uint32Array(chosen.counts.length / seeds);
  chosen.counts.forEach((count, at) => {
    active[Math.floor(at / seeds)]! += count;
  });
  return active;
}

/** One draw of a harvested bank as comparisons read it. */
function drawSource(
  bank: Bank,
  { chosen, captured, inputMean }: HarvestedBank,
  weights: Float32Array,
  draw: number,
  center: 'mean' | 'none',
): ExampleSource {
  const rowLength = weightsWidth(bank);
  const groups = chosen.counts.length / bank.units;
  return {
    name: bank.name,
    embedding: bank.embedding,
    width: bank.width,
    counts: Uint32Array.from({ length: bank.units }, (_, unit) => chosen.counts[unit * groups + draw]!),
    unit(index): UnitExamples {
      const slots = groupSlots(chosen, index, draw);
      const halves = new Uint16Array(slots.length * bank.width);
      const scales = new Float32Array(slots.length);
      slots.forEach((slot, i) => {
        const { input } = capturedAt(captured, slot);
        halves.set(input.halves, i * bank.width);
        scales[i] = input.scale;
      });
      return {
        inputs: unpackRows(halves, scales, bank.width),
        weights: weights.slice(index * rowLength, (index + 1) * rowLength),
        count: slots.length,
        ...(center === 'mean' ? { centre: inputMean } : {}),
      };
    },
  };
}
