import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { mlpBank } from '../../src/bank/mlp-bank.ts';
import { unpackRows } from '../../src/base/half.ts';
import { createRandom } from '../../src/base/random.ts';
import { type Context, cutContexts } from '../../src/corpus/contexts.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { HalfRowTable, halfRow, type PackedRow } from '../../src/harvest/half-rows.ts';
import { harvest } from '../../src/harvest/harvest.ts';
import { RowStore } from '../../src/harvest/row-store.ts';
import { SavedRows } from '../../src/harvest/saved-rows.ts';
import { BankScan } from '../../src/harvest/scan.ts';
import { loadModel } from '../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-rows-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A row that tells its number. */
function marked(width: number, mark: number): PackedRow {
  return {
    halves: Uint16Array.from({ length: width }, (_, i) => (mark * 7 + i) & 0xffff),
    scale: mark + 0.5,
  };
}

function isMarked({ halves, scale }: PackedRow, mark: number): boolean {
  const expected = marked(halves.length, mark);
  return scale === expected.scale && halves.every((half, i) => half === expected.halves[i]);
}

describe('the rows of a tap', () => {
  test('a row stays while an example holds it; then its number is given out again', () => {
    const store = new RowStore(3, 8);
    expect(store.hold(5)).toBe(-1);
    const row = store.add(5, marked(3, 1));
    expect(store.hold(5)).toBe(row);
    store.begin();
    expect(store.hold(5)).toBe(-1);
    expect(store.release(row)).toBe(false);
    expect(halfRow(store.table, row)).toEqual(marked(3, 1));
    expect(store.size).toBe(1);
    expect(store.release(row)).toBe(true);
    expect(store.size).toBe(0);
    expect(store.add(2, marked(3, 2))).toBe(row);
    expect(halfRow(store.table, row)).toEqual(marked(3, 2));
  });

  test('let go within its context, a row is not found at its old position', () => {
    const store = new RowStore(2, 8);
    const row = store.add(1, marked(2, 1));
    store.release(row);
    expect(store.hold(1)).toBe(-1);
    expect(store.add(6, marked(2, 6))).toBe(row);
    expect(store.hold(1)).toBe(-1);
    expect(store.hold(6)).toBe(row);
  });

  test('any order of holds and releases, through checkpoints, is as a plain map has it', () => {
    const random = createRandom(3);
    const below = (n: number) => Math.floor(random.next() * n);
    // Wide enough that there are several blocks.
    const width = 2_000_000;
    let store = new RowStore(width, 20);
    const examples: { row: number; mark: number }[] = [];
    let most = 0;
    for (let context = 0; context < 40; context++) {
      store.begin();
      for (let i = 0; i < 12; i++) {
        const position = below(4);
        const mark = context * 4 + position;
        let row = store.hold(position);
        if (row < 0) row = store.add(position, { halves: new Uint16Array(width).fill(mark), scale: mark });
        const example = { row, mark };
        if (examples.length < 15) examples.push(example);
        else {
          const at = below(examples.length);
          store.release(examples[at]!.row);
          examples[at] = example;
        }
        expect(store.size).toBe(new Set(examples.map((e) => e.mark)).size);
        most = Math.max(most, store.size);
      }
      for (const { row, mark } of examples) {
        const { halves, scale } = halfRow(store.table, row);
        expect([halves[0], halves[width - 1], scale]).toEqual([mark, mark, mark]);
      }
      // At most one more than ever lived together: the new row is held before the old one is let go.
      expect(Math.max(...examples.map(({ row }) => row))).toBeLessThanOrEqual(most);
      if (context % 20 !== 19) continue;
      const again = new RowStore(width, 20);
      again.restore({ uses: store.state().uses.slice() });
      for (const { row, mark } of examples)
        again.table.write(row, { halves: new Uint16Array(width).fill(mark), scale: mark });
      expect(again.size).toBe(store.size);
      store = again;
    }
  });

  test('a store restored empty grows', () => {
    const store = new RowStore(1, 5000);
    store.restore({ uses: new Uint32Array() });
    for (let i = 0; i < 5000; i++) expect(store.add(i, marked(1, i))).toBe(i);
    for (const i of [0, 1023, 1024, 4999]) {
      expect(store.hold(i)).toBe(i);
      expect([store.release(i), store.release(i)]).toEqual([false, true]);
    }
    expect(store.size).toBe(4996);
  });
});

