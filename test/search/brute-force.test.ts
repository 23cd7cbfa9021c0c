// A search of a real study against looking at every example: the words around its peak, one query after the other.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchStudy } from '../../src/answers/search-study.ts';
import { pack } from '../../src/base/pack.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { LAST_NAMES } from '../../src/explain/model-names.ts';
import { notesLine } from '../../src/explain/notes.ts';
import { splitWords } from '../../src/features/words.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { bestMember, featuresFound, findPassages } from '../../src/search/find.ts';
import { makePassages, openPassages } from '../../src/search/open-passages.ts';
import { firstWords, piecesWith, postingsHead, postingsOf, somePassages } from '../../src/search/postings.ts';
import { parseQuery } from '../../src/search/query.ts';
import { cachePath, writeCached } from '../../src/study/cache.ts';
import { notesPath } from '../../src/study/notes-file.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { verifyStudy } from '../../src/study/verify.ts';
import { spelledAt } from '../../src/tokenizer/byte-tokens.ts';
import { randomSae, savedSae } from '../helpers/saes.ts';

const SPECIAL = '<|endoftext|>';
const HOSTILE = [
  '<script>alert(1)</script>',
  "'; DROP TABLE units; --",
  '\u202Eevil\u0007',
  '%00 {x} \\u0041',
];
const WIDE = '東京タワーは高い塔です。 Crème brûlée “naïve” 😀😀 ﬁne Straße ǅ';
const dir = mkdtempSync(join(tmpdir(), 'polyseme-search-'));
const path = join(dir, 'study.db');
let study: Study;
/** By unit: of each example its feature, its words around the peak, and which of these are at the peak. */
let units: {
  bank: string;
  index: number;
  sizes: number[];
  texts: string[][];
  examples: { feature: number; words: string[]; peak: boolean[] }[];
}[];

beforeAll(async () => {
  const data = join(dir, 'texts');
  mkdirSync(data);
  let made = 0;
  for await (const { text } of (await openCorpus('builtin:sotu')).documents()) {
    const start = text.slice(0, 2500).split(/(?= )/);
    const mixed = start.map((word, i) => {
      if (i % 17 === 3) return `—${word.trimStart()}`;
      if (i % 41 === 7) return `${SPECIAL}${word.trimStart()}`;
      if (i % 53 === 9) return ` ${WIDE}${word}`;
      return i % 67 === 11 ? ` ${HOSTILE[i % HOSTILE.length]}${word}` : word;
    });
    writeFileSync(join(data, `${100 + made}.txt`), mixed.join(''));
    if (++made === 12) break;
  }
  copyFileSync(join(data, '100.txt'), join(data, 'again.txt'));
  // Latents of a random SAE are as many things as neurons are, and fewer.
  const sae = async (name: string, dSae: number, seed: number) => {
    const made = randomSae({ dIn: 256, dSae, hookName: 'blocks.1.hook_resid_post' }, { seed });
    return `${name}=${await savedSae(made, name)}`;
  };
  const saes = [await sae('s', 60, 1), await sae('t', 240, 9)];
  await runStudy({ data, layers: [], contexts: 60, context: 64, examples: 12, sae: saes, out: path });
  study = openStudy(path);
  units = study.units().map(({ bank, index }) => readUnit(bank, index));
});
afterAll(() => {
  study?.close();
  rmSync(dir, { recursive: true, force: true });
});

const HAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

/** Words as a search has them, one character after the other of those that are written without spaces. */
function wordsOf(texts: readonly string[]): { text: string; first: number; last: number }[] {
  return splitWords(texts).flatMap(({ text, first, last }) => {
    const pieces: string[] = [];
    let open = '';
    for (const character of text) {
      if (!HAN.test(character)) open += character;
      else {
        if (open !== '') pieces.push(open);
        open = '';
        pieces.push(character);
      }
    }
    if (open !== '') pieces.push(open);
    return pieces.map((piece) => ({ text: piece.normalize('NFC'), first, last }));
  });
}

