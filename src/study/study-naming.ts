import { NamingTexts } from '../features/naming.ts';
import { allWordTexts, wordTokens } from '../features/word-texts.ts';
import type { Study } from './study.ts';

/** What features of a study are named with, as its run named them; null in a study of an older version. */
export function studyNaming(study: Pick<Study, 'textSample' | 'texts'>): NamingTexts | null {
  const sample = study.textSample();
  // Of images there is no text.
  if (sample === null || sample.position.length === 0) return null;
  const { offset, tokens, position } = sample;
  return new NamingTexts(
    Array.from(position, (at, i) => ({
      texts: allWordTexts(wordTokens(study.texts(tokens.subarray(offset[i]!, offset[i + 1]!)))),
      position: at,
    })),
  );
}
