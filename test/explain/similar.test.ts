import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unitEmbeddings } from '../../src/bank/embedding.ts';
import { outputDirections } from '../../src/explain/output-directions.ts';
import { SimilarFeatures } from '../../src/explain/similar.ts';
import type { Similarity } from '../../src/explain/similarities.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { openVectors, type StudyVectors, spareVectors, vectorsFolder } from '../../src/study/vectors.ts';
import { cli } from '../helpers/cli.ts';
import { randomSae, savedSae } from '../helpers/saes.ts';
import { writeStudy } from '../helpers/written-study.ts';
import { PLANTED, plantedStudy, plantedTensors, type StudyFiles } from './planted.ts';

const { unit, twin } = PLANTED;
let files: StudyFiles;
let study: Study;
let vectors: StudyVectors;
let similar: SimilarFeatures;

beforeAll(async () => {
  files = await plantedStudy();
  study = openStudy(files.study);
  vectors = await openVectors(study);
  similar = new SimilarFeatures({ study, vectors });
});

afterAll(() => {
  vectors.close();
  study.close();
});

const letters = (of: Study, bank: string, index: number, feature: number): string => {
  const { examples } = of.unit(bank, index).features[feature]!;
  return [...new Set(examples.map(({ tokens, position }) => tokens[position - 1]))].sort().join('');
};

describe('similar features of the planted model', () => {
  it.each(['embedding', 'contexts'] as const)('finds the planted twin by %s', async (by) => {
    for (const feature of [0, 1]) {
      const found = await similar.of(unit.bank, unit.index, feature, { by, limit: 5 });
      const of = found[0]!;
      expect(of).toMatchObject({ bank: twin.bank, index: twin.index, other: false });
      const set = letters(study, unit.bank, unit.index, feature);
      expect(letters(study, of.bank, of.index, of.feature)).toBe(set);
      expect(of.words).toEqual(study.words(of.bank, of.index)[of.feature]);
      expect(of.name).toEqual(study.names(of.bank, of.index)[of.feature]);
      const { tokens, position, document, activation } = of.passage;
      expect([tokens[position], set.includes(tokens[position - 1]!)]).toEqual(['o', true]);
      expect(document).toMatch(/texts\.jsonl/);
      expect(activation).toBeGreaterThan(0);
      // Never a feature of the unit itself.
      expect(found.some(({ bank, index }) => bank === unit.bank && index === unit.index)).toBe(false);
    }
  });
});

/** Similarities of all features with one, in float64, from the study's examples, best first. */
function bruteForce(of: Study, by: Similarity, bank: string, index: number, feature: number) {
  const { options, banks } = of.info();
  const all = banks.flatMap(({ name, units, width }) =>
    Array.from({ length: units }, (_, i) => i).flatMap((i) => {
      const { inputs, weights, centre, embedding } = of.inputs(name, i);
      const rows = unitEmbeddings(embedding, inputs, weights, centre);
      return of.unit(name, i).features.map(({ id, examples, central }) => {
        const direction = new Float64Array(width);
        if (by === 'input') {
          for (let k = 0; k < width; k++) direction[k] = inputs[central * width + k]! - (centre?.[k] ?? 0);
        } else {
          for (const example of examples) {
            const row = rows.subarray(example.id * width, (example.id + 1) * width);
            const length = Math.hypot(...row) || 1;
            for (let k = 0; k < width; k++) direction[k]! += row[k]! / length;
          }
        }
        return {
          bank: name,
          index: i,
          feature: id,
          direction,
          contexts: new Set(examples.map(({ context }) => context)),
        };
      });
    }),
  );
  expect(options['center']).toBe('mean');
  const own = all.find((one) => one.bank === bank && one.index === index && one.feature === feature)!;
  const similarity = (other: (typeof all)[number]): number => {
    if (by === 'contexts') {
      const common = [...own.contexts].filter((id) => other.contexts.has(id)).length;
      return common / (own.contexts.size + other.contexts.size - common);
    }
    let dot = 0;
    for (let k = 0; k < own.direction.length; k++) dot += own.direction[k]! * other.direction[k]!;
    const lengths = Math.hypot(...own.direction) * Math.hypot(...other.direction);
    return lengths === 0 ? 0 : dot / lengths;
  };
  return all
    .filter((one) => one.bank !== bank || one.index !== index)
    .map((one) => ({ name: `${one.bank}/${one.index}#${one.feature}`, similarity: similarity(one) }))
    .filter(({ similarity: value }) => by !== 'contexts' || value > 0)
    .sort((a, b) => b.similarity - a.similarity);
}

