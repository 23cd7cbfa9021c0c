/** What a checkpoint in the cache was made of. */
export interface Origin {
  /** The files that the user gave: their bytes are what counts. */
  readonly files: readonly string[];
  /** What a study says of them, beside what its model says of itself. */
  readonly facts: Readonly<Record<string, string>>;
}
