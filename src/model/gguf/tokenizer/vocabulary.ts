/** What a file says of its vocabulary. */
export interface Vocabulary {
  readonly tokens: readonly string[];
  /** By id: see KIND. */
  readonly kinds: readonly number[];
}

/** `tokenizer.ggml.token_type`. */
export const KIND = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** The parts of tokenizer.json that are a kind of tokenizer's own. */
export interface TokenizerParts {
  readonly normalizer: object | null;
  readonly pre_tokenizer: object | null;
  readonly decoder: object | null;
  readonly model: object;
  /** Whether a text begins with BOS where the file does not say. */
  readonly addsBos: boolean;
  /** Whether it ends with EOS (BERT's [SEP]) where the file does not say. */
  readonly addsEos?: boolean;
}
