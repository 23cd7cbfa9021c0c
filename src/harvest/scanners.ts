import type { Bank } from '../bank/bank.ts';
import { connect, type Remote } from '../base/worker.ts';
import type { Context } from '../corpus/contexts.ts';
import type { Model } from '../model/load-model.ts';
import type { TapBlock, TapSource } from '../model/taps.ts';
import type { Batch, HarvestBank } from './batch.ts';
import { normTaps } from './find-sinks.ts';
import type { HarvestMethods } from './scan-worker.ts';
import type { SinkLimits } from './sinks.ts';

/**
 * Threads that scan, each for its own banks: fixed for a device, on which alone a run is gone on with, so that saved state
 * fits whatever the number of processors. A GPU gives more than two of them take in.
 */
const SCANNERS = 2;
const SCANNERS_OF_GPU = 8;

/** A thread that takes in what the model gives, for some banks. */
export interface Scanner {
  readonly remote: Remote<HarvestMethods>;
  readonly banks: readonly HarvestBank[];
}

/** What a harvest must know of banks. @param limits norms above which a position is a sink, by tap */
export function harvestBanks(banks: readonly Bank[], limits: SinkLimits): HarvestBank[] {
  return banks.map(({ name, units, experts, width, inputs, activations, norms }) => ({
    name,
    units,
    ...(experts && { experts }),
    width,
    inputTap: inputs,
    activationTap: activations,
    sinks: norms !== null && norms.tap in limits ? { tap: norms.tap, limit: limits[norms.tap]! } : null,
  }));
}

/** Opens the taps that banks and their sinks are read from. */
export function openBankTaps(
  { model, source }: { readonly model?: Model; readonly source?: TapSource<Context> },
  banks: readonly Bank[],
  limits: SinkLimits,
): TapSource<Context> {
  if (source !== undefined) return source;
  const norms = normTaps(banks).filter(({ tap }) => tap in limits);
  return model!.openTaps(
    [...new Set(harvestBanks(banks, limits).flatMap(tapsOf))],
    [...banks.flatMap(({ edits }) => edits), ...norms.map(({ edit }) => edit)],
  );
}

/** Starts the threads, each for some of the banks. @param model what gives their taps, unless they are at hand */
export function startScanners(banks: readonly HarvestBank[], model?: Model): Scanner[] {
  const most = (model?.device ?? 'cpu') === 'cpu' ? SCANNERS : SCANNERS_OF_GPU;
  return split(banks, most).map((part) => ({
    remote: connect<HarvestMethods>(new URL('./scan-worker.js', import.meta.url)),
    banks: part,
  }));
}

/** Hands each scanner the taps of its banks. @returns their memory, which is needed no more */
export async function scan(
  scanners: readonly Scanner[],
  { contexts, taps, ...block }: TapBlock<Context>,
): Promise<ArrayBuffer[]> {
  const batch: Batch = {
    ids: contexts.map(({ id }) => id),
    documents: contexts.map(({ document }) => document),
    names: contexts.map(({ documentName }) => documentName),
    labels: contexts.map(({ label }) => label ?? null),
    starts: contexts.map(({ start }) => start),
    lengths: contexts.map(({ tokens }) => tokens.length),
    tokens: block.tokens,
    valid: block.text,
    length: block.length,
  };
  const uses = new Map<string, number>();
  const wanted = scanners.map(({ banks }) => [...new Set(banks.flatMap(tapsOf))]);
  for (const name of wanted.flat()) uses.set(name, (uses.get(name) ?? 0) + 1);
  const given = await Promise.all(
    scanners.map(({ remote }, s) => {
      const own = Object.fromEntries(wanted[s]!.map((name) => [name, taps[name]!]));
      // A tap that one scanner alone reads moves to it; one that several read is copied.
      const moved = wanted[s]!.filter((name) => uses.get(name) === 1);
      return remote.call(
        'scan',
        { batch, taps: own },
        moved.map((name) => own[name]!.data.buffer as ArrayBuffer),
      );
    }),
  );
  return given.flat();
}

/** Parts of nearly equal numbers of units, each a run of banks. */
function split(banks: readonly HarvestBank[], parts: number): HarvestBank[][] {
  const total = banks.reduce((sum, { units }) => sum + units, 0);
  const groups: HarvestBank[][] = Array.from({ length: parts }, () => []);
  let before = 0;
  for (const bank of banks) {
    groups[Math.min(parts - 1, Math.floor(((before + bank.units / 2) / total) * parts))]!.push(bank);
    before += bank.units;
  }
  return groups.filter((group) => group.length > 0);
}

/** The taps that a bank reads. */
function tapsOf({ inputTap, activationTap, experts, sinks }: HarvestBank): string[] {
  return [inputTap, activationTap, experts?.shares, sinks?.tap].filter((tap) => tap !== undefined);
}
