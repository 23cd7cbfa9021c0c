import { existsSync, readFileSync } from 'node:fs';
import { clearLeftovers } from '../../base/lock.ts';
import type { PackedArray, PackedArrays } from '../../base/pack.ts';
import { isSealed, openSealed, type SealedFile, writeSealed } from '../../base/sealed-file.ts';
import type { ContextSummary } from '../../corpus/contexts.ts';
import { PolysemeError } from '../../errors.ts';
import type { SelectionOptions } from '../../harvest/selection.ts';
import type { SinkLimits } from '../../harvest/sinks.ts';
import type { StudyInputs, StudyMeta } from '../../study/meta.ts';
import type { RunOptions } from '../run-options.ts';

/** What the parts of a divided run are, in the order in which they are made; and the plan that all of them follow. */
export const PART_KINDS = ['maxima', 'examples', 'rows', 'units'] as const;
export type PartKind = (typeof PART_KINDS)[number];

/** What a plan says of its run; stands in each of its parts, too. */
export interface PlannedRun {
  /** Of Polyseme: another one may compute otherwise. */
  readonly version: string;
  readonly shards: number;
  /** The options that the run was planned with, but for those that change no content. */
  readonly options: RunOptions;
  readonly meta: StudyMeta;
  /** With the digest of all contexts. */
  readonly inputs: StudyInputs;
  /** Norms above which a position is an attention sink, by tap. */
  readonly limits: SinkLimits;
  readonly summary: ContextSummary;
  readonly banks: readonly PlannedBank[];
  readonly selection: SelectionOptions;
  /** Positions of the longest context. */
  readonly longest: number;
}

/** What of a bank a merge must know. */
export interface PlannedBank {
  readonly name: string;
  readonly units: number;
  readonly width: number;
  readonly inputTap: string;
}

/** A part of a divided run, opened. */
export interface Part {
  readonly file: SealedFile;
  readonly kind: PartKind;
  /** Digest of the plan. */
  readonly plan: string;
  readonly run: PlannedRun;
  /** The shards whose text is in it, from 1, ascending; of `units`, the share of the units. */
  readonly covers: readonly number[];
  /** Shards, or shares of the units, that make a whole. */
  readonly of: number;
  /** Digest of the merged part of the round before; null in the first. */
  readonly after: string | null;
}

/** Of the format of plans and parts. */
export const FORMAT = 1;

export const { version: VERSION } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

export type PartHead = Omit<Part, 'file'>;

/** Writes a part whole; returns its digest. */
export function writePart(
  path: string,
  head: PartHead,
  arrays: Iterable<readonly [string, PackedArray]> | AsyncIterable<readonly [string, PackedArray]>,
): Promise<string> {
  return writeSealed(path, { format: FORMAT, ...head }, arrays);
}

export async function openPart(path: string): Promise<Part> {
  const file = await openKind(path, 'a part of a divided run');
  const { kind, plan, run, covers, of, after } = file.head as unknown as PartHead;
  const isWhole = Array.isArray(covers) && covers.every((n) => Number.isSafeInteger(n) && n >= 1 && n <= of);
  if (!PART_KINDS.includes(kind) || typeof plan !== 'string' || !isWhole) {
    throw new PolysemeError(
      `${path} is ${kind === ('plan' as string) ? 'a plan' : 'no part'}, not a part of a divided run`,
    );
  }
  return { file, kind, plan, run, covers, of, after };
}

/** Opens a sealed file of this version of the format. */
export async function openKind(path: string, what: string): Promise<SealedFile> {
  const file = await openSealed(path, what);
  const { format } = file.head;
  if (format === FORMAT) return file;
  throw new PolysemeError(
    `${path} has the format ${JSON.stringify(format)} of another version of Polyseme; this one reads ${FORMAT}: make plan and parts anew with one version`,
    'unsupported',
  );
}

export async function openParts(paths: readonly string[]): Promise<Part[]> {
  const parts: Part[] = [];
  for (const path of paths) parts.push(await openPart(path));
  return parts;
}

/**
 * Whether the part that is to be made is there already, so that a job that is started again has nothing to do. Another
 * file of that name is an error.
 */
export async function isMade(path: string, head: PartHead, overwrite: boolean): Promise<boolean> {
  if (!existsSync(path)) return false;
  if (overwrite) {
    await checkReplaceable(path);
    return false;
  }
  const refuse = (error: PolysemeError): never => {
    throw new PolysemeError(
      `${path} is there and cannot be replaced unasked (${error.message}): choose another output (option out), or option overwrite`,
      'exists',
    );
  };
  const there = await openPart(path).catch(refuse);
  const same = (['kind', 'plan', 'after', 'of'] as const).every((key) => there[key] === head[key]);
  if (same && JSON.stringify(there.covers) === JSON.stringify(head.covers)) {
    // What is damaged is told here, where it can be made again, and not only by the merge.
    await there.file.check().catch(refuse);
    await clearLeftovers(path);
    return true;
  }
  throw new PolysemeError(
    `${path} holds ${describePart(there)}, not ${describePart(head)}${there.plan === head.plan ? '' : ' of this plan'}: choose another output (option out), or option overwrite`,
    'exists',
  );
}

/** Refuses to replace what is no plan or part of a divided run; one that is damaged may be replaced. */
export async function checkReplaceable(path: string): Promise<void> {
  if (await isSealed(path)) return;
  throw new PolysemeError(
    `${path} is there, and is no plan or part of a divided run: it is not replaced; choose another file`,
    'exists',
  );
}

/** `examples of shards 1-3, 7 of 64`. */
export function describePart({ kind, covers, of }: PartHead): string {
  const what = kind === 'units' ? 'share' : 'shard';
  return `${kind} of ${what}${covers.length === 1 ? '' : 's'} ${ranges(covers)} of ${of}`;
}

/** `1-3, 7`, of ascending numbers. */
export function ranges(numbers: readonly number[]): string {
  const found: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let end = i;
    while (numbers[end + 1] === numbers[end]! + 1) end++;
    found.push(end === i ? String(numbers[i]) : `${numbers[i]}-${numbers[end]}`);
    i = end + 1;
  }
  return found.join(', ');
}

/** The arrays named `prefix.NAME`, by that name. */
export async function readGroup({ file }: Pick<Part, 'file'>, prefix: string): Promise<PackedArrays> {
  const arrays: Record<string, PackedArray> = {};
  for (const name of file.names) {
    if (name.startsWith(`${prefix}.`)) arrays[name.slice(prefix.length + 1)] = await file.read(name);
  }
  return arrays;
}

/** As `readGroup` reads them. */
export function* group(prefix: string, arrays: PackedArrays): Generator<[string, PackedArray]> {
  for (const [name, array] of Object.entries(arrays)) yield [`${prefix}.${name}`, array];
}