function readUnit(bank: string, index: number): (typeof units)[number] {
  const { features } = study.unit(bank, index);
  const texts = features.map(({ name, words }) => [
    ...(name?.text.replaceAll(/‹[^›]*›|"[^"]*"/g, '\n').split('\n') ?? []),
    ...words,
  ]);
  const examples = features.flatMap(({ id, examples: own }) =>
    own.map(({ id: rank, tokens, special, position }) => {
      const shown = tokens.map((token, i) =>
        special.includes(i) ? ' ' : token.replace(/<0x[89A-F][0-9A-F]>/g, '\uFFFD'),
      );
      const at = spelledAt(shown, position);
      const words = wordsOf(shown).filter(({ first, last }) => last >= at - 5 && first <= at + 5);
      return {
        rank,
        feature: id,
        words: words.map(({ text }) => text),
        peak: words.map(({ first, last }) => first <= at && at <= last),
      };
    }),
  );
  examples.sort((a, b) => a.rank - b.rank);
  return { bank, index, sizes: features.map(({ size }) => size), texts, examples };
}

/** How well one text has all terms: 0 where it does not. */
function worth(
  words: string[],
  peak: boolean[],
  terms: { words: readonly string[]; quoted: boolean }[],
  parts: boolean,
) {
  let least = 1;
  let atPeak = false;
  for (const { words: term, quoted } of terms) {
    let best = 0;
    for (let i = 0; i + term.length <= words.length; i++) {
      let value = term.every((word, k) => words[i + k] === word) ? 1 : 0;
      if (value === 0 && parts && !quoted && term.length === 1) {
        value = words[i]!.startsWith(term[0]!) ? 0.5 : words[i]!.includes(term[0]!) ? 0.25 : 0;
      }
      if (value > 0 && term.some((_, k) => peak[i + k])) atPeak = true;
      best = Math.max(best, value);
    }
    least = Math.min(least, best);
  }
  return least * (atPeak ? 1 : 0.5);
}

function bruteForce(text: string, parts: boolean) {
  const terms = parseQuery(text, []).terms.map((term) => ({ ...term }));
  const found = units.flatMap(({ bank, index, sizes, texts, examples }, row) => {
    const worths = examples.map(({ words, peak }) =>
      terms.length === 0 ? 0 : worth(words, peak, terms, parts),
    );
    const all = Math.max(10, examples.length);
    const features = sizes.flatMap((size, feature) => {
      const own = worths.filter((value, i) => value > 0 && examples[i]!.feature === feature);
      if (own.length > 0) {
        const exactness = own.reduce((sum, value) => sum + value, 0) / size;
        return [
          {
            feature,
            size,
            examples: own.length,
            named: false,
            score: (own.length / all) * exactness,
          },
        ];
      }
      const said = texts[feature]!.flatMap((one) => ['', ...wordsOf([one]).map(({ text: word }) => word)]);
      const name =
        terms.length === 0
          ? 0
          : worth(
              said,
              said.map(() => true),
              terms,
              parts,
            );
      return name === 0
        ? []
        : [{ feature, size, examples: 0, named: true, score: ((size / all) * name) / 100 }];
    });
    if (features.length === 0) return [];
    features.sort((a, b) => b.score - a.score || a.feature - b.feature);
    const best = sizes.map(
      (_, id) =>
        examples
          .flatMap(({ feature }, i) => (feature === id ? [{ i, value: worths[i]! }] : []))
          .sort((a, b) => b.value - a.value || a.i - b.i)[0]!.i,
    );
    const count = worths.filter((value) => value > 0).length;
    return [{ row, bank, index, found: count, score: features[0]!.score, features, best }];
  });
  return found.sort((a, b) => b.score - a.score);
}

const QUERIES = [
  'congress',
  'the',
  'War',
  '"of the"',
  '"the united states"',
  'of the',
  'congress "of the"',
  '—',
  ',',
  '.',
  'u.s.',
  '東京',
  '東 京',
  '"京タ"',
  '塔',
  'brûlée',
  'bru\u0302le\u0301e',
  '😀',
  '😀😀',
  'straße',
  'STRASSE',
  'endoftext',
  SPECIAL,
  '0xe2',
  '<0xE2>',
  'script',
  ...HOSTILE,
  '*',
  '.*',
  '__proto__',
  'nosuchwordatall',
  'congress nosuchwordatall',
  'capitalised',
  '""',
  'a e i',
];

describe('a search', () => {
  for (const parts of [false, true]) {
    it(`finds what looking at every example finds${parts ? ', parts of words too' : ''}`, async () => {
      let some = 0;
      const passages = await openPassages(study);
      for (const text of QUERIES) {
        const expected = bruteForce(text, parts);
        const asked = parseQuery(text, []);
        const found = findPassages(passages, asked, parts);
        const { total, units: first } = await searchStudy(study, text, { parts, limit: 30 });
        expect([text, total]).toEqual([text, expected.length]);
        expect([text, found.units.length]).toEqual([text, expected.length]);
        found.units.forEach((row, i) => {
          const [best] = featuresFound(passages, found, row);
          expect(best!.score).toBeCloseTo(expected[i]!.score, 6);
        });
        for (const { row, features } of expected) {
          const own = featuresFound(passages, found, row).sort((a, b) => a.feature - b.feature);
          features.sort((a, b) => a.feature - b.feature);
          expect(own.map(({ score: _, ...one }) => one)).toEqual(features.map(({ score: _, ...one }) => one));
        }
        for (const { bank, index, found: count, matches, passage } of first) {
          const unit = expected.find((one) => one.bank === bank && one.index === index)!;
          expect([text, bank, index, count]).toEqual([text, bank, index, unit.found]);
          expect(passage!.example).toBe(unit.best[matches[0]!.feature]);
        }
        if (total > 0) some++;
      }
      expect(some).toBeGreaterThan(20);
    });
  }

  it('finds with the pieces of its words what it finds with the whole index', async () => {
    const whole = await openPassages(study);
    const pieces = [...postingsOf(whole, 1 << 10)];
    expect(pieces.length).toBeGreaterThan(10);
    const firsts = pieces.map(({ words }) => new TextDecoder().decode(words).split('\n')[0]!);
    const head = postingsHead(whole, firsts);
    expect(firstWords(head)).toEqual(firsts);
    for (const parts of [false, true]) {
      for (const text of QUERIES) {
        const query = parseQuery(text, []);
        const words = new Set(
          query.terms.flatMap((term) =>
            parts ? whole.vocabulary.filter((word) => word.includes(term.words[0]!)) : term.words,
          ),
        );
        for (const { words: phrase } of query.terms) for (const word of phrase) words.add(word);
        const fetched = piecesWith(firsts, words).map((piece) => pieces[piece]!);
        const some = somePassages(head, fetched, words);
        const [a, b] = [findPassages(some, query, parts), findPassages(whole, query, parts)];
        expect(a.units, text).toEqual(b.units);
        for (const unit of a.units) {
          const features = featuresFound(whole, b, unit);
          expect(featuresFound(some, a, unit), text).toEqual(features);
          const { feature } = features[0]!;
          expect([text, bestMember(some, a, unit, feature)]).toEqual([
            text,
            bestMember(whole, b, unit, feature),
          ]);
        }
      }
    }
  });

  it('shows a passage with its words marked, and nothing else', async () => {
    for (const [text, words] of [
      ['congress', ['congress']],
      ['"of the"', ['of', 'the']],
      ['東京', ['東', '京']],
      ['—', ['—']],
    ] as const) {
      const { units: found } = await searchStudy(study, text, { limit: 20 });
      expect(found.length).toBeGreaterThan(0);
      for (const { passage } of found) {
        const { tokens, marked, position } = passage!;
        expect(tokens[position]).toBeDefined();
        const shown = marked
          .map((token) => tokens[token])
          .join('')
          .toLowerCase();
        for (const word of words) expect(shown).toContain(word);
        if (text === 'congress') expect(shown).toMatch(/^([^a-z]*congress[^a-z]*)+$/);
        expect(marked.every((token) => Math.abs(token - position) <= 5 + 8)).toBe(true);
      }
    }
  });

  it('finds every word of every feature', async () => {
    const passages = await openPassages(study);
    const words = new Set(
      study.units({ bank: 'sae/t', limit: 60 }).flatMap(({ bank, index }) => study.words(bank, index).flat()),
    );
    expect(words.size).toBeGreaterThan(100);
    for (const word of words) {
      const { units: found } = findPassages(passages, parseQuery(`"${word.replaceAll('"', ' ')}"`, []));
      if (/[^\s"]/.test(word)) expect([word, found.length > 0]).toEqual([word, true]);
    }
  });

  it('says what cannot be searched for', async () => {
    for (const empty of ['', '  ']) {
      await expect(searchStudy(study, empty)).rejects.toThrow(/^the query is empty/);
    }
    await expect(searchStudy(study, 'x'.repeat(201))).rejects.toThrow(
      /^the query has 201 characters, at most 200/,
    );
  });

  it('takes units and banks by name, alone and with words', async () => {
    const one = await searchStudy(study, 'sae/t/137 congress');
    expect(one.units[0]).toMatchObject({ bank: 'sae/t', index: 137 });
    expect((await searchStudy(study, 'sae/s')).total).toBe(60);
    expect((await searchStudy(study, 'sae/s')).units[0]).toMatchObject({
      bank: 'sae/s',
      matches: [],
      passage: null,
    });
    const [all, own] = [await searchStudy(study, 'the'), await searchStudy(study, 'sae/s the')];
    expect(own.total).toBeGreaterThan(0);
    expect(own.total).toBeLessThan(all.total);
    expect(own.units.every(({ bank }) => bank === 'sae/s')).toBe(true);
    expect((await searchStudy(study, 'the', { bank: 'sae/s' })).units).toEqual(own.units);
    expect((await searchStudy(study, 'sae/t/999999')).total).toBe(0);
    await expect(searchStudy(study, 'the', { bank: 'mlp.9' })).rejects.toThrow(/no bank mlp\.9/);
  });
});

describe('what is said elsewhere', () => {
  it('is searched too: notes on units and features, and names that a language model gave', async () => {
    const copy = join(dir, 'noted.db');
    copyFileSync(path, copy);
    const noted = openStudy(copy);
    const [unit, other] = study.units({ sort: 'featureCount', descending: true, limit: 2 });
    const { features } = study.unit(unit!.bank, unit!.index);
    const about = features[1]!.examples[0]!;
    const at = new Date().toISOString();
    const note = (to: object, text: string) =>
      notesLine({ kind: 'note', at, star: false, note: text, place: null, bank: '', index: 0, ...to });
    const lines = [
      note(
        { bank: unit!.bank, index: unit!.index, place: { context: about.context, position: about.position } },
        'the xylophone feature',
      ),
      note({ bank: other!.bank, index: other!.index }, 'xylophones, perhaps'),
      note({ bank: 'mlp.99', index: 0 }, 'xylophone'),
    ];
    expect((await searchStudy(noted, 'xylophone')).total).toBe(0);
    writeFileSync(notesPath(copy), lines.join(''));
    const found = await searchStudy(noted, 'xylophone');
    expect(found.units.map(({ bank, index }) => [bank, index])).toEqual([[unit!.bank, unit!.index]]);
    expect(found.units[0]).toMatchObject({ found: 0, matches: [{ feature: 1, examples: 0 }] });
    expect((await searchStudy(noted, 'xylophone feature')).total).toBe(1);
    expect((await searchStudy(noted, '"xylophone the"')).total).toBe(0);
    const parts = await searchStudy(noted, 'xylophone', { parts: true });
    expect(parts.total).toBe(2);
    // A note on a unit is about none of its features.
    expect((await searchStudy(noted, 'xylophones')).units).toMatchObject([
      { bank: other!.bank, index: other!.index, matches: [], passage: null },
    ]);
    const named = { feature: 0, text: 'marimba music', siblings: 1, random: 1, asked: 8, unanswered: 0 };
    const { bank, index } = other!;
    const names = { bank, index, model: 'm', features: [named] };
    const value = Buffer.from(JSON.stringify(names));
    writeCached(noted, { kind: LAST_NAMES, key: `${bank}/${index}` }, value);
    expect((await searchStudy(noted, 'marimba')).units).toMatchObject([
      { bank, index, matches: [{ feature: 0 }] },
    ]);
    noted.close();
  });
});

describe('the index', () => {
  it('lies in the study, is small, and is no part of its content', async () => {
    const stored = study.storedPassages()!;
    expect(stored.length).toBeLessThan(0.2 * statSync(path).size);
    expect(Buffer.compare(stored, await makePassages(path))).toBe(0);
    expect(verifyStudy(path).contentHash).toBe(study.info().contentHash);
  });

  it('is made and kept where a study has none, and where it is of another version', async () => {
    for (const change of ['DROP TABLE passages', 'version']) {
      const copy = join(dir, `${change.slice(0, 4)}.db`);
      copyFileSync(path, copy);
      const db = new Database(copy);
      if (change === 'version') {
        const packed = pack({ version: Uint32Array.of(9) });
        const { createHash } = await import('node:crypto');
        const digest = createHash('sha256').update(packed).digest();
        db.prepare('UPDATE passages SET digest = ?, passages = ?').run(digest, Buffer.from(packed));
      } else db.exec(change);
      db.close();
      const older = openStudy(copy);
      expect(await searchStudy(older, 'congress')).toEqual(await searchStudy(study, 'congress'));
      const kept = readFileSync(cachePath(copy));
      expect(await searchStudy(older, 'congress')).toEqual(await searchStudy(study, 'congress'));
      expect(Buffer.compare(kept, readFileSync(cachePath(copy)))).toBe(0);
      older.close();
    }
  });

  it('that is damaged is refused in one line', async () => {
    const copy = join(dir, 'damaged.db');
    copyFileSync(path, copy);
    const db = new Database(copy);
    db.exec("UPDATE passages SET passages = x'00'");
    db.close();
    const damaged = openStudy(copy);
    await expect(searchStudy(damaged, 'congress')).rejects.toThrow(/index of passages is damaged/);
    damaged.close();
    expect(() => verifyStudy(copy)).toThrow(/index of passages is damaged/);
  });
});
