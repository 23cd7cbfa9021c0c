import { rmSync } from 'node:fs';
import { unpackRows } from '../../src/base/half.ts';
import { pack } from '../../src/base/pack.ts';
import { createRandom } from '../../src/base/random.ts';
import { centralExamples } from '../../src/cluster/central.ts';
import { cutTree } from '../../src/cluster/cut.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import { cosineDistances } from '../../src/embed/distances.ts';
import { autoFeatures } from '../../src/features/auto.ts';
import type { FeatureName } from '../../src/features/names.ts';
import { judge } from '../../src/polysemy/judgement.ts';
import { polysemy } from '../../src/polysemy/metrics.ts';
import { recordHash } from '../../src/study/digests.ts';
import type { UnitRecord } from '../../src/study/record.ts';
import { StudyWriter } from '../../src/study/writer.ts';

export interface WrittenStudy {
  readonly path: string;
  readonly banks: readonly { readonly name: string; readonly units: number }[];
  /** Examples of each unit. */
  readonly examples: (unit: number) => number;
  /** Texts of the tokens of each context; example i lies in context i mod their number. */
  readonly contexts: readonly (readonly string[])[];
  readonly documents?: readonly string[];
  /** Words of the largest feature (0) and the others of a unit. */
  readonly words?: (unit: number, feature: number) => string[];
  /** Their names; default none. */
  readonly names?: (unit: number, feature: number) => FeatureName | null;
  /** Leave it unfinished, without these units of the last bank. */
  readonly without?: readonly number[];
}

/** Dimension of the units' inputs. */
export const DIMENSION = 12;

/** Writes a study of two banks and two documents: what files are damaged by hand. */
export function writeSmallStudy(path: string): void {
  writeStudy({
    path,
    banks: [
      { name: 'mlp.0', units: 3 },
      { name: 'sae/x', units: 2 },
    ],
    examples: (unit) => 4 + unit,
    contexts: [
      ['the', ' cap', 'tain'],
      [' of', ' the', ' ship'],
    ],
    documents: ['first document', 'second document'],
  });
}

/** Writes a study of random inputs directly, without a model. */
export function writeStudy(study: WrittenStudy): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(study.path + suffix, { force: true });
  const options = { linkage: 'average', threshold: 0.5, bos: false };
  const banks = study.banks.map(({ name, units }) => ({
    name,
    kind: 'sae',
    site: 'blocks.0.mlp.hook_in',
    units,
    width: DIMENSION,
    embedding: { kind: 'linear' as const },
  }));
  StudyWriter.create(study.path, { model: {}, data: {}, options }, banks).close();
  const writer = StudyWriter.open(study.path);
  const texts = [...new Set(study.contexts.flat())];
  const ids = new Map(texts.map((text, id) => [text, id]));
  const offset = [0];
  for (const tokens of study.contexts) offset.push(offset.at(-1)! + tokens.length);
  const ordinals = Int32Array.from(study.contexts.keys());
  writer.writeContexts(
    {
      id: ordinals,
      document: ordinals,
      start: new Int32Array(study.contexts.length),
      offset: Int32Array.from(offset),
      tokens: Int32Array.from(study.contexts.flat(), (text) => ids.get(text)!),
      uses: new Int32Array(study.contexts.length).fill(1),
      names: study.contexts.map((_, i) => study.documents?.[i] ?? `document ${i}`),
      labels: study.contexts.map(() => null),
    },
    (id) => texts[id]!,
  );
  for (const [id, { units }] of study.banks.entries()) {
    const indices = Array.from({ length: units }, (_, unit) => unit).filter(
      (unit) => id < study.banks.length - 1 || !study.without?.includes(unit),
    );
    writer.writeUnits(
      id,
      indices.map((unit) => writtenUnit(study, unit)),
    );
  }
  if (study.without === undefined) {
    writer.finish({ documents: 1, skippedDocuments: 0, contexts: study.contexts.length, tokens: 1000 });
  }
  writer.close();
}

/** A unit as writeStudy writes it. */
export function writtenUnit(study: Omit<WrittenStudy, 'path'>, index: number): UnitRecord {
  const random = createRandom(3, index);
  const n = study.examples(index);
  const length = Math.max(...study.contexts.map((tokens) => tokens.length));
  const half = (): number => 0x3000 + random.integer(0xc00) + (random.integer(2) << 15);
  const halves = Uint16Array.from({ length: n * DIMENSION }, half);
  // Every third example is like the first but for a quarter of its input.
  for (let i = 3; i < n; i += 3) halves.copyWithin(i * DIMENSION, 0, 9);
  const scales = new Float32Array(n).fill(0.5);
  const rows = unpackRows(halves, scales, DIMENSION);
  const distances = cosineDistances({ rows, count: n });
  const tree = linkage({ distances, count: n });
  const labels = cutTree(tree, { distance: 0.5 });
  const metrics = polysemy({ distances, labels });
  const auto = autoFeatures({ tree, distances });
  const judgement = judge({ ...auto, meanDistance: metrics.meanDistance, nullDistance: 1 });
  const context = Uint32Array.from({ length: n }, (_, i) => i % study.contexts.length);
  const activation = Float32Array.from({ length: n }, (_, i) => 5 - i / n);
  const detail = pack({
    context,
    position: Uint32Array.from(context, (id) => random.integer(study.contexts[id]!.length)),
    activation,
    windows: Uint16Array.from({ length: n * length }, half),
    windowScales: new Float32Array(n).fill(1),
    merges: tree.merges,
    labels,
    centrals: centralExamples({ distances, labels }),
    autoLabels: auto.labels,
    autoCentrals: centralExamples({ distances, labels: auto.labels }),
    stray: auto.stray,
    histogramBins: n === 0 ? new Uint32Array(0) : Uint32Array.of(0, 100, 257, 360),
    histogramCounts: n === 0 ? new Uint32Array(0) : Uint32Array.of(5, n, 7, 2),
  });
  const record = {
    index,
    examples: n,
    maxActivation: n === 0 ? null : 5,
    minActivation: n === 0 ? null : -1,
    mean: 0.1 * index,
    density: n === 0 ? 0 : 0.25,
    expert: null,
    metrics,
    judgement,
    words: Array.from(
      { length: metrics.clusters },
      (_, feature) => study.words?.(index, feature) ?? [`word${feature}`],
    ),
    names: Array.from({ length: metrics.clusters }, (_, feature) => study.names?.(index, feature) ?? null),
    detail,
    inputs: pack({ halves, scales, weights: new Float32Array(DIMENSION).fill(1) }),
  };
  return { ...record, hash: recordHash(record) };
}
