import { frameOf, type TokenEncoder, windowSize, windowTokens } from '../corpus/windows.ts';
import { PolysemeError, UsageError } from '../errors.ts';
import type { StudyInfo } from '../study/study.ts';
import { MAX_TEXT } from './limits.ts';

/** A text cut as the contexts of a study are; positions count on from window to window. */
export interface TextWindows {
  /** Ids of each window's tokens, with the special tokens that stand around the study's contexts. */
  readonly windows: readonly Int32Array[];
  /** Position of each window's first token. */
  readonly starts: readonly number[];
  /** Tokens of a full window, special tokens counted. */
  readonly length: number;
}

/**
 * Cuts a text into windows as long as the study's contexts, so that units see of it what they saw of the corpus.
 * @throws PolysemeError where the text is empty or too long
 */
export function cutText(text: string, tokenizer: TokenEncoder, options: StudyInfo['options']): TextWindows {
  if (text.length > MAX_TEXT) {
    throw new PolysemeError(
      `the text has ${text.length} characters; at most ${MAX_TEXT} can be probed: give a part of it`,
    );
  }
  const ids = new Int32Array(tokenizer.encode(text));
  if (ids.length === 0) throw new UsageError('the text is empty: there is nothing to probe');
  const length = options['context'] as number;
  const frame = frameOf(tokenizer, options['bos'] === true);
  const size = windowSize(length, frame);
  const windows: Int32Array[] = [];
  const starts: number[] = [];
  let position = 0;
  for (let window = 0; window * size < ids.length; window++) {
    const tokens = windowTokens(ids, window, size, frame);
    windows.push(tokens);
    starts.push(position);
    position += tokens.length;
  }
  return { windows, starts, length };
}
