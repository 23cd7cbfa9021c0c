import { createHash } from 'node:crypto';
import { pack } from '../dist/base/pack.js';
import { createRandom } from '../dist/base/random.js';
import { centralExamples } from '../dist/cluster/central.js';
import { cutTree } from '../dist/cluster/cut.js';
import { linkage } from '../dist/cluster/linkage.js';
import { cosineDistances } from '../dist/embed/distances.js';
import { polysemy } from '../dist/polysemy/metrics.js';
import { StudyWriter } from '../dist/study/writer.js';

const CONTEXTS = 20_000;
const VOCABULARY = 8192;

/**
 * Writes a study of units with random examples: `banks` banks `mlp.0`… of `units` units whose inputs have 8 dimensions, and
 * one bank `wide` of 64 units with 768. The units of a bank are copies of `patterns` ones, with other contexts, activations and
 * words.
 */
export function syntheticStudy(path, { banks, units, examples, length, patterns: most = 64 }) {
  const random = createRandom(11);
  const described = Array.from({ length: banks }, (_, i) => bank(`mlp.${i}`, units, 8));
  const options = { linkage: 'average', threshold: 0.5, examples, context: length, bos: false, seed: 0 };
  const meta = { model: { source: 'synthetic' }, data: { source: 'synthetic' }, options };
  const writer = StudyWriter.create(path, meta, [...described, bank('wide', 64, 768)]);
  writer.close();
  const open = StudyWriter.open(path);
  const words = Array.from({ length: VOCABULARY }, () => word(random));
  open.writeContexts(randomContexts(random, length), (id) => ` ${words[id]}`);
  for (const [id, width] of [...described.map(() => 8), 768].entries()) {
    const patterns = Array.from({ length: most }, () => pattern(random, examples, length, width));
    const count = id < banks ? units : 64;
    for (let first = 0; first < count; first += 256) {
      const indices = Array.from({ length: Math.min(256, count - first) }, (_, i) => first + i);
      open.writeUnits(
        id,
        indices.map((index) => record(random, index, patterns[index % most], words)),
      );
    }
  }
  open.finish({ documents: 100, skippedDocuments: 0, contexts: CONTEXTS, tokens: CONTEXTS * length });
  open.close();
}

function bank(name, units, dimension) {
  return {
    name,
    kind: 'mlp',
    site: `blocks.0.mlp.hook_in`,
    units,
    width: dimension,
    embedding: { kind: 'linear' },
  };
}

function randomContexts(random, length) {
  const ints = (count, value) => Int32Array.from({ length: count }, (_, i) => value(i));
  return {
    id: ints(CONTEXTS, (i) => i),
    document: ints(CONTEXTS, (i) => i % 100),
    start: ints(CONTEXTS, () => 0),
    offset: ints(CONTEXTS + 1, (i) => i * length),
    tokens: ints(CONTEXTS * length, () => Math.floor(VOCABULARY * random.next() ** 3)),
    uses: ints(CONTEXTS, () => 1),
    names: Array.from({ length: CONTEXTS }, (_, i) => `document ${i % 100}`),
  };
}

/** What takes long to make: windows, inputs, and the clustering of these. */
function pattern(random, examples, length, width) {
  const half = () => 0x2c00 + random.integer(0x1000) + (random.integer(2) << 15);
  const halves = Uint16Array.from({ length: examples * width }, half);
  // A few directions that examples share make features.
  for (let i = 0; i < examples; i++) {
    const like = random.integer(examples);
    if (like < i && random.next() < 0.7)
      halves.copyWithin(i * width, like * width, like * width + (width >> 1) + (width >> 2));
  }
  const rows = Float32Array.from(
    halves,
    (bits) => (bits & 0x8000 ? -1 : 1) * (1 + (bits & 1023) / 1024) * 2 ** (((bits >> 10) & 31) - 15),
  );
  const distances = cosineDistances({ rows, count: examples });
  const { merges } = linkage({ distances, count: examples });
  const labels = cutTree({ count: examples, merges }, { distance: 0.5 });
  return {
    merges,
    labels,
    centrals: centralExamples({ distances, labels }),
    metrics: polysemy({ distances, labels }),
    windows: Uint16Array.from({ length: examples * length }, half),
    windowScales: new Float32Array(examples).fill(1),
    inputs: pack({
      halves,
      scales: new Float32Array(examples).fill(1),
      weights: new Float32Array(width).fill(1),
    }),
    length,
  };
}

function record(random, index, { metrics, inputs, length, ...arrays }, words) {
  const n = arrays.labels.length;
  const activation = Float32Array.from({ length: n }, () => 4 * random.next())
    .sort()
    .reverse();
  const detail = pack({
    context: Uint32Array.from({ length: n }, () => random.integer(CONTEXTS)),
    position: Uint32Array.from({ length: n }, () => random.integer(length)),
    activation,
    ...arrays,
    histogramBins: Uint32Array.from({ length: 60 }, (_, i) => 40 + i),
    histogramCounts: Uint32Array.from({ length: 60 }, () => random.integer(1000)),
  });
  return {
    index,
    examples: n,
    maxActivation: activation[0],
    minActivation: -1,
    mean: random.next(),
    density: random.next(),
    metrics: { ...metrics, meanDistance: random.next() },
    words: Array.from({ length: metrics.clusters }, () =>
      Array.from({ length: 5 }, () => words[random.integer(VOCABULARY)]),
    ),
    detail,
    inputs,
    hash: createHash('sha256').update(detail).digest(),
  };
}

function word(random) {
  return Array.from({ length: 2 + random.integer(7) }, () =>
    String.fromCharCode(97 + random.integer(26)),
  ).join('');
}
