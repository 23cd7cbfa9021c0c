import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { documentAnswer } from '../../src/answers/document-answer.ts';
import {
  type Corpus,
  type Document,
  openCorpus,
  openStudy,
  type RunStudyOptions,
  runStudy,
  type Study,
} from '../../src/index.ts';
import { brokenBytes } from '../../src/tokenizer/byte-tokens.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-document-texts-'));
const data = join(folder, 'texts.jsonl');
/** Longer than a context, with what no tokenizer would print again. */
const texts = Array.from({ length: 3 }, (_, i) =>
  Array.from({ length: 40 }, (_, j) => `Sentence ${j} of text ${i} — “quoted”\tand\u202e done.\n`).join(''),
);

const model = writeSmallFolio(join(folder, 'model'), 48);
beforeAll(() => {
  writeFileSync(data, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const newPath = (): string => join(folder, `${made++}.db`);

async function run(options: Partial<RunStudyOptions>) {
  const out = options.out ?? newPath();
  const notes: string[] = [];
  const info = await runStudy({
    model,
    data,
    layers: [0],
    context: 32,
    examples: 4,
    onNote: (line) => notes.push(line),
    ...options,
    out,
  });
  return { study: openStudy(out), notes, info };
}

/** The texts as a stream; what is read again goes through `again`. */
async function streamOf(
  again: (documents: AsyncIterable<Document>) => AsyncIterable<Document> = (documents) => documents,
): Promise<Corpus> {
  const corpus = await openCorpus(data);
  let readings = 0;
  return {
    ...corpus,
    kind: 'stream',
    documents: (from) => (readings++ === 0 ? corpus.documents(from) : again(corpus.documents(from))),
  };
}

it('keeps each document once, outside the content', async () => {
  const kept = await run({ keepText: 64 });
  const without = await run({ keepText: 0 });
  const small = await run({ keepText: 0.001 });
  expect(kept.info.contentHash).toBe(without.info.contentHash);
  expect(kept.info.contentHash).toBe(small.info.contentHash);
  expect([kept, without, small].map(({ study }) => study.hasDocuments())).toEqual([true, false, false]);
  expect(small.notes.some((line) => line.includes('more than 0.001 MB of text'))).toBe(true);
  expect(without.study.documentText(0)).toBeNull();
  expect(() => documentAnswer(without.study, 0, 10)).toThrow('keeps no text');

  // Each example's context stands where it was cut.
  const places = new Set<number>();
  for (const { bank, index } of kept.study.units({ limit: 30 })) {
    for (const { examples } of kept.study.unit(bank, index).features) {
      for (const { context, document } of examples) {
        const { text } = kept.study.documentText(context)!;
        expect(texts).toContain(text);
        const answer = documentAnswer(kept.study, context, 50);
        expect(answer.document).toBe(document);
        expect(answer.passage).toBe(text.slice(answer.from, answer.to));
        expect(answer.before).toBe(text.slice(Math.max(0, answer.from - 50), answer.from));
        expect(answer.after).toBe(text.slice(answer.to, answer.to + 50));
        const { tokens } = kept.study.contexts([context]).get(context)!;
        const shown = brokenBytes(kept.study.texts(tokens).tokens.join(''));
        expect(shown.replace(/^[\s\ufffd]+|[\s\ufffd]+$/g, '')).toBe(answer.passage);
        places.add(answer.from);
      }
    }
  }
  expect(places.size).toBeGreaterThan(10);
  for (const { study } of [kept, without, small]) study.close();
});

it('keeps those of a stream, says what could not be read again, and has all else', async () => {
  const kept = await run({ data: await streamOf() });
  const once = await run({
    data: await streamOf(() => {
      throw new Error('this stream is read once');
    }),
  });
  const other = await run({
    data: await streamOf(async function* (documents) {
      for await (const document of documents) {
        yield document.ordinal === 1 ? { ...document, name: 'another', text: 'Another text.' } : document;
      }
    }),
  });
  expect(kept.notes).toEqual([]);
  for (const id of contextsOf(kept.study)) {
    expect(texts).toContain(kept.study.documentText(id)!.text);
    const { document } = documentAnswer(kept.study, id, 10);
    expect(document).toBe(kept.study.contexts([id]).get(id)!.document);
  }
  expect(once.notes.join()).toMatch(/could not be read again.*: this stream is read once/);
  expect(once.study.hasDocuments()).toBe(false);
  expect(other.notes.join()).toContain('1 of the 3 documents of the examples were not there');
  const found = contextsOf(other.study).map((id) => other.study.documentText(id)?.text);
  expect(new Set(found)).toEqual(new Set([texts[0], undefined, texts[2]]));
  for (const { info, study } of [kept, once, other]) {
    expect(info.contentHash).toBe(kept.info.contentHash);
    study.close();
  }
});

it('goes on where it was stopped while a stream was read again', async () => {
  const out = newPath();
  const stop = new AbortController();
  const stopped = await streamOf(async function* (documents) {
    for await (const document of documents) {
      stop.abort();
      yield document;
    }
  });
  await expect(run({ data: stopped, out, signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
  const { study, notes } = await run({ data: await streamOf(), out });
  expect(notes).toEqual([]);
  for (const id of contextsOf(study)) expect(texts).toContain(study.documentText(id)!.text);
  study.close();
});

/** Contexts that examples of a few units lie in. */
function contextsOf(study: Study): number[] {
  const units = study.units({ limit: 30 }).map(({ bank, index }) => study.unit(bank, index));
  const examples = units.flatMap(({ features }) => features.flatMap((feature) => feature.examples));
  return [...new Set(examples.map(({ context }) => context))];
}