test('saved rows come back from the files that are said to be needed, which hold little else', () => {
  const random = createRandom(5);
  const WIDTH = 9;
  const ROWS = 700;
  const dir = mkdtempSync(join(folder, 'saved-'));
  let table = new HalfRowTable(WIDTH);
  let saved = new SavedRows(dir, 'rows-a', table);
  const plain = new Map<number, number>();
  let written = 0;
  for (let number = 1; number <= 40; number++) {
    // Many rows change at first, then few, and sometimes none.
    const changes = number % 10 === 0 ? 0 : number < 20 ? 400 : 30;
    for (let i = 0; i < changes; i++) {
      const row = Math.floor(random.next() * ROWS);
      if (plain.has(row) && random.next() < 0.4) {
        table.drop(row);
        plain.delete(row);
      } else {
        table.write(row, marked(WIDTH, ++written));
        plain.set(row, written);
      }
    }
    saved.write(number);
    for (const name of readdirSync(dir)) if (!saved.files().has(name)) rmSync(join(dir, name));
    expect(new Set(readdirSync(dir))).toEqual(saved.files());
    const bytes = readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual((2 * plain.size + changes) * table.stride);

    const state = saved.state();
    const copy = new HalfRowTable(WIDTH);
    const files = new SavedRows(dir, 'rows-a', copy);
    files.load({ save: state.save.slice(), place: state.place.slice(), sum: state.sum.slice() });
    const wrong = [...plain].filter(([row, mark]) => !isMarked(halfRow(copy, row), mark));
    expect(wrong).toEqual([]);
    if (number % 7 === 0) [table, saved] = [copy, files];
  }
  rmSync(join(dir, readdirSync(dir)[0]!));
  const lost = new SavedRows(dir, 'rows-a', new HalfRowTable(WIDTH));
  expect(() => lost.load(saved.state())).toThrow(/ENOENT/);
});

describe('windows', () => {
  const UNITS = 11;
  test.each([16, 13, 1, 8, 7])(
    'of a context of %i positions, as its columns are packed alone',
    (positions) => {
      const random = createRandom(positions);
      const scan = new BankScan(UNITS, 16, 16);
      const all = (data: Float32Array, ...lengths: number[]) => {
        const contexts = lengths.map((length, r) => ({
          first: r * UNITS * positions,
          roles: [new Uint8Array(length).fill(1)],
        }));
        expect([...scan.scan(data, contexts, 'positive', false)]).toEqual([{ first: 0, end: UNITS }]);
      };
      // What a longer context leaves behind must not show.
      all(new Float32Array(UNITS * 16 + 16 * UNITS * positions).fill(3), 16, 16);
      scan.window(0, 1);
      const data = Float32Array.from({ length: 2 * UNITS * positions }, (_, i) =>
        i % UNITS === 4 ? 0 : (random.next() - 0.5) * 2 ** ((i % 40) - 20),
      );
      all(data, positions, positions);
      for (let i = 2 * UNITS - 1; i >= 0; i--) {
        const [u, r] = [i >> 1, i & 1];
        const column = Float32Array.from({ length: 16 }, (_, t) =>
          t < positions ? data[(r * positions + t) * UNITS + u]! : 0,
        );
        const window = scan.window(u, r);
        const alone = scan.pack(column);
        expect(window.halves).toEqual(alone.halves);
        expect(window.scale).toBe(alone.scale);
        const back = unpackRows(window.halves.slice(), Float32Array.of(window.scale), 16);
        column.forEach((value, t) => {
          const bound = Math.max(Math.abs(value) * 2 ** -11, window.scale * 2 ** -25);
          expect(Math.abs(back[t]! - value)).toBeLessThanOrEqual(bound);
        });
      }
    },
  );
});

test('a harvest keeps one row of each (context, position), which units and banks of one tap share', async () => {
  const model = await loadModel('builtin:folio-5m');
  const contexts: Context[] = [];
  const encoder = { encode: (text: string) => model.tokenizer.encode(text) };
  const cut = { length: 48, bos: false, count: 40, seed: 0 };
  for await (const context of cutContexts(await openCorpus('builtin:sotu'), encoder, cut))
    contexts.push(context);
  const bank = mlpBank(model.files, 1, { layernorm: 'raw', gated: 'gradient' });
  for (const everyPosition of [false, true]) {
    const found = await harvest({
      model,
      // Of three banks of one size the first two are scanned by one thread.
      banks: [bank, { ...bank, name: 'again' }, { ...bank, name: 'elsewhere' }],
      contexts: () =>
        Object.assign(
          (async function* () {
            yield* contexts;
          })(),
          { summary: { documents: 0, skipped: 0, duplicates: 0, contexts: contexts.length, tokens: 0 } },
        ),
      length: 48,
      specialIds: new Set(),
      tokenText: (id) => model.tokenizer.text(id),
      selection: {
        select: 'top',
        examples: 6,
        fraction: 0.75,
        sign: 'positive',
        everyPosition,
        keepDuplicates: true,
        seed: 0,
      },
      stateDir: mkdtempSync(join(folder, 'state-')),
      saveEvery: 0,
    });
    const stores = new Map<ArrayBufferLike, Map<number, string>>();
    for (const { chosen, captured } of found.banks) {
      const rows = stores.get(captured.inputs.blocks[0]!) ?? new Map<number, string>();
      stores.set(captured.inputs.blocks[0]!, rows);
      for (let u = 0; u < bank.units; u++) {
        for (let slot = 6 * u; slot < 6 * u + chosen.counts[u]!; slot++) {
          const place = `${chosen.context[slot]}:${chosen.position[slot]}`;
          expect(rows.get(captured.rows[slot]!) ?? place).toBe(place);
          rows.set(captured.rows[slot]!, place);
        }
      }
    }
    expect(stores.size).toBe(2);
    for (const rows of stores.values()) {
      expect(new Set(rows.values()).size).toBe(rows.size);
      expect(rows.size).toBeLessThanOrEqual(40 * 48);
      // No number is left over: rows that were given up were given out again.
      expect(Math.max(...rows.keys())).toBeLessThan(40 * 48);
    }
  }
  await model.close();
});
