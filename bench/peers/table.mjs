// Results as docs/benchmarks.md.

const HEAD = `# Side by side

\`npm run bench:peers\` gives Polyseme and the packages that researchers would otherwise use the same work: in turn, round by
round, each in a process of its own, on both cores (**b** and **d**: on one). It wrote this page; \`-- --only b,d\` runs
parts, \`-- --quick\` smaller ones. Peers run in a virtual environment with the versions of
\`bench/peers/requirements.txt\`. Times are processor seconds of all threads, the median of the rounds and
in brackets the least and the most: other work on the machine disturbs them less than the clock. "÷" is a row's processor
seconds (on a GPU, **g** and **h**: seconds) over those of the row that it names, round by round: above 1 that one is the cheaper.
`;

/** The page of the results by part: what \`bench/peers/results.json\` holds. */
export function page(results) {
  const parts = Object.keys(results).sort();
  return [
    HEAD,
    table(parts.map((id) => [id, results[id]])),
    ...parts.map((id) => notes(id, results[id])),
  ].join('\n');
}

const COLUMNS = ['', 'who', 'rate', 'processor s', 'wall s', 'memory', '÷', 'results'];

function table(parts) {
  const rows = parts.flatMap(([id, { rows, missing }]) => [
    ...rows.map((row) => [
      `**${id}**`,
      row.kind === 'ours' ? `**${label(row)}**` : label(row),
      row.rate ?? `${figure(row.amount / row.wall.median)} ${row.unit}/s`,
      row.cpu === null ? '' : between(row.cpu),
      row.wall === null ? '' : figure(row.wall.median),
      row.peak === null ? '' : `${figure(row.peak / 1e9)} GB`,
      row.ratio === null ? '' : `${between(row.ratio)} × ${row.against}`,
      row.agrees ?? '',
    ]),
    ...missing.map(({ name, why }) => [`**${id}**`, name, `not run: ${why}`, '', '', '', '', '']),
  ]);
  return [COLUMNS, ['---', '---', '--:', '--:', '--:', '--:', '--:', '---'], ...rows]
    .map((row) => `| ${row.map(cell).join(' | ')} |`)
    .join('\n');
}

function label({ who, lap }) {
  return lap === '' ? who : `${who}, ${lap}`;
}

function notes(id, { title, work, machine, date, rounds, quick, load, rows, aims }) {
  const wins = rows
    .filter(({ kind, ratio }) => kind === 'peer' && ratio !== null && ratio.median < 1)
    .map((row) => `${label(row)} (${figure(row.ratio.median)} × ${row.against})`);
  return [
    `\n## ${id}. ${title}\n`,
    `${work} ${rounds} rounds${quick ? ' of the quick size' : ''}, ${machine}, ${date}, load average before it ${load}.\n`,
    ...(wins.length > 0 ? [`Cheaper than Polyseme: ${wins.join('; ')}.\n`] : []),
    ...aims.map((aim) => `- ${verdict(aim)}`),
  ].join('\n');
}

/**
 * An aim with what was found.
 * @param {{ text: string, value: number | null, most?: number, least?: number }} aim
 */
export function verdict({ text, value, most, least }) {
  if (value === null) return `${text}: not measured`;
  const [bound, holds] = most === undefined ? [`≥ ${least}`, value >= least] : [`≤ ${most}`, value <= most];
  return `${text}: ${figure(value)} (aim ${bound}: ${holds ? 'holds' : '**missed**'})`;
}

function between({ median, least, most }) {
  return `${figure(median)} (${figure(least)}–${figure(most)})`;
}

/** Three digits. */
export function figure(value) {
  if (value === 0) return '0';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(Math.abs(value) < 1 ? 2 : 3)));
}

/** Text of a cell: what came from a process is one line without bars. */
function cell(text) {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
}
