/** A parser of files from outside, and what fuzzing changes for it. */
export interface Target {
  readonly name: string;
  /** Writes whole files into a folder of its own, and names the one that is changed. */
  make(folder: string): string | Promise<string>;
  /** Reads it, and all that hangs on it. */
  read(path: string): unknown;
  /** Changed as a JSON document, not byte by byte. */
  readonly json?: boolean;
  /** It has a checksum: changed, it is an error, or gives what the whole file gives. */
  readonly checked?: boolean;
  /** Whatever is not of the format is passed over: nothing is refused. */
  readonly lenient?: boolean;
  /** A fault may end the process: it is read in a process of its own only (see also test/study/damage.test.ts). */
  readonly isolated?: boolean;
}
