import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, ended, type LongCommand, type Striking } from './commands.ts';

/** What the program of failing writes itself leaves of a command that is killed. */
const FIU = /^fiu-ctrl-/;

/** What a command makes when nobody disturbs it. */
export interface Undisturbed {
  /** Where it lies. */
  readonly out: string;
  readonly content: string;
  /** All files and folders that are there then. */
  readonly entries: readonly string[];
  /** Milliseconds that it took. */
  readonly time: number;
}

/** A new folder with what a command reads; its temporary files go beside it. */
export function roomFor(command: LongCommand, root: string, number: number): string {
  const out = join(root, `${command.name.replaceAll(/\W+/g, '-')}-${number}`);
  makeRoom(command, out);
  return out;
}

/** Makes a folder anew. */
export function makeRoom(command: LongCommand, out: string): void {
  removeRoom(out);
  mkdirSync(out);
  mkdirSync(temporary(out));
  command.prepare(out);
}

export function removeRoom(out: string): void {
  for (const folder of [out, temporary(out)]) rmSync(folder, { recursive: true, force: true });
}

/** Types the command in its folder. */
export function typed({ args }: LongCommand, out: string, striking: Striking = {}): Promise<Ended> {
  return ended(args(out), { ...striking, env: { ...striking.env, TMPDIR: temporary(out) } });
}

/** Types it and lets it end. */
export async function undisturbed(command: LongCommand, root: string): Promise<Undisturbed> {
  const out = roomFor(command, root, 0);
  const begun = performance.now();
  const { status, said } = await typed(command, out);
  if (status !== 0) throw new Error(`${command.name}: ${said}`);
  const time = performance.now() - begun;
  return { out, content: await command.content(out), entries: entriesOf(out), time };
}

/** What is wrong with what a command has made at last, or has left behind; null: nothing. */
export async function faultOf(
  { content }: LongCommand,
  out: string,
  last: Omit<Ended, 'signal'>,
  expected: Undisturbed,
): Promise<string | null> {
  let why = last.said || 'another content';
  const found = !isDone(last)
    ? null
    : await content(out).catch((error) => {
        why = String(error);
        return null;
      });
  if (found !== expected.content) return `ended with ${last.status}: ${why}`;
  const others = [
    ...entriesOf(out).filter((name) => !expected.entries.includes(name)),
    ...entriesOf(temporary(out)).flatMap((name) => (FIU.test(name) ? [] : [`${name} among temporary files`])),
  ];
  return others.length === 0 ? null : `left ${others.join(', ')}`;
}

/** Whether it has done its work: typed again after its last rename, it finds what it made, and may say so. */
function isDone({ status, said }: Omit<Ended, 'signal'>): boolean {
  return status === 0 || (status === 1 && / is (there|a site) already: | holds other files /.test(said));
}

function temporary(out: string): string {
  return `${out}.tmp`;
}

function entriesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true }) as string[];
}
