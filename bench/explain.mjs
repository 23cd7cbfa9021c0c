// Explanations: a probe of 64 tokens over all units of the bundled model against the forward pass alone, the importance of
// a unit's 64 examples against the forward passes of its masked batches, and the search for the features that are most like one among 200,000 directions of 768 numbers.
// Usage: node bench/explain.mjs [study=FILE of builtin:folio-5m, made if it is not there]
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toCodes } from '../dist/embed/codes.js';
import { explain } from '../dist/explain/explained.js';
import { tokenImportance } from '../dist/explain/importance.js';
import { NearestDirections } from '../dist/explain/nearest.js';
import { Prober } from '../dist/explain/probe.js';
import { unitExamples } from '../dist/explain/unit-examples.js';
import { readUnits, UNIT_TAP, unitInput } from '../dist/explain/unit-taps.js';
import { TOKENS_PER_RUN } from '../dist/model/taps.js';
import { runStudy } from '../dist/run/run-study.js';
import { openExplained } from '../dist/server/explain/open-explained.js';
import { openStudy } from '../dist/study/open-study.js';
import { openVectors } from '../dist/study/vectors.js';
import { median, report, seconds } from './report.mjs';

const TOKENS = 64;
const REPEATS = 40;
const FEATURES = 200_000;
const WIDTH = 768;
const TEXT =
  'The treaty with Spain, which was signed in the last session of Congress, has been ratified by both parties, and the ' +
  'commissioners who are to run the line between the two nations have met. I recommend to your consideration the state of ' +
  'the public lands, the revenue of the year, and the defence of our commerce in the Pacific and the West Indies.';

const dir = process.argv[2] === undefined ? mkdtempSync(join(tmpdir(), 'polyseme-bench-')) : null;
const path = process.argv[2] ?? join(dir, 'study.db');
if (!existsSync(path)) await runStudy({ contexts: 300, out: path });

const study = openStudy(path);
const explained = openExplained(study);
try {
  await probes();
  await importance();
  await vectors();
  await neighbours();
} finally {
  await explained.close();
  study.close();
  if (dir !== null) rmSync(dir, { recursive: true });
}

async function probes() {
  const model = await explained.model();
  const ids = model.tokenizer.encode(TEXT).slice(0, TOKENS);
  if (ids.length < TOKENS) throw new Error(`the text has ${ids.length} tokens`);
  const text = model.tokenizer.decode(ids);
  const prober = new Prober(explained);
  const { banks } = study.info();
  const taps = model.openTaps([`blocks.${model.config.layers - 1}.hook_resid_post`]);
  const forward = async () => {
    for await (const _ of taps.stream([{ tokens: Int32Array.from(ids) }]));
  };
  await forward();
  const first = await seconds(() => prober.probe(text));
  const times = { forward: [], probe: [] };
  for (let i = 0; i < REPEATS; i++) {
    times.forward.push(await seconds(forward));
    times.probe.push(await seconds(() => prober.probe(text)));
  }
  const units = banks.reduce((sum, bank) => sum + bank.units, 0);
  report(`forward pass of ${TOKENS} tokens`, 1000 * median(times.forward), 'ms');
  report(`first probe of them over ${units} units, session and features included`, 1000 * first, 'ms');
  report('probe over all units ÷ forward pass', median(times.probe) / median(times.forward), '', 1.5);
  await taps.close();
}

async function importance() {
  const bank = study.info().banks.at(-1).name;
  const { index } = study.units({ bank, sort: 'examples', descending: true, limit: 1 })[0];
  const [model, opened] = [await explained.model(), await explained.bank(bank)];
  // Without the results that are kept beside the study.
  const afresh = explain(study, async () => ({
    model,
    files: null,
    banks: [opened],
    close: async () => {},
  }));
  // For each example the passage up to its peak as it is, and with each of its tokens masked.
  const rows = unitExamples(study, { bank, index })
    .examples.map(({ tokens, position }) => tokens.slice(0, position + 1))
    .toSorted((a, b) => a.length - b.length)
    .flatMap((tokens) => Array.from({ length: tokens.length + 1 }, () => unitInput(tokens, index)));
  const forward = async () => {
    const taps = model.openTaps([UNIT_TAP], [readUnits(opened)]);
    for await (const _ of taps.stream(rows, { tokens: TOKENS_PER_RUN }));
    await taps.close();
  };
  const times = { forward: [], importance: [] };
  for (let i = 0; i < 3; i++) {
    times.forward.push(await seconds(forward));
    times.importance.push(await seconds(() => tokenImportance(afresh, { bank, index })));
  }
  report(`importance of ${bank}/${index}, ${rows.length} masked rows`, median(times.importance), 's');
  report(
    'importance ÷ forward passes of its masked rows',
    median(times.importance) / median(times.forward),
    '',
    1.2,
  );
}

async function vectors() {
  const { banks } = study.info();
  const units = banks.reduce((sum, bank) => sum + bank.units, 0);
  const time = await seconds(async () => (await openVectors(study)).close());
  report(`vectors of ${units} units, computed or read`, time, 's');
}

async function neighbours() {
  const rows = new Float32Array(WIDTH);
  const codes = new Int8Array(FEATURES * WIDTH);
  const scales = new Float32Array(FEATURES);
  let state = 1;
  for (let row = 0; row < FEATURES; row++) {
    for (let k = 0; k < WIDTH; k++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      rows[k] = state / 2 ** 32 - 0.5;
    }
    const length = Math.hypot(...rows);
    const found = toCodes(
      rows.map((value) => value / length),
      WIDTH,
    );
    codes.set(found.codes, row * WIDTH);
    scales[row] = found.scales[0];
  }
  const row = (i) =>
    Float32Array.from(codes.subarray(i * WIDTH, (i + 1) * WIDTH), (code) => code * scales[i]);
  const table = { count: FEATURES, width: WIDTH, codes: () => ({ codes, scales }), row };
  let search;
  const first = await seconds(async () => {
    search = await NearestDirections.of([table]);
    search.nearest(row(0), 10);
  });
  const times = [];
  for (let i = 1; i <= 30; i++) times.push(await seconds(() => search.nearest(row(i * 97), 10)));
  report(`first search among ${FEATURES} × ${WIDTH}, taking them in included`, first, 's', 2);
  report(`search among ${FEATURES} × ${WIDTH}, median`, 1000 * median(times), 'ms', 60);
}
