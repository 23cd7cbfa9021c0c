// The results as Markdown.
import { readFileSync, writeFileSync } from 'node:fs';
import { MODEL_COLUMNS, POLYSEMY_COLUMNS, polysemyColumn, TOY_COLUMNS, toyTitle } from './columns.mjs';
import { differs, interval } from './statistics.mjs';

const [START, END] = ['<!-- results -->', '<!-- end of results -->'];

/** Puts the tables in their place in the page; prints them where `path` is null. */
export async function writeTables({ plan, toy, model }, path) {
  const parts = [];
  for (const site of plan.model.sites) {
    const rows = model.filter((row) => row.site === site);
    parts.push(`### ${site}`, table(plan, rows, MODEL_COLUMNS));
    for (const [select, title] of [
      ['random', 'Any examples that activate a latent'],
      ['top', 'The strongest examples of a latent'],
    ]) {
      const columns = POLYSEMY_COLUMNS.map((column) => polysemyColumn(column, select));
      parts.push(`${title}:`, table(plan, rows, columns));
    }
  }
  for (const set of plan.toy.sets.keys()) {
    parts.push(
      `### ${toyTitle(plan, set)}`,
      table(
        plan,
        toy.filter((row) => row.set === set),
        TOY_COLUMNS,
      ),
    );
  }
  putBetween(path, START, END, parts.join('\n\n'));
}

/** Puts text between two marks of a page; prints it where `path` is null. */
export function putBetween(path, start, end, text) {
  if (path === null) {
    console.log(text);
    return;
  }
  const page = readFileSync(path, 'utf8');
  const [before, rest] = page.split(start);
  writeFileSync(path, `${before}${start}\n\n${text}\n\n${end}${rest.split(end)[1]}`);
}

/** Lines of cells as a table. */
export function markdown(lines) {
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** A row a γ; in bold what differs from the first γ. */
function table({ weights }, rows, columns) {
  const figures = (weight) => rows.filter((row) => row.weight === weight).map((row) => row.figures);
  const lines = [
    ['γ', ...columns.map(({ name }) => name)],
    ['---', ...columns.map(() => '---:')],
    ...weights.map((weight) => [
      String(weight),
      ...columns.map(({ value, none, digits }) => {
        const own = figures(weight).map(value);
        const base = figures(weights[0]).map(value);
        const shown = cell(own, digits, weight !== weights[0] && differs(own, base));
        const without = none === undefined ? null : interval(figures(weight).map(none));
        return without === null ? shown : `${shown}<br>_${without.mean.toFixed(digits)}_`;
      }),
    ]),
  ];
  return markdown(lines);
}

export function cell(values, digits, bold) {
  const found = interval(values);
  if (found === null) return '–';
  const mean = found.mean.toFixed(digits);
  const half = found.half === null ? '' : ` ± ${found.half.toFixed(digits)}`;
  return bold ? `**${mean}**${half}` : `${mean}${half}`;
}
