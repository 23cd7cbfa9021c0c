import type { DocumentAnswer } from '../contract/study-answers.ts';
import type { Study } from '../study/study.ts';
import { locatePassage } from './locate-passage.ts';
import { HttpProblem } from './problem.ts';

/** The document around a context: `around` characters to each side. */
export function documentAnswer(study: Study, id: number, around: number): DocumentAnswer {
  const found = study.documentText(id);
  if (found === null) throw new HttpProblem(404, `the study keeps no text of the document of context ${id}`);
  const context = study.contexts([id]).get(id)!;
  const { tokens, special } = study.texts(context.tokens);
  const unspoken = new Set(special);
  const passage = tokens.filter((_, i) => !unspoken.has(i)).join('');
  const { text, start } = found;
  // A token of this context is as long as one before it, about.
  const expected = (start * passage.length) / Math.max(1, tokens.length - special.length);
  const place = locatePassage(text, passage, expected);
  if (place === null) throw new HttpProblem(404, `the text of context ${id} was not found in its document`);
  const { from, to } = place;
  return {
    document: context.document,
    characters: text.length,
    from,
    to,
    before: text.slice(whole(text, from - around), from),
    passage: text.slice(from, to),
    after: text.slice(to, whole(text, to + around)),
  };
}

/** A place in a text that is not inside a surrogate pair. */
function whole(text: string, at: number): number {
  const place = Math.min(text.length, Math.max(0, at));
  return /[\udc00-\udfff]/.test(text[place] ?? '') && place > 0 ? place + 1 : place;
}
