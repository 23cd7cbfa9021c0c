import { PolysemeError } from '../../errors.ts';

/** Longest record, in characters: guards against a quotation mark that is never closed. */
export const RECORD_LIMIT = 1 << 26;

/**
 * The records of a CSV text, blank lines left out, with quotation marks as pandas (and Python's csv) takes them: one at
 * the start of a field opens it, doubled ones inside are one, and any other is a character, as is what follows the
 * closing one.
 */
export async function* csvRecords(texts: AsyncIterable<string>, name: string): AsyncGenerator<string[]> {
  /** What has been read of a field: nothing, plain text, an open quotation, or up to a mark that may close it. */
  let state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  let record: string[] = [];
  let field = '';
  let size = 0;
  let count = 0;
  let afterReturn = false;

  const endField = () => {
    record.push(field);
    field = '';
    state = 'start';
  };
  const endRecord = (): string[] | null => {
    const blank = state === 'start' && record.length === 0;
    endField();
    const done = record;
    record = [];
    size = 0;
    return blank ? null : done;
  };
  const add = (text: string) => {
    field += text;
    size += text.length;
    if (size > RECORD_LIMIT) throw unclosed(name, count, `is longer than ${RECORD_LIMIT} characters`);
  };

  for await (const text of texts) {
    for (let at = 0; at < text.length; ) {
      const character = text[at]!;
      const follows = afterReturn && character === '\n';
      afterReturn = false;
      if (follows) {
        at++;
      } else if (state === 'quoted') {
        const end = text.indexOf('"', at);
        add(text.slice(at, end === -1 ? text.length : end));
        if (end !== -1) state = 'closed';
        at = end === -1 ? text.length : end + 1;
      } else if (character === '"' && state !== 'plain') {
        if (state === 'closed') add('"');
        state = 'quoted';
        at++;
      } else if (character === ',') {
        endField();
        at++;
      } else if (character === '\n' || character === '\r') {
        afterReturn = character === '\r';
        const done = endRecord();
        if (done !== null) {
          count++;
          yield done;
        }
        at++;
      } else {
        PLAIN.lastIndex = at;
        const [run] = PLAIN.exec(text)!;
        add(run);
        state = 'plain';
        at += run.length;
      }
    }
  }
  if (state === 'quoted') throw unclosed(name, count, 'has a quotation mark that is never closed');
  const last = endRecord();
  if (last !== null) yield last;
}

const PLAIN = /[^,\r\n]+/y;

/** @param count records before, the header among them */
function unclosed(name: string, count: number, what: string): PolysemeError {
  const where = count === 0 ? 'its header' : `row ${count}`;
  return new PolysemeError(
    `${name}: ${where} ${what}; close it, or write a mark that stands at the start of a field three times (""")`,
    'damaged',
  );
}
