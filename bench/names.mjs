// How good are the names of features, and what do they cost? Names every unit of a study again, from what the study holds,
// and writes the table in docs/explain.md; `npm run format` then lays it out.
//
//   node bench/names.mjs [--study study.db]
//
// Without a study it runs that of `npm start` first: builtin:folio-5m on 2,000 contexts of builtin:sotu.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { nameF1, nameFeatures, SCORED } from '../dist/features/names.js';
import { openStudy, runStudy } from '../dist/index.js';
import { namedExamples, studyNaming } from '../dist/study/study-naming.js';

const OWN = join(import.meta.dirname, '.cache', 'names', 'study.db');
const { values } = parseArgs({ options: { study: { type: 'string', default: OWN } } });
if (!existsSync(values.study)) {
  mkdirSync(dirname(values.study), { recursive: true });
  await runStudy({ contexts: 2000, out: values.study });
}
const study = openStudy(values.study);
/** Processor seconds: other programs that run do not count. */
const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
let begun = seconds();
const naming = studyNaming(study);
let spent = seconds() - begun;
const texts = new Map();
const features = [];
let units = 0;
for (const { bank, index } of study.units()) {
  const detail = study.detail(bank, index);
  const missing = [...new Set(detail.context)].filter((id) => !texts.has(id));
  for (const [id, { tokens }] of study.contexts(missing)) texts.set(id, study.texts(tokens));
  const { features: split } = study.unit(bank, index);
  const members = split.map(({ examples }) => examples.map(({ id }) => id));
  begun = seconds();
  const examples = namedExamples(naming, detail, texts);
  const names = nameFeatures({ features: members, examples, corpus: naming, stray: detail.stray ?? null });
  spent += seconds() - begun;
  units++;
  names.forEach((name, id) => {
    features.push({
      name,
      alone: names.length === 1,
      size: members[id].filter((i) => !detail.stray?.[i]).length,
      isStored: JSON.stringify(name) === JSON.stringify(split[id].name),
    });
  });
}
study.close();

const share = (list, test) =>
  list.length === 0 ? '–' : `${((100 * list.filter(test).length) / list.length).toFixed(1)} %`;
const mean = (list, value) =>
  list.length === 0 ? '–' : (list.reduce((sum, one) => sum + value(one.name), 0) / list.length).toFixed(2);
const isScored = ({ name }) => name !== null && name.recall !== null;
const row = (title, group) => {
  const scored = group.filter(isScored);
  const paired = scored.filter(({ name }) => name.precision !== null);
  const above = (bound) =>
    scored.length === 0 ? '–' : share(group, (one) => isScored(one) && nameF1(one.name) >= bound);
  return [
    title,
    group.length,
    share(group, ({ name }) => name !== null),
    mean(paired, ({ precision }) => precision),
    mean(scored, ({ recall }) => recall),
    mean(scored, ({ falseAlarms }) => 100 * falseAlarms),
    above(0.8),
    above(0.5),
  ];
};
const large = features.filter(({ size }) => size >= SCORED);
const few = features.filter(({ size }) => size < SCORED);
const rows = [
  ['features', 'number', 'named', 'precision', 'recall', 'false alarms, %', 'F1 ≥ 0.8', 'F1 ≥ 0.5'],
  row(
    `of ${SCORED} examples and more, one of several in a unit`,
    large.filter(({ alone }) => !alone),
  ),
  row(
    `of ${SCORED} examples and more, the unit’s only one`,
    large.filter(({ alone }) => alone),
  ),
  row('of fewer (not scored)', few),
];
const line = (cells) => `| ${cells.join(' | ')} |`;
const table = [
  line(rows[0]),
  line(rows[0].map((_, i) => (i === 0 ? '---' : '---:'))),
  ...rows.slice(1).map(line),
].join('\n');
console.log(table);
console.log(
  `${units} units, ${spent.toFixed(2)} processor seconds, ${((1000 * spent) / units).toFixed(2)} ms a unit`,
);
const others = features.filter(({ isStored }) => !isStored).length;
if (others > 0) console.log(`${others} names are not those that the study holds`);

const [START, END] = ['<!-- names -->', '<!-- end of names -->'];
const page = join(import.meta.dirname, '..', 'docs', 'explain.md');
if (existsSync(page)) {
  const text = readFileSync(page, 'utf8');
  if (text.includes(START)) {
    const [before, rest] = text.split(START);
    writeFileSync(page, `${before}${START}\n\n${table}\n\n${END}${rest.split(END)[1]}`);
  }
}
