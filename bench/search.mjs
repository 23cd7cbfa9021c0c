// Search on a synthetic study of 36,864 units (12 banks × 3,072, 64 examples of 128 tokens): how long its index takes to be
// made and opened, how large it is, and how long a search takes: from the query to a page of 25 units with their passages.
// Usage: node bench/search.mjs [study=FILE to keep and use again]
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { searchAnswer } from '../dist/answers/search-answer.js';
import { StudySource } from '../dist/answers/served-study.js';
import { makePassages } from '../dist/search/open-passages.js';
import { Passages, unpackPassages } from '../dist/search/passages.js';
import { openStudy } from '../dist/study/open-study.js';
import { report } from './report.mjs';
import { syntheticStudy } from './synthetic-study.mjs';

const dir = process.argv[2] === undefined ? mkdtempSync(join(tmpdir(), 'polyseme-bench-')) : null;
const path = process.argv[2] ?? join(dir, 'study.db');
if (!existsSync(path)) syntheticStudy(path, { banks: 12, units: 3072, examples: 64, length: 128 });

const study = openStudy(path);
try {
  let start = performance.now();
  const packed = await makePassages(path);
  report('index of passages, made', (performance.now() - start) / 1000, 's');
  report('index of passages, share of the file', (100 * packed.length) / statSync(path).size, '%', 20);
  start = performance.now();
  const passages = new Passages(unpackPassages(packed, 'index'));
  report('index of passages, opened', performance.now() - start, 'ms');

  const source = new StudySource(study);
  await source.passages();
  const { vocabulary } = passages;
  const byPlaces = [...vocabulary.keys()]
    .filter((word) => vocabulary[word] !== '')
    .sort((a, b) => passages.places(b).length - passages.places(a).length);
  const word = (share) => vocabulary[byPlaces[Math.floor(share * (byPlaces.length - 1))]];
  const [first, second] = byPlaces.map((id) => vocabulary[id]);
  const queries = {
    'the most frequent word': first,
    'two frequent words': `${first} ${second}`,
    'a phrase of frequent words': `"${first} ${second}"`,
    'a word of middle frequency': word(0.5),
    'a rare word': word(1),
    'parts of words': 'a',
  };
  for (const [name, q] of Object.entries(queries)) {
    const parts = name.startsWith('parts');
    const times = [];
    for (let i = 0; i < 20; i++) {
      // A space more makes it another query, which nothing is kept of.
      const query = { q: q + ' '.repeat(i), parts, limit: 25, offset: 0 };
      start = performance.now();
      await searchAnswer(source, query);
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    report(`search of 36,864 units, ${name}, p95 of 20`, times[18], 'ms', 100);
  }
} finally {
  study.close();
  if (dir !== null) rmSync(dir, { recursive: true });
}
