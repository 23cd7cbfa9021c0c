import { existsSync, renameSync, rmSync } from 'node:fs';
import type { Bank } from '../bank/bank.ts';
import { diskFull, isDiskFull, makeWhole } from '../base/files.ts';
import { PolysemeError } from '../errors.ts';
import type { StoredMeta, StudyInputs, StudyMeta } from '../study/meta.ts';
import { StudyWriter } from '../study/writer.ts';
import { settledOptions } from './settings.ts';

/** Made whole: no half-made study is ever there. There must be none. */
export function createStudy(
  out: string,
  meta: StudyMeta,
  banks: readonly Bank[],
  inputs: StudyInputs,
): Promise<void> {
  const described = banks.map(({ name, kind, site, units, width, embedding }) => ({
    name,
    kind,
    site,
    units,
    width,
    embedding,
  }));
  return makeWhole(out, (temporary) => {
    // Of a study that somebody deleted, or a kill moved away: SQLite would play them into the new one.
    for (const suffix of LOGS) rmSync(out + suffix, { force: true });
    try {
      StudyWriter.create(temporary, meta, described, inputs).close();
    } catch (error) {
      removeStudy(temporary);
      throw isDiskFull(error) ? diskFull(out) : error;
    }
  });
}

/** What the study in `out` says of itself; if it is complete, it becomes one file, which its run may have been killed before. */
export function readMeta(out: string): StoredMeta {
  const writer = StudyWriter.open(out);
  try {
    const meta = writer.info();
    // Here, since a connection that was closed may hold its lock for a while.
    if (meta.status === 'complete') writer.settle();
    return meta;
  } finally {
    writer.close();
  }
}

export interface Compared {
  readonly complete: boolean;
  /** In what it is another study than what is asked for. */
  readonly differences: readonly string[];
  /** Options that it has not, as an older version made it, and that nobody asked for: their defaults differ. */
  readonly newer: readonly string[];
  /** Inputs that are no longer what the study was made from. */
  readonly changed: readonly string[];
}

/** Whether a study is not what is asked for. */
export function isOther({ differences, newer, changed }: Compared): boolean {
  return differences.length + newer.length + changed.length > 0;
}

/**
 * Whether a study is finished, and in what it differs from what is asked for.
 * @param given names of the options that were given, and are no defaults
 */
export function compareMeta(there: StoredMeta, asked: StudyMeta, given: readonly string[]): Compared {
  const differences: string[] = [];
  const newer: string[] = [];
  for (const part of ['model', 'data', 'options'] as const) {
    const [before, wanted] = [there, asked].map((meta) => settledPart(meta, part)) as [Part, Part];
    for (const key of new Set([...Object.keys(wanted), ...Object.keys(before)])) {
      const [old, now] = [before[key] ?? null, wanted[key] ?? null].map((value) => JSON.stringify(value));
      if (old === now) continue;
      const name = part === 'options' ? key : key === 'source' ? part : `${part} ${key}`;
      const isNewer = part === 'options' && !(key in there.options) && !given.includes(key);
      (isNewer ? newer : differences).push(`${name} ${old} there, ${now} asked`);
    }
  }
  return { complete: there.status === 'complete', differences, newer, changed: [] };
}

type Part = Readonly<Record<string, unknown>>;

/** A part of what a study says of itself, with what it leaves out where nothing was said. */
function settledPart(meta: StudyMeta, part: 'model' | 'data' | 'options'): Part {
  if (part === 'options') return settledOptions(meta.options);
  return part === 'model' ? { device: 'cpu', ...meta.model } : meta[part];
}

/**
 * Whether the study that is there is finished; one of other options is an error that names what differs. A finished one
 * of an older version stays as it is, and `note` gets a line that says in which newer options it differs.
 */
export function isComplete(
  out: string,
  { complete, differences, newer, changed }: Compared,
  note: (line: string) => void = () => {},
): boolean {
  if (differences.length > 0 || (newer.length > 0 && !complete)) {
    const all = [...differences, ...newer].slice(0, 4).join('; ');
    throw new PolysemeError(
      `${out} is a study with other options (${all}): choose another output (option out), or option overwrite`,
      'exists',
    );
  }
  if (changed.length > 0) {
    const verb = complete ? 'was made' : 'was begun';
    throw new PolysemeError(
      `${out} ${verb} from something else: ${changed.slice(0, 4).join('; ')} changed since: put it back, choose another output (option out), or option overwrite`,
      'exists',
    );
  }
  if (newer.length > 0) {
    const asked = newer.join('; ').replaceAll(' asked', ' by default now');
    note(`${out} stays as an older Polyseme made it (${asked}); option overwrite makes it anew`);
  }
  return complete;
}

/** A study and the files that SQLite keeps beside one that was not closed. */
const LOGS = ['-wal', '-shm'];
const SUFFIXES = ['', ...LOGS];

/** Removes a study with the files beside it, or a folder. */
export function removeStudy(path: string): void {
  for (const suffix of SUFFIXES) rmSync(path + suffix, { recursive: true, force: true });
}

/** Moves a study whole: a log left beside another database would be played back into it. */
export function moveStudy(from: string, to: string): void {
  removeStudy(to);
  for (const suffix of SUFFIXES) if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix);
}
