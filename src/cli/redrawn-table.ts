import { visible } from '../base/visible.ts';
import type { Redrawn, RedrawnDifference } from '../compare/redraw.ts';
import { cell, colors, number, print, table } from './terminal.ts';

/** Banks on examples drawn anew, as a table: each number with its noise, and no ranking inside the noise. */
export function printRedrawn({
  seeds,
  examples,
  tokens,
  linkage,
  threshold,
  banks,
  differences,
}: Redrawn): void {
  print(
    `${number(seeds)} draws of ${number(examples)} examples of each unit, at random among all tokens that activate it, each draw from a part of its own of ${number(tokens)} tokens; ${linkage} linkage cut at ${threshold}`,
  );
  for (const { name, units, compared, leftOut } of banks) {
    print(`  ${colors.bold(visible(name))}: ${number(compared)} of ${number(units)} units`);
    for (const { reason, units: out } of leftOut)
      print(colors.dim(`    left out: ${number(out)}, ${reason}`));
  }
  const rows = [['metric', 'bank', 'units', 'mean', 'noise', 'reliable', 'null', '']];
  for (const metric of Object.keys(banks[0]!.metrics) as (keyof (typeof banks)[number]['metrics'])[]) {
    banks.forEach(({ name, metrics: { [metric]: of } }, i) => {
      const found = differences.find(
        (d) => d.metric === metric && d.banks[0] === banks[0]!.name && d.banks[1] === name,
      );
      rows.push([
        i === 0 ? metric : '',
        visible(name),
        number(of.units),
        cell(of.mean),
        cell(of.noise, 4),
        cell(of.reliable, 4),
        cell(of.null),
        found === undefined ? '' : describe(found),
      ]);
    });
  }
  print();
  for (const line of table(rows, [false, false, true, true, true, true, true, false])) print(line);
  print(
    '\nmean: over units; noise: its standard deviation over the draws; reliable: the smallest difference of two such means that the noise allows to be read (t₀.₉₇₅ · √2 · noise).',
  );
}

function describe({ banks, difference, reliable, verdict }: RedrawnDifference): string {
  const by = `${cell(Math.abs(difference), 4)} (reliable from ${cell(reliable, 4)})`;
  return verdict === null
    ? colors.dim(`no ranking: they differ by ${by}`)
    : colors.yellow(`${visible(banks[0])} ${verdict} by ${by}`);
}
