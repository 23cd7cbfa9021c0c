import { PolysemeError } from '../../errors.ts';

/** The error for a tokenizer that would give other tokens than Python's. */
export function unsupported(where: string, what: string): PolysemeError {
  return new PolysemeError(
    `${where} ${what}: its tokens would differ from those the model was trained on; run the model elsewhere and give ` +
      'its activations (--activations), or use a checkpoint with another tokenizer',
    'unsupported',
  );
}
