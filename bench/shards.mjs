// The merge of a divided run on synthetic parts: time for each shard and memory, as the shards become more, and the goal of
// 64 shards of all neurons of GPT-2 small. Parts are written, merged in groups of a hundred and removed: little disk is needed.
// Usage: node bench/shards.mjs [shards=10000] [units=2000] [examples=16]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../dist/base/random.js';
import { mergeParts } from '../dist/run/shards/merge-parts.js';
import { openPart, writePart } from '../dist/run/shards/part-file.js';
import { report } from './report.mjs';

const [shards = 10_000, units = 2000, examples = 16] = process.argv.slice(2).map(Number);
/** Contexts of a shard, and parts that are merged together. */
const CONTEXTS = 2000;
const GROUP = 100;
const WIDTH = 768;
/** Bins that a unit's histogram fills. */
const BINS = 90;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-bench-'));

/** Writes parts of one run, each with random scores of its own. */
function partsOf({ banks, units, examples, shards }) {
  const random = createRandom(3);
  const slots = units * examples;
  const drawn = Float32Array.from({ length: slots }, () => random.next());
  const run = {
    banks: Array.from({ length: banks }, (_, b) => ({
      name: `mlp.${b}`,
      units,
      width: WIDTH,
      inputTap: `h.${b}`,
    })),
    selection: {
      select: 'top',
      examples,
      fraction: 1,
      sign: 'positive',
      everyPosition: false,
      keepDuplicates: false,
      seed: 0,
    },
    longest: 128,
  };
  const head = { kind: 'examples', plan: 'synthetic', run, of: shards, after: null };
  const zeros = (count) => new Uint32Array(count);
  const statistics = {
    ...{ high: zeros(2 * units), low: zeros(2 * units), active: zeros(units) },
    ...{ max: new Float32Array(units), min: new Float32Array(units), sinks: Float64Array.of(0) },
    filled: new Uint16Array(units).fill(BINS),
    bins: Uint16Array.from({ length: units * BINS }, (_, i) => i % BINS),
    times: new Uint32Array(units * BINS).fill(1),
    counts: new Uint32Array(units).fill(examples),
  };
  const nulls = Uint32Array.from({ length: 150 }, (_, i) => i);
  return (path, shard) => {
    const shift = random.next();
    const chosen = {
      score: drawn.map((value) => 1 + ((value + shift) % 1)),
      context: Uint32Array.from(drawn, (_, i) => shard * CONTEXTS + (i % examples)),
      position: new Uint32Array(slots).fill(5),
      key: Float64Array.from(
        drawn,
        (value, i) => Math.floor(value * 2 ** 20) * 2 ** 21 + shard * examples + (i % examples),
      ),
    };
    const arrays = [];
    for (const b of run.banks.keys()) {
      for (const [name, array] of Object.entries({ ...statistics, ...chosen }))
        arrays.push([`bank.${b}.${name}`, array]);
      const inputs = {
        ...{ high: zeros(2 * WIDTH), low: zeros(2 * WIDTH) },
        ...{ context: nulls.map((i) => shard * CONTEXTS + i), position: nulls },
        ...{ halves: new Uint16Array(150 * WIDTH), scales: new Float32Array(150) },
      };
      for (const [name, array] of Object.entries(inputs)) arrays.push([`inputs.h.${b}.${name}`, array]);
    }
    const places = Uint32Array.from({ length: 2000 }, (_, i) => i);
    const sample = {
      ...{ offset: Uint32Array.from({ length: 2001 }, (_, i) => 41 * i), tokens: new Int32Array(2000 * 41) },
      ...{ position: zeros(2000), contexts: places.map((i) => shard * CONTEXTS + i), places },
      ...{
        buckets: Uint32Array.from({ length: 30_000 }, (_, i) => 30 * i),
        times: new Uint32Array(30_000).fill(1),
      },
    };
    for (const [name, array] of Object.entries(sample)) arrays.push([`text.${name}`, array]);
    arrays.push(['tokens', Float64Array.of(CONTEXTS * 128)]);
    return writePart(path, { ...head, covers: [shard] }, arrays);
  };
}

/** Seconds that merging files takes; they are removed. */
async function merged(paths, out) {
  const start = performance.now();
  const parts = [];
  for (const path of paths) parts.push(await openPart(path));
  await mergeParts(parts, out, true, {});
  const seconds = (performance.now() - start) / 1000;
  for (const path of paths) rmSync(path);
  return seconds;
}

const gigabytes = () => process.resourceUsage().maxRSS / 1e6;

try {
  const write = partsOf({ banks: 1, units, examples, shards });
  const groups = [];
  let seconds = 0;
  for (let first = 1; first <= shards; first += GROUP) {
    const paths = [];
    for (let shard = first; shard < Math.min(shards + 1, first + GROUP); shard++) {
      const path = join(folder, `part-${shard}`);
      await write(path, shard);
      paths.push(path);
    }
    groups.push(join(folder, `group-${first}`));
    seconds += await merged(paths, groups.at(-1));
    const done = Math.min(shards, first + GROUP - 1);
    if (done % (shards / 5) === 0) {
      report(`merge, each of ${done} shards`, (1000 * seconds) / done, 'ms');
      report(`peak memory, ${done} shards`, gigabytes(), 'GB');
    }
  }
  report(`the last merge, of ${groups.length} merges`, await merged(groups, join(folder, 'all')), 's');
  const neurons = partsOf({ banks: 12, units: 3072, examples: 64, shards: 64 });
  const paths = [];
  for (let shard = 1; shard <= 64; shard++) {
    paths.push(join(folder, `gpt2-${shard}`));
    await neurons(paths.at(-1), shard);
  }
  report(
    'merge of 64 shards of 36,864 units × 64 examples',
    await merged(paths, join(folder, 'gpt2')),
    's',
    60,
  );
  report('peak memory', gigabytes(), 'GB', 3);
} finally {
  rmSync(folder, { recursive: true });
}
