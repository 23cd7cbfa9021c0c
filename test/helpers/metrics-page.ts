import type { Column } from '../../src/polysemy/columns.ts';

const GROUPS = {
  features: 'Of the features, and what the unit is',
  paper: 'Of the paper',
  beside: 'Beside the paper’s',
  statistics: 'Statistics of the activations',
  place: 'Where the unit is',
} as const;

/** docs/metrics.md: every column of a unit, by group. */
export function metricsPage(columns: Readonly<Record<string, Column>>): string {
  const entries = Object.entries(columns);
  const sections = Object.entries(GROUPS).map(([group, title]) => {
    const rows = entries
      .filter(([, column]) => column.group === group)
      .map(([name, { title, type, words, nullable, more, from, source, meaning }]) => [
        `\`${name}\``,
        title,
        `${words?.join(', ') ?? type}${nullable ? ' or null' : ''}`,
        meaning,
        from,
        source,
        more,
      ]);
    return `## ${title}\n\n${table([['column', 'name', 'type', 'what it says', 'how it is computed', 'follows', 'a larger value'], ...rows])}`;
  });
  return `# Metrics

What a study holds per unit, the API gives, \`polyseme units --sort\` takes and the explorer shows. All are over the n
examples of a unit, but for the statistics, which are over all text tokens (of an expert’s unit: over those that the router
gave to the expert). The formulas are in [the method](method.md).
Papers are listed [at the end of the method](method.md#references). This page is written by \`npx vitest run test/polysemy/columns.test.ts -u\` from \`src/polysemy/columns.ts\`.

${sections.join('\n')}`;
}

/** Rows as a table of Markdown, its columns aligned. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |\n`;
  const [head, ...body] = rows;
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('');
}
