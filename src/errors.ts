import { visible } from './base/visible.ts';

/**
 * What kind of error it is, for programs: a message is for people.
 *
 * - `bad-input`: an option, an argument or data that Polyseme cannot use.
 * - `damaged`: a file that is not what it claims to be: cut off, altered, or not of its format.
 * - `not-found`: a file, model, site, unit or feature that does not exist.
 * - `exists`: something is already there that the call would overwrite.
 * - `busy`: another process holds it.
 * - `unsupported`: this version, or this machine, cannot do it.
 * - `unreachable`: a host that does not answer or refuses.
 * - `diverged`: a training that no longer converges.
 * - `no-space`: the disk is full.
 * - `aborted`: stopped through its AbortSignal; what was saved can be resumed.
 */
export type ErrorCode =
  | 'bad-input'
  | 'damaged'
  | 'not-found'
  | 'exists'
  | 'busy'
  | 'unsupported'
  | 'unreachable'
  | 'diverged'
  | 'no-space'
  | 'aborted';

/**
 * An error that is the caller's or the data's, not ours: its message is one line that says what is wrong,
 * where, and how to mend it. The command line prints it as it is and exits with 1.
 */
export class PolysemeError extends Error {
  override name = 'PolysemeError';
  readonly code: ErrorCode;

  constructor(message: string, code: ErrorCode = 'bad-input', options?: ErrorOptions) {
    // Names of files, columns and tensors that stand in it are data: they may hold anything.
    super(visible(shortened(message).replaceAll(/\s*\n\s*/g, ' ')), options);
    this.code = code;
  }
}

/** An option or an argument that is wrong whatever the data are: the command line exits with 2. */
export class UsageError extends PolysemeError {}

/** Most characters of a message: more is a name of a file, a column or a tensor that nobody would read. */
const LONGEST = 2000;

/** A message that is too long without its middle. */
function shortened(message: string): string {
  if (message.length <= LONGEST) return message;
  const [head, tail] = [message.slice(0, LONGEST - 600), message.slice(-500)];
  return `${head} … ${message.length - head.length - tail.length} characters … ${tail}`;
}
