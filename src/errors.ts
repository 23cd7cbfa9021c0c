/**
 * An error that is the caller's or the data's, not ours: its message is one line that says what is wrong,
 * where, and how to mend it. The command line prints it as it is and exits with 1.
 */
export class PolysemeError extends Error {
  override name = 'PolysemeError';
}
