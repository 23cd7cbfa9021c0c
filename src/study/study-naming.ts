import type { NamedExample } from '../features/names.ts';
import { NamingTexts } from '../features/naming.ts';
import type { TokenTexts } from '../features/split-unit.ts';
import { allWordTexts, wordTokens } from '../features/word-texts.ts';
import type { UnitDetail } from './record.ts';
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

/** A unit's examples as they are named. @param contexts those of its examples, with their texts */
export function namedExamples(
  naming: NamingTexts,
  { context, position }: UnitDetail,
  contexts: ReadonlyMap<number, TokenTexts>,
): NamedExample[] {
  return Array.from(context, (id, i) =>
    naming.example(id, position[i]!, () => allWordTexts(wordTokens(contexts.get(id)!))),
  );
}
