import { windowSize, windowTokens } from '../corpus/windows.ts';
import { PolysemeError } from '../errors.ts';
import type { StudyInfo } from '../study/study.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { MAX_TEXT } from './limits.ts';

/** A text cut as the contexts of a study are; positions count on from window to window. */
export interface TextWindows {
  /** Ids of each window's tokens, BOS first where the study's contexts begin with it. */
  readonly windows: readonly Int32Array[];
  /** Position of each window's first token. */
  readonly starts: readonly number[];
  /** Tokens of a full window, BOS counted. */
  readonly length: number;
}

/**
 * Cuts a text into windows as long as the study's contexts, so that units see of it what they saw of the corpus.
 * @throws PolysemeError where the text is empty or too long
 */
export function cutText(
  text: string,
  tokenizer: Pick<Tokenizer, 'encode' | 'bosId'>,
  options: StudyInfo['options'],
): TextWindows {
  if (text.length > MAX_TEXT) {
    throw new PolysemeError(
      `the text has ${text.length} characters; at most ${MAX_TEXT} can be probed: give a part of it`,
    );
  }
  const ids = new Int32Array(tokenizer.encode(text));
  if (ids.length === 0) throw new PolysemeError('the text is empty: there is nothing to probe');
  const length = options['context'] as number;
  const bos = options['bos'] === true;
  const size = windowSize({ length, bos });
  const bosId = bos ? (tokenizer.bosId ?? undefined) : undefined;
  const windows: Int32Array[] = [];
  const starts: number[] = [];
  let position = 0;
  for (let window = 0; window * size < ids.length; window++) {
    const tokens = windowTokens(ids, window, size, bosId);
    windows.push(tokens);
    starts.push(position);
    position += tokens.length;
  }
  return { windows, starts, length };
}