describe('similar features against float64', () => {
  it.each(['embedding', 'input', 'contexts'] as const)('has the same neighbours by %s', async (by) => {
    for (const [bank, index, feature] of [
      ['mlp.0', 2, 0],
      ['mlp.0', 2, 1],
      ['mlp.1', 7, 0],
      ['mlp.0', 11, 0],
    ] as const) {
      const expected = bruteForce(study, by, bank, index, feature);
      const found = await similar.of(bank, index, feature, { by, limit: 1000 });
      expect(found.length).toBe(expected.length);
      const reference = new Map(expected.map(({ name, similarity }) => [name, similarity]));
      found.forEach((one, i) => {
        expect(one.similarity).toBeCloseTo(expected[i]!.similarity, 3);
        expect(one.similarity).toBeCloseTo(reference.get(`${one.bank}/${one.index}#${one.feature}`)!, 3);
      });
    }
  });
});

describe('similar outputs', () => {
  it('equal the output weights in float64, for neurons and latents', async () => {
    const sae = randomSae({ dIn: 32, dSae: 40, hookName: 'blocks.0.hook_resid_post' });
    const folder = await savedSae(sae, 'small');
    const { study: path } = await plantedStudy({ sae: [`small=${folder}`] });
    const own = openStudy(path);
    const explained = openExplained(own, { threads: 1, sae: [`small=${folder}`] });
    const opened = await openVectors(own);
    const outputs = (bank: string) => outputDirections(explained, bank);
    const search = new SimilarFeatures({ study: own, vectors: opened, outputs });
    const tensors = plantedTensors();
    const directions = own.info().banks.flatMap(({ name, units }) =>
      Array.from({ length: units }, (_, index) => {
        const layer = name.split('.')[1];
        const rows =
          name === 'sae/small' ? sae.tensors.W_dec.data : tensors[`h.${layer}.mlp.c_proj.weight`]!.data;
        return { name: `${name}/${index}`, row: [...rows.subarray(index * 32, (index + 1) * 32)] };
      }),
    );
    const alive = directions.filter(({ name }) => {
      const slash = name.lastIndexOf('/');
      return own.unit(name.slice(0, slash), Number(name.slice(slash + 1))).features.length > 0;
    });
    for (const asked of ['mlp.0/2', 'mlp.1/7', 'sae/small/3']) {
      const slash = asked.lastIndexOf('/');
      const one = directions.find(({ name }) => name === asked)!.row;
      const cosine = (row: readonly number[]): number =>
        row.reduce((sum, value, k) => sum + value * one[k]!, 0) / Math.hypot(...row) / Math.hypot(...one);
      const expected = new Map(alive.map(({ name, row }) => [name, cosine(row)]));
      expected.delete(asked);
      const best = [...expected.values()].sort((a, b) => b - a);
      const found = await search.of(asked.slice(0, slash), Number(asked.slice(slash + 1)), 0, {
        by: 'output',
        limit: 1000,
      });
      expect(found.length).toBe(best.length);
      found.forEach(({ bank, index, feature, similarity }, i) => {
        expect(feature).toBe(0);
        expect(similarity).toBeCloseTo(best[i]!, 4);
        expect(similarity).toBeCloseTo(expected.get(`${bank}/${index}`)!, 4);
      });
    }
    opened.close();
    await explained.close();
    own.close();
  });

  it('need the model', async () => {
    const asked = similar.of(unit.bank, unit.index, 0, { by: 'output', limit: 5 });
    await expect(asked).rejects.toThrow('its model is needed to compare outputs');
  });
});

describe('a second study', () => {
  it('is searched beside the first one', async () => {
    const { study: path } = await plantedStudy({ layers: [1] });
    const other = openStudy(path);
    const others = await openVectors(other);
    const both = new SimilarFeatures({ study, vectors }, { study: other, vectors: others });
    for (const by of ['embedding', 'contexts'] as const) {
      const found = await both.of(unit.bank, unit.index, 0, { by, limit: 2 });
      expect(found.map(({ bank, index, other: second }) => [bank, index, second])).toEqual([
        [twin.bank, twin.index, false],
        [twin.bank, twin.index, true],
      ]);
    }
    others.close();
    other.close();
  });

  it('of another text shares no contexts with the first', async () => {
    const { study: path } = await plantedStudy({ layers: [1], context: 12 });
    const other = openStudy(path);
    const others = await openVectors(other);
    const both = new SimilarFeatures({ study, vectors }, { study: other, vectors: others });
    await expect(both.of(unit.bank, unit.index, 0, { by: 'contexts', limit: 5 })).rejects.toThrow(
      /were made from other contexts, so their features share none: compare them in another way \(option by\)$/,
    );
    const found = await both.of(unit.bank, unit.index, 0, { by: 'embedding', limit: 2 });
    expect(found.some((one) => one.other)).toBe(true);
    others.close();
    other.close();
  });
});

