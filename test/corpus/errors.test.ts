import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LINE_LIMIT } from '../../src/corpus/lines.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { documentsOf, FIXTURES, messageOf, scratchFolder } from '../fixtures/corpus/support.ts';

const folder = scratchFolder();

function put(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content);
  return name;
}

/** The message of opening and reading a source; always one line. */
async function failure(source: string, column?: string): Promise<string> {
  const message = await messageOf(async () =>
    documentsOf(await openCorpus(source, { column, root: folder })),
  );
  expect(message).not.toContain('\n');
  expect(message.length).toBeLessThan(500);
  return message;
}

const KNOWN = '.txt, .jsonl, .ndjson, .json, .csv (each also with .gz), .parquet';
const parquet = (name: string) => readFileSync(join(FIXTURES, `${name}.parquet`));

describe('no text', () => {
  it('no such file, pattern or built-in corpus', async () => {
    expect(await failure('none.jsonl')).toBe('no such file or folder: none.jsonl');
    expect(await failure('no/such/*.jsonl')).toBe(
      `no text files for the pattern no/such/*.jsonl; known extensions are ${KNOWN}`,
    );
    expect(await failure('builtin:moby')).toBe('builtin:moby: the one built-in corpus is builtin:sotu');
  });

  it('unknown extensions', async () => {
    expect(await failure(put('text.docx', 'x'))).toBe(`text.docx: unknown extension; known are ${KNOWN}`);
    expect(await failure(put('rows.parquet.gz', 'x'))).toContain('unknown extension');
    expect(await failure('*.docx')).toContain('(1 of other kinds, as text.docx)');
    mkdirSync(join(folder, 'empty'));
    expect(await failure('empty')).toContain('no text files in the folder empty');
  });

  it('hub datasets that are written wrongly', async () => {
    expect(await failure('hf:name')).toContain('is written hf:owner/name[@revision][:config[:split]]');
  });

  it('a cursor of another corpus', async () => {
    put('one.txt', 'text');
    const cursor = { file: 3, row: 1, part: 0, byte: 0, document: 9 };
    const message = await messageOf(async () =>
      documentsOf(await openCorpus(join(folder, 'one.txt')), cursor),
    );
    expect(message).toContain('is to be continued at file 4; it has changed');
  });
});

describe('columns', () => {
  it('that are missing: the error lists those there are', async () => {
    const rest = 'Name the column of the text with option column';
    put('rows.jsonl', '{"title":"a","body":"b"}\n');
    expect(await failure('rows.jsonl')).toBe(
      `rows.jsonl:1: no column "text"; the columns are title, body. ${rest}`,
    );
    put('later.jsonl', '{"text":"a"}\n\n{"txt":"b"}\n');
    expect(await failure('later.jsonl')).toContain('later.jsonl:3: no column "text"; the columns are txt.');
    put('rows.json', '["a", {"body":"b"}]');
    expect(await failure('rows.json')).toContain('rows.json:2: no column "text"; the columns are body.');
    put('rows.csv', 'title,body\n');
    expect(await failure('rows.csv', 'words')).toBe(
      `rows.csv: no column "words"; the columns are title, body. ${rest}`,
    );
    put('rows.parquet', parquet('zstd'));
    expect(await failure('rows.parquet', 'words')).toBe(
      `rows.parquet: no column "words"; the columns are id, title, text, paragraphs. ${rest}`,
    );
    put('wide.jsonl', JSON.stringify(Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`c${i}`, 0]))));
    expect(await failure('wide.jsonl')).toContain('c39, and 59 more.');
    expect(await failure('rows.jsonl', 'toString')).toContain('no column "toString"');
  });

  it('that hold no text', async () => {
    put('number.jsonl', '{"text":5}\n');
    expect(await failure('number.jsonl')).toContain('number.jsonl:1: column "text" must hold text');
    put('mixed.json', '[{"text":["a", 1]}]');
    expect(await failure('mixed.json')).toContain('an array whose item 2 is a number, not text');
    put('number.parquet', parquet('zstd'));
    expect(await failure('number.parquet', 'id')).toContain('must hold text or lists of texts, not INT64');
    put('array.jsonl', '[1]\n');
    expect(await failure('array.jsonl')).toContain('a row must be an object or a string, not an array');
  });
});

