/** What changes from one number of tokens to the next, of comparisons of the same two banks (`Redrawn`). */
export function moves(found) {
  return found.slice(1).flatMap((more, i) =>
    more.differences.flatMap(({ metric, difference, verdict }) => {
      const before = found[i].differences.find((other) => other.metric === metric);
      if (before === undefined) return [];
      return [
        {
          metric,
          tokens: [found[i].tokens, more.tokens],
          moved: difference - before.difference,
          // The interval of the difference at fewer tokens.
          inside: Math.abs(difference - before.difference) <= before.reliable,
          reversed: verdict !== null && before.verdict !== null && verdict !== before.verdict,
        },
      ];
    }),
  );
}

/** A line a metric: the difference and the smallest reliable one at each number of tokens. */
export function doublingTable(found) {
  const whole = (n) => n.toLocaleString('en-US');
  const head = ['metric', ...found.map(({ tokens }) => `${whole(tokens)} tokens`)];
  const rows = found[0].differences.map(({ metric }) => [
    metric,
    ...found.map(({ differences }) => {
      const { difference, reliable, verdict } = differences.find((d) => d.metric === metric);
      const text = `${difference.toFixed(3)} ± ${reliable.toFixed(3)}`;
      return `${text.replaceAll('-', '−')} ${verdict ?? 'no ranking'}`;
    }),
  ]);
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
