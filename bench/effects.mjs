// Do the features of a unit differ in what they do to the output? Measures random units with several features, and writes
// the table in docs/explain.md; `npm run format` then lays it out. What is measured is kept beside the study, so that a
// second run goes on where the first one was stopped.
//
//   node bench/effects.mjs [--study study.db] [--units 40] [--contexts 16] [--threads 1]
//
// Without a study it runs that of `npm start` first: builtin:folio-5m on 2,000 contexts of builtin:sotu.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../dist/base/random.js';

import { ablate } from '../dist/explain/ablate.js';
import { wilsonInterval } from '../dist/explain/intruders.js';
import { runStudy } from '../dist/run/run-study.js';
import { openExplained } from '../dist/server/explain/open-explained.js';
import { openStudy } from '../dist/study/open-study.js';

const OWN = join(import.meta.dirname, '.cache', 'names', 'study.db');
const { values } = parseArgs({
  options: {
    study: { type: 'string', default: OWN },
    units: { type: 'string', default: '40' },
    contexts: { type: 'string', default: '16' },
    threads: { type: 'string' },
  },
});
if (!existsSync(values.study)) {
  mkdirSync(dirname(values.study), { recursive: true });
  await runStudy({ contexts: 2000, out: values.study });
}
const study = openStudy(values.study);
const explained = openExplained(study, values.threads && { threads: Number(values.threads) });
const several = study.units().filter(({ bank, index }) => study.words(bank, index).length >= 2);
const chosen = createRandom(1).shuffle(several);
const found = [];
for (const { bank, index } of chosen) {
  if (found.length === Number(values.units)) break;
  const effects = await ablate(explained, { bank, index, contexts: Number(values.contexts) });
  const { featureShare, features, controls, differs } = effects;
  // Too few firings of any two of its features, or too few other units.
  if (differs === null) continue;
  const shares = controls.units.map((unit) => unit.featureShare).sort((a, b) => a - b);
  found.push({
    bank,
    featureShare,
    standIn: shares[Math.floor(shares.length / 2)],
    isTold: features.some(({ adjusted }) => adjusted !== null && adjusted <= 0.05),
    differs,
    p: controls.p,
  });
  console.error(
    `${found.length}  ${bank}/${index}  ${featureShare.toFixed(3)}, stand-ins ${found.at(-1).standIn.toFixed(3)}, p ${controls.p.toFixed(2)}`,
  );
}
await explained.close();
study.close();

const percent = (x) => `${Math.round(100 * x)} %`;
const row = (title, units) => {
  const sorted = (value) => units.map(value).sort((a, b) => a - b)[Math.floor(units.length / 2)];
  const differ = units.filter(({ differs }) => differs).length;
  const [low, high] = wilsonInterval(differ, units.length);
  return [
    title,
    units.length,
    percent(units.filter(({ isTold }) => isTold).length / units.length),
    sorted(({ featureShare }) => featureShare).toFixed(3),
    sorted(({ standIn }) => standIn).toFixed(3),
    percent(differ / units.length),
    `${percent(low)} to ${percent(high)}`,
  ];
};
const banks = [...new Set(found.map(({ bank }) => bank))].sort();
const rows = [
  ['units', 'number', 'labels tell', 'their share', 'of stand-ins', 'features differ', '95 %'],
  ...banks.map((name) =>
    row(
      name,
      found.filter(({ bank }) => bank === name),
    ),
  ),
  row('all', found),
];
const line = (cells) => `| ${cells.join(' | ')} |`;
const table = [
  line(rows[0]),
  line(rows[0].map((_, i) => (i === 0 ? '---' : '---:'))),
  ...rows.slice(1).map(line),
].join('\n');
console.log(table);
const p = found.map((one) => one.p).sort((a, b) => a - b);
console.log(
  `p against stand-ins, by tenths: ${p
    .filter((_, i) => i % Math.ceil(p.length / 10) === 0)
    .map((x) => x.toFixed(2))
    .join(' ')}`,
);

const [START, END] = ['<!-- effects -->', '<!-- end of effects -->'];
const page = join(import.meta.dirname, '..', 'docs', 'explain.md');
const text = existsSync(page) ? readFileSync(page, 'utf8') : '';
if (text.includes(START)) {
  const [before, rest] = text.split(START);
  writeFileSync(page, `${before}${START}\n\n${table}\n\n${END}${rest.split(END)[1]}`);
}