describe('bad input of similar features', () => {
  it.each([
    ['mlp.9', 0, 0, /has no bank mlp\.9/],
    ['mlp.0', 24, 0, /has no unit mlp\.0\/24: units go from 0 to 23/],
    ['mlp.0', 2, 2, /unit mlp\.0\/2 has no feature 2: its features go from 0 to 1$/],
  ])('%s/%i feature %i is an error', async (bank, index, feature, message) => {
    await expect(similar.of(bank, index, feature, { by: 'embedding', limit: 5 })).rejects.toThrow(message);
  });

  it('an unfinished study has no vectors', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'polyseme-unfinished-')), 'study.db');
    writeStudy({
      path,
      banks: [{ name: 'a', units: 3 }],
      examples: () => 4,
      contexts: [['x', 'y']],
      without: [2],
    });
    const unfinished = openStudy(path);
    await expect(openVectors(unfinished)).rejects.toThrow(
      /study\.db is unfinished: its features are compared once/,
    );
    unfinished.close();
  });
});

describe('the vectors of a study', () => {
  const folder = (): string => vectorsFolder(files.study);
  const read = (): Map<string, Buffer> =>
    new Map(readdirSync(folder()).map((name) => [name, readFileSync(join(folder(), name))]));

  it('are computed once, with progress, and the study stays as it is', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'polyseme-vectors-')), 'study.db');
    copyFileSync(files.study, path);
    const before = readFileSync(path);
    const copy = openStudy(path);
    const seen: number[] = [];
    const first = await openVectors(copy, { onProgress: ({ done, total }) => seen.push(done / total) });
    expect(first.banks.map(({ bank }) => bank)).toEqual(['mlp.0', 'mlp.1']);
    first.close();
    expect(seen).toEqual([...seen].sort());
    const second: number[] = [];
    (await openVectors(copy, { onProgress: ({ done }) => second.push(done) })).close();
    expect(second).toEqual([]);
    expect(readFileSync(path).equals(before)).toBe(true);
    // Of equal studies they are equal to the byte.
    const copied = vectorsFolder(path);
    for (const [name, bytes] of read()) expect(readFileSync(join(copied, name)).equals(bytes)).toBe(true);
    copy.close();
  });

  it.each([
    ['missing', (path: string) => rmSync(path)],
    ['cut off', (path: string) => truncateSync(path, 400)],
    ['no safetensors', (path: string) => writeFileSync(path, 'nothing')],
    ['of another bank', (path: string) => copyFileSync(join(folder(), '1-mlp.1.safetensors'), path)],
    ['out of order', (path: string) => writeFileSync(path, tampered(path))],
    ['of other numbers', (path: string) => writeFileSync(path, flipped(path))],
  ])('are made again where a file is %s', async (_, damage) => {
    const before = read();
    damage(join(folder(), '0-mlp.0.safetensors'));
    (await openVectors(study)).close();
    expect(read()).toEqual(before);
  });

  /** The bytes of a file, with another number in place of the first unit. */
  function tampered(path: string): Buffer {
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    bytes.writeUInt32LE(4_000_000, 8 + length + header.unit.data_offsets[0]);
    return bytes;
  }

  /** The bytes of a file, one of them of another value. */
  function flipped(path: string): Buffer {
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    return bytes;
  }

  it('are kept elsewhere where the folder cannot be made', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'polyseme-readonly-')), 'study.db');
    copyFileSync(files.study, path);
    writeFileSync(vectorsFolder(path), 'a file in the way');
    const copy = openStudy(path);
    const kept = await openVectors(copy);
    expect(kept.banks.length).toBe(2);
    const spare = join(spareVectors(), copy.info().contentHash!.slice(0, 32));
    expect(readdirSync(spare)).toEqual(['0-mlp.0.safetensors', '1-mlp.1.safetensors']);
    // Of this user alone, and as old as its last use.
    expect(statSync(spareVectors()).mode & 0o077).toBe(0);
    utimesSync(spare, 1000, 1000);
    kept.close();
    (await openVectors(copy)).close();
    expect(statSync(spare).mtimeMs).toBeGreaterThan(1e12);
    const { stdout } = await cli(['caches', '--json'], { env: { TMPDIR: tmpdir() } });
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ kind: 'vectors of a read-only study', path: spare }),
    );
    copy.close();
    rmSync(spare, { recursive: true });
  });
});