describe('malformed files', () => {
  it('JSON', async () => {
    put('bad.jsonl', '{"text":"a"}\n{"text":\n');
    expect(await failure('bad.jsonl')).toMatch(/^bad\.jsonl:2: not JSON \(.+\)$/);
    put('nan.jsonl', '{"text":NaNs}\n');
    expect(await failure('nan.jsonl')).toMatch(/^nan\.jsonl:1: not JSON \(.+\)$/);
    put('bad.json', '[\n{"text":\n\n');
    expect(await failure('bad.json')).toMatch(/^bad\.json: not JSON \(.+\)$/);
    put('object.json', '{"text":"a"}');
    expect(await failure('object.json')).toContain('must hold an array of rows');
  });

  it('CSV', async () => {
    put('fields.csv', 'title,text\na,b\na,b,c\n');
    expect(await failure('fields.csv')).toBe(
      'fields.csv: row 2 has 3 fields, the header 2; put a field that holds a comma or a line end in quotation marks',
    );
    put('quote.csv', `title,text\na,b\na,"${'x,\n'.repeat(1000)}`);
    const mend = 'close it, or write a mark that stands at the start of a field three times (""")';
    expect(await failure('quote.csv')).toBe(
      `quote.csv: row 2 has a quotation mark that is never closed; ${mend}`,
    );
    put('header.csv', '"text');
    expect(await failure('header.csv')).toContain('header.csv: its header has a quotation mark');
    put('twice.csv', 'text,title,text\na,b,c\n');
    expect(await failure('twice.csv')).toBe(
      'twice.csv: 2 columns are called "text" (1, 3 of 3); give them names of their own',
    );
  });

  it('UTF-8, with the offset of the first malformed byte', async () => {
    const bad = Buffer.concat([
      Buffer.from('{"text":"ok"}\n{"text":"ü'),
      Buffer.from([0xe2, 0x28]),
      Buffer.from('"}\n'),
    ]);
    const at = bad.indexOf(0xe2);
    for (const [name, content] of [
      ['utf.jsonl', bad],
      ['utf.jsonl.gz', gzipSync(bad)],
      ['utf.txt', bad],
      ['utf.json', bad],
    ] as const) {
      put(name, content);
      expect(await failure(name)).toBe(`${name}: not UTF-8 at byte ${at}; convert the file to UTF-8`);
    }
    put('utf.csv', Buffer.concat([Buffer.from('text\n'), bad]));
    expect(await failure('utf.csv')).toBe(`utf.csv: not UTF-8 at byte ${at + 5}; convert the file to UTF-8`);
    // Far behind the first block, across its boundary, and cut off at the end.
    const far = Buffer.from('é'.repeat(400_000));
    put('far.txt', Buffer.concat([Buffer.from('a'), far, Buffer.from([0xff]), far]));
    expect(await failure('far.txt')).toContain('not UTF-8 at byte 800001;');
    put('end.txt', Buffer.concat([far, Buffer.from([0xf0, 0x9f, 0x99])]));
    expect(await failure('end.txt')).toContain('not UTF-8 at byte 800000;');
    put('sixteen.txt', Buffer.from('\ufefftext', 'utf16le'));
    expect(await failure('sixteen.txt')).toContain('not UTF-8 at byte 0 (it looks like UTF-16)');
    const value = parquet('none');
    value.write('\xff', value.indexOf('The last one'), 'latin1');
    put('utf.parquet', value);
    expect(await failure('utf.parquet')).toContain('utf.parquet:6 (its text): not UTF-8 at byte 0');
  });

  it('gzip', async () => {
    for (const extension of ['jsonl', 'json', 'csv', 'txt']) {
      const packed = gzipSync(
        extension === 'csv' ? 'text\n'.repeat(10_000) : '{"text":"a"}\n'.repeat(10_000),
      );
      put(`cut.${extension}.gz`, packed.subarray(0, packed.length - 20));
      expect(await failure(`cut.${extension}.gz`)).toBe(
        `cut.${extension}.gz: the gzip data ends too early; the file is truncated`,
      );
    }
    put('plain.jsonl.gz', '{"text":"a"}\n');
    expect(await failure('plain.jsonl.gz')).toBe(
      'plain.jsonl.gz: not readable as gzip (incorrect header check)',
    );
  });

  it('lines that are too long', async () => {
    put('long.jsonl', '{"text":"a"}\n');
    truncateSync(join(folder, 'long.jsonl'), LINE_LIMIT + 100);
    expect(await failure('long.jsonl')).toBe(
      `long.jsonl:2: the line is longer than ${LINE_LIMIT} bytes; split it into several rows`,
    );
  });
});

describe('malformed Parquet', () => {
  it('truncated, empty, or something else', async () => {
    const whole = parquet('zstd');
    for (const size of [0, 5, 100, whole.length - 1]) {
      put('cut.parquet', whole.subarray(0, size));
      expect(await failure('cut.parquet')).toMatch(/^cut\.parquet: not readable as Parquet \(/);
    }
    put('other.parquet', '{"text":"not Parquet at all"}');
    expect(await failure('other.parquet')).toContain('it does not end with PAR1; it may be truncated');
  });

  it('a footer that lies about its length', async () => {
    const bytes = parquet('zstd');
    bytes.writeUInt32LE(0xfffffff0, bytes.length - 8);
    put('footer.parquet', bytes);
    expect(await failure('footer.parquet')).toContain('its footer claims 4294967280 bytes, over the limit');
    bytes.writeUInt32LE(bytes.length + 8, bytes.length - 8);
    put('footer.parquet', bytes);
    expect(await failure('footer.parquet')).toContain('not readable as Parquet');
  });

  it('a hole in the data', async () => {
    const bytes = parquet('gzip');
    put('hole.parquet', Buffer.concat([bytes.subarray(0, 4), bytes.subarray(304)]));
    expect(await failure('hole.parquet')).toMatch(/^hole\.parquet/);
  });

  it('any byte changed: a clear error or text, never another kind of failure', async () => {
    const bytes = parquet('snappy');
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 0x55;
      put('changed.parquet', changed);
      const documents = openCorpus('changed.parquet', { root: folder }).then((corpus) => documentsOf(corpus));
      const error = await documents.then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error?.name ?? 'PolysemeError', `byte ${at}: ${error?.message}`).toBe('PolysemeError');
    }
  });
});
