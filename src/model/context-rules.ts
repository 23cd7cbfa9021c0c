import { frameOf } from '../corpus/windows.ts';
import { PolysemeError } from '../errors.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ModelConfig } from './architectures/architecture.ts';

/** Whether contexts begin with BOS; `auto`: as the model or SAE was made. */
export type BosChoice = 'auto' | 'yes' | 'no';

/** Tokens of a context where none are asked for. */
const DEFAULT_CONTEXT = 128;

/**
 * Tokens of a model's contexts, BOS counted: as asked, else 128, or the model's own context where that is shorter.
 *
 * @throws PolysemeError where the model's context is shorter than what is asked for
 */
export function contextLength({ contextLength: longest }: ModelConfig, asked?: number): number {
  if (asked === undefined) return Math.min(DEFAULT_CONTEXT, longest);
  if (asked <= longest) return asked;
  throw new PolysemeError(`option context is ${asked}: the model's context has ${longest} tokens`);
}

/**
 * Whether contexts begin with BOS: as asked; with `auto` as the SAE was trained, where it says so, else as the
 * tokenizer does by itself. An encoder's never do: its tokenizer's special tokens stand around them.
 *
 * @throws PolysemeError where BOS is asked for and the model is an encoder
 */
export function beginsWithBos(
  asked: BosChoice | undefined,
  tokenizer: Pick<Tokenizer, 'addsBos' | 'bosId' | 'frame'>,
  trained: boolean | null = null,
): boolean {
  if (tokenizer.frame !== null) {
    frameOf(tokenizer, asked === 'yes');
    return false;
  }
  if (asked === 'yes' || asked === 'no') return asked === 'yes';
  return trained ?? tokenizer.addsBos;
}
