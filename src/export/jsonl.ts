import { visibleJson } from '../base/visible.ts';
import type { Study } from '../study/study.ts';
import { notedUnits } from './noted.ts';

/** How the first line begins. */
export const JSON_LINES_BEGIN = '{"study":{';

/** Units of one chunk. */
const UNITS = 64;

/**
 * A study as JSON lines: the first holds what `info` says of it, `{"study": …}`, each of the others one unit with its tree,
 * features and examples, as `unit --json` prints it, and the stars and notes on it and its features. Some lines at a time.
 *
 * @param bank only the units of this bank
 */
export function* jsonLines(study: Study, bank?: string): Generator<string> {
  const noted = notedUnits(study);
  let text = `${visibleJson({ study: study.info() })}\n`;
  for (const [i, unit] of study.units({ bank }).entries()) {
    text += `${visibleJson(noted(unit.bank, unit.index))}\n`;
    if ((i + 1) % UNITS !== 0) continue;
    yield text;
    text = '';
  }
  yield text;
}
