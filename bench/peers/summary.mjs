// What contestants answered → rows of the table.
import { median } from '../report.mjs';

/** Median, least and most. */
export function spread(values) {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** The laps of an answer by name; the whole of it where it has none. */
function lapsOf({ laps, wall, cpu }) {
  return laps ?? { '': { wall, cpu } };
}

/**
 * Rows of a contest, one a contestant and lap.
 * @param part `amount` of `unit` a run (or by lap), `clock` that is compared (`cpu` or `wall`), `agree`: contestants' first answers by name → what is said of each
 * @returns {any[]} processor and wall seconds, memory, and the ratio of the clock compared to the contestant that it stands `against`, round by round
 */
export function summarise({ amount, unit, clock = 'cpu', agree }, ran) {
  const said = agree(Object.fromEntries(ran.map(({ name, answers }) => [name, answers[0]])));
  return ran.flatMap(({ name, version, kind, against, answers }) => {
    const other = ran.find((one) => one.name === against);
    return Object.keys(lapsOf(answers[0])).map((lap) => {
      const seconds = (all, clock) => all.map((found) => lapsOf(found)[lap]?.[clock]);
      const cpu = seconds(answers, 'cpu');
      const compared = seconds(answers, clock);
      const others = other && seconds(other.answers, clock);
      return {
        who: version === null ? name : `${name} (${version})`,
        name,
        lap,
        kind,
        amount: typeof amount === 'object' ? amount[lap] : amount,
        unit,
        cpu: spread(cpu),
        wall: spread(seconds(answers, 'wall')),
        peak: Math.max(...answers.map(({ peak }) => peak)),
        against: against ?? null,
        ratio: others ? spread(compared.map((used, round) => used / others[round])) : null,
        agrees: kind === 'peer' ? (said[name] ?? null) : null,
      };
    });
  });
}

/** Median of the ratios, round by round, of the processor seconds (or wall) of two contestants. */
export function ratioOf(ran, name, to, lap = '', clock = 'cpu') {
  const [a, b] = [name, to].map((one) => ran.find((other) => other.name === one));
  if (a === undefined || b === undefined) return null;
  return median(a.answers.map((found, i) => lapsOf(found)[lap][clock] / lapsOf(b.answers[i])[lap][clock]));
}
