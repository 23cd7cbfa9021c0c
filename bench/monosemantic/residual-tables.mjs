// The results on L_R as Markdown: an arm a row, and for each arm with L_R what a lower k alone gives at its variance explained.
import { MODEL_FIGURES, TOY_FIGURES } from './residual-columns.mjs';
import { differs, interval } from './statistics.mjs';
import { cell, markdown, putBetween } from './tables.mjs';

const [START, END] = ['<!-- residual alignment -->', '<!-- end of residual alignment -->'];

/** Puts the tables in their place in the page; prints them where `path` is null. */
export function writeResidualTables({ plan, toy, model }, path) {
  const parts = [
    ...plan.toy.sets.flatMap(({ name }) => section(name, plan.toy, toy, TOY_FIGURES)),
    ...plan.model.sites.flatMap((site) => section(site, plan.model, model, MODEL_FIGURES)),
  ];
  putBetween(path, START, END, parts.join('\n\n'));
}

/** Title and table of one set; none where no seed is whole. */
function section(title, { arms }, results, columns) {
  const { rows, seeds } = wholeSeeds(results, title, arms);
  if (seeds.length === 0) return [`### ${title}`, 'Not measured.'];
  const of = (arm) => seeds.map((seed) => rows.find((row) => row.arm === arm && row.seed === seed).figures);
  const base = of(arms[0].name);
  const shown = (figures, against) =>
    columns.map(({ value, digits }) => {
      const own = figures.map(value);
      return cell(own, digits, against !== null && differs(own, against.map(value)));
    });
  const lines = [
    ['', ...columns.map(({ name }) => name)],
    ['---', ...columns.map(() => '---:')],
    ...arms.map(({ name }, i) => [name, ...shown(of(name), i === 0 ? null : base)]),
  ];
  for (const { name } of arms.filter(
    ({ residualWeight, withoutDirection }) => residualWeight && !withoutDirection,
  )) {
    const lower = seeds.map((seed, i) => matched(columns, curve(arms, rows, seed), of(name)[i]));
    const gain = columns.map(({ digits }, c) => {
      const own = seeds.map((_, i) => minus(columns[c].value(of(name)[i]), lower[i][c]));
      return cell(own, digits, leavesOutZero(own));
    });
    lines.push([`${name} less k lowered to its variance explained`, ...gain]);
  }
  return [`### ${title} (${seeds.length} seeds)`, markdown(lines)];
}

/** Rows of the seeds that have every arm. */
export function wholeSeeds(results, set, arms) {
  const rows = results.filter((row) => row.set === set);
  const all = [...new Set(rows.map(({ seed }) => seed))];
  return {
    rows,
    seeds: all.filter((seed) => rows.filter((row) => row.seed === seed).length === arms.length),
  };
}

/** Figures of a seed's SAEs that differ in k alone, by ascending variance explained. */
function curve(arms, rows, seed) {
  return arms
    .filter(({ embeddingWeight = 0, residualWeight = 0 }) => embeddingWeight + residualWeight === 0)
    .map(({ name }) => rows.find((row) => row.arm === name && row.seed === seed).figures)
    .sort((a, b) => a.explainedVariance - b.explainedVariance);
}

/** Each figure at another's variance explained, between the two neighbours on the curve; at its ends, the end's. */
function matched(columns, points, { explainedVariance: wanted }) {
  const above = points.findIndex(({ explainedVariance }) => explainedVariance >= wanted);
  const [low, high] =
    above === -1 ? [points.at(-1), points.at(-1)] : [points[Math.max(0, above - 1)], points[above]];
  const range = high.explainedVariance - low.explainedVariance;
  const share = range > 0 ? (wanted - low.explainedVariance) / range : 0;
  return columns.map(({ value }) => {
    const [from, to] = [value(low), value(high)];
    return from === null || to === null ? null : from + share * (to - from);
  });
}

function minus(a, b) {
  return a === null || b === null ? null : a - b;
}

function leavesOutZero(values) {
  const found = interval(values);
  return found !== null && found.half !== null && Math.abs(found.mean) > found.half;
}
