import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { intruderScore, intruderTest, wilsonInterval } from '../../src/explain/intruders.ts';
import { noteOf } from '../../src/explain/note-of.ts';
import { type NotesLine, notesLine, readNotes } from '../../src/explain/notes.ts';
import { appendNoteLine, notesPath, readNoteLines } from '../../src/study/notes-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-notes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = '2026-11-25T22:00:00.000Z';
const note = (text: string, place: { context: number; position: number } | null = null): NotesLine => ({
  kind: 'note',
  at,
  bank: 'mlp.0',
  index: 3,
  place,
  star: text === '',
  note: text,
});
const read = (path: string) => readNotes(readNoteLines(path));

describe('the file of notes', () => {
  test('lies beside the study; what was written is read, the last of each unit and feature', () => {
    expect(notesPath('/a/study.db')).toBe('/a/study.notes.jsonl');
    const path = join(folder, 'a.jsonl');
    expect(read(path)).toEqual({ notes: [], answers: [], searches: [], damaged: [] });
    const place = { context: 5, position: 9 };
    for (const line of [note('first'), note('of a feature', place), note('second')])
      appendNoteLine(path, notesLine(line));
    expect(read(path).notes.map((one) => [one.note, one.place])).toEqual([
      ['of a feature', place],
      ['second', null],
    ]);
    appendNoteLine(path, notesLine({ ...note('second'), note: '', star: false } as NotesLine));
    expect(read(path).notes.map((one) => one.note)).toEqual(['of a feature']);
  });

  test('a damaged line stays, is told, and spoils no other', () => {
    const path = join(folder, 'b.jsonl');
    appendNoteLine(path, notesLine(note('good')));
    appendFileSync(path, '{"kind":"note"\n');
    appendFileSync(path, Buffer.from([0xff, 0xfe, 0x0a]));
    appendFileSync(path, '{"kind":"other","at":"2026"}\n\n[1]\n');
    // A write that was cut off, without an end.
    appendFileSync(path, '{"kind":"note","at":"2026-11-');
    appendNoteLine(path, notesLine(note('after')));
    const found = read(path);
    expect(found.notes.map((one) => one.note)).toEqual(['after']);
    expect(found.damaged).toEqual([2, 3, 4, 6, 7]);
    expect(readFileSync(path).includes(Buffer.from([0xff, 0xfe]))).toBe(true);
  });

  test('two writers', async () => {
    const path = join(folder, 'c.jsonl');
    const { Worker } = await import('node:worker_threads');
    const write = (name: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const source = `const { appendFileSync } = require('node:fs');
          for (let i = 0; i < 200; i++) appendFileSync(${JSON.stringify(path)}, JSON.stringify({ kind: 'note', at: ${JSON.stringify(at)}, bank: ${JSON.stringify(name)}, index: i, place: null, star: true, note: 'x'.repeat(500) }) + '\\n');`;
        new Worker(source, { eval: true }).on('exit', () => resolve()).on('error', reject);
      });
    const others = write('other');
    for (let index = 0; index < 200; index++) {
      appendNoteLine(path, notesLine({ ...note('y'.repeat(500)), index } as NotesLine));
      if (index % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await others;
    const { notes, damaged } = read(path);
    expect(damaged).toEqual([]);
    expect(notes).toHaveLength(400);
  });

  test('what cannot be written is one line', () => {
    expect(() => appendNoteLine(join(folder, 'none', 'd.jsonl'), notesLine(note('x')))).toThrow(
      'cannot be written',
    );
    expect(() => notesLine({ ...note('x'), note: 'x'.repeat(10_001) } as NotesLine)).toThrow();
    const large = join(folder, 'e.jsonl');
    writeFileSync(large, '');
    expect(read(large).notes).toEqual([]);
  });

  test('a note of a feature is found by any of its examples, however the unit is cut', () => {
    const place = { context: 5, position: 9 };
    const { notes } = readNotes([notesLine(note('about', place)), notesLine(note('unit'))]);
    const unit = { bank: 'mlp.0', index: 3 };
    expect(noteOf(notes, unit, [{ context: 1, position: 1 }, place])?.note).toBe('about');
    expect(noteOf(notes, unit, [{ context: 5, position: 8 }])).toBeNull();
    expect(noteOf(notes, unit, null)?.note).toBe('unit');
    expect(noteOf(notes, { ...unit, index: 4 }, null)).toBeNull();
  });
});

describe('blind tests', () => {
  const features = [
    [0, 1, 2, 3, 4, 5],
    [6, 7],
    [8, 9, 10, 11],
  ];
  const featureOf = (id: number): number => features.findIndex((members) => members.includes(id));

  test('n − 1 passages of one feature and one of another, seeded', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const found = intruderTest({ unit: 'mlp.0/1', features, seed })!;
      expect(intruderTest({ unit: 'mlp.0/1', features, seed })).toEqual(found);
      expect(new Set(found.examples).size).toBe(5);
      found.examples.forEach((id, i) => {
        expect(featureOf(id)).toBe(i === found.intruder ? found.sibling : found.feature);
      });
      expect(found.sibling).not.toBe(found.feature);
      seen.add(`${found.feature} ${found.sibling} ${found.intruder}`);
    }
    // Two features are large enough, each with two siblings, at five places.
    expect(seen.size).toBe(20);
  });

  test('no test without two features, or with too few examples', () => {
    expect(intruderTest({ unit: 'a', features: [[0, 1, 2, 3, 4]], seed: 0 })).toBeNull();
    expect(
      intruderTest({
        unit: 'a',
        features: [
          [0, 1, 2],
          [3, 4],
        ],
        seed: 0,
      }),
    ).toBeNull();
    expect(intruderTest({ unit: 'a', features: [], seed: 0 })).toBeNull();
    expect(
      intruderTest({
        unit: 'a',
        features: [
          [0, 1, 2],
          [3, 4],
        ],
        seed: 0,
        passages: 3,
      }),
    ).not.toBeNull();
  });

  test('accuracy with Wilson’s interval', () => {
    const answered = (right: boolean) => ({ intruder: 1, answer: right ? 1 : 0, places: [1, 2, 3, 4, 5] });
    const score = intruderScore([...Array(8).fill(answered(true)), ...Array(2).fill(answered(false))]);
    expect(score).toMatchObject({ tests: 10, found: 8, accuracy: 0.8 });
    expect(score.chance).toBeCloseTo(0.2, 12);
    // statsmodels: proportion_confint(8, 10, method='wilson')
    expect(score.interval![0]).toBeCloseTo(0.4901625, 6);
    expect(score.interval![1]).toBeCloseTo(0.9433178, 6);
    expect(wilsonInterval(0, 5)[0]).toBe(0);
    expect(wilsonInterval(5, 5)[1]).toBe(1);
    expect(intruderScore([])).toEqual({ tests: 0, found: 0, accuracy: null, interval: null, chance: null });
  });
});
