// `npm run bench:peers`: Polyseme beside the packages that researchers would otherwise use, at the same work. Writes
// bench/peers/results.json (parts that did not run keep their last results) and docs/benchmarks.md.
// Usage: npm run bench:peers -- [--only a,b] [--quick] [--rounds 5] [--python PATH with peers/requirements.txt]
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { contest } from './peers/contest.mjs';
import { peersPython } from './peers/python.mjs';
import { summarise } from './peers/summary.mjs';
import { page, verdict } from './peers/table.mjs';

const PARTS = {
  a: 'harvest',
  b: 'distances',
  c: 'sae',
  d: 'linkage',
  e: 'importance',
  f: 'pages',
  g: 'gpu-harvest',
  h: 'gpu-sae',
};
const RESULTS = join(import.meta.dirname, 'peers', 'results.json');
const PAGE = join(import.meta.dirname, '..', 'docs', 'benchmarks.md');

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    python: { type: 'string' },
  },
});
const only = values.only.split(',');
const unknown = only.find((id) => !(id in PARTS));
if (unknown !== undefined) {
  console.error(`no part ${unknown} (known: ${Object.keys(PARTS).join(', ')})`);
  process.exit(2);
}
const started = performance.now();
const progress = (text) =>
  console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}`);
const python = values.python ?? peersPython(progress);
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));

for (const id of only) {
  progress(`${id}. ${PARTS[id]}`);
  const { prepare } = await import(`./peers/${PARTS[id]}/part.mjs`);
  const dir = mkdtempSync(join(tmpdir(), 'polyseme-peers-'));
  const [load] = loadavg();
  try {
    const part = await prepare({ dir, quick: values.quick, python, progress });
    if (part === null) {
      progress('there is no GPU here: the results stay');
      continue;
    }
    const { ran, missing } = await contest(part.contestants, { rounds, warm: part.warm, progress });
    const rows = part.rows ?? summarise(part, ran);
    const aims = part.aims(ran, rows);
    // Read now: another part may have ended meanwhile.
    const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
    results[id] = {
      title: part.title,
      work: part.work,
      machine: `${part.card === undefined ? '' : `${part.card}, `}${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.versions.node}`,
      date: new Date().toISOString().slice(0, 10),
      rounds: part.rounds ?? rounds,
      quick: values.quick,
      load: Number(load.toFixed(1)),
      clock: part.clock ?? 'cpu',
      rows,
      missing,
      aims,
    };
    for (const aim of aims) progress(verdict(aim));
    writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
    writeFileSync(PAGE, page(results));
  } finally {
    rmSync(dir, { recursive: true });
  }
}
