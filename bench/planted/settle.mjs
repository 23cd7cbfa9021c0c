// The numbers that are chosen on one half of the planted units.
import { MOST } from './measure.mjs';

/** What the product had before; kept where nothing is better by more than these margins. */
const PRIOR = { separation: 0.45, most: 12 };
const MARGIN = { accuracy: 0.01, ari: 0.005 };
/** Share of an input's energy of synthetic features that are to be told apart. */
const STRONG = 0.6;
/** Bounds whose accuracy is this near to the best are one plateau, whose middle is taken. */
const PLATEAU = 0.005;

export const mean = (list) => (list.length === 0 ? null : list.reduce((sum, v) => sum + v, 0) / list.length);
export const share = (list, test) => mean(list.map((one) => (test(one) ? 1 : 0)));

export const isSeveral = ({ k }) => typeof k === 'number' && k > 1;
export const isOne = ({ k }) => k === 1;
export const isScatter = ({ k }) => k === 'scatter';

/** s of the best split, or −1 where there is none. */
export const silhouetteOf = (unit, representation, most, method = 'average') =>
  unit[representation].methods[method].auto[MOST.indexOf(most)]?.s ?? -1;

/**
 * - most: the range of k: that with the largest ARI of units of several features, bound or not
 * - separation: the bound on s with the largest balanced accuracy of "several" against "one", a mean over two groups of
 *   units, so that neither kind of feature decides alone: real ones, and synthetic ones whose features hold 0.6 of the
 *   energy. Features that hold less can't be told from one at any bound that keeps real ones whole.
 * - scatter: of units below it, the bound on relativeDistance with the largest balanced accuracy of scatter against units
 *   with features of whatever number: those of few but weak features are not to be called scatter
 * @param units of the first half: real ones choose the first, these and synthetic ones the others
 */
export function settle(units, representation) {
  const real = units.filter(({ group }) => group === 'real');
  const several = real.filter(isSeveral);
  const ari = MOST.map((_, m) =>
    mean(several.map((unit) => unit[representation].methods.average.auto[m]?.ari ?? 0)),
  );
  const best = Math.max(...ari);
  const most = ari[MOST.indexOf(PRIOR.most)] >= best - MARGIN.ari ? PRIOR.most : MOST[ari.indexOf(best)];

  const s = (unit) => silhouetteOf(unit, representation, most);
  const groups = [real, units.filter(({ group, p }) => group === 'synthetic' && p === STRONG)];
  const over = (test, holds) => mean(groups.map((own) => share(own.filter(test), holds)));
  const separations = grid(0.25, 0.7).map((bound) => ({
    bound,
    kept: over(isOne, (unit) => s(unit) < bound),
    found: over(isSeveral, (unit) => s(unit) >= bound),
  }));
  const separation = choose(separations, PRIOR.separation);

  const below = (unit) => s(unit) < separation;
  const left = units.filter(({ group }) => group === 'real' || group === 'synthetic').filter(below);
  const relative = (unit) => unit[representation].relativeDistance;
  const scatters = grid(0.5, 1.1).map((bound) => ({
    bound,
    kept: share(
      left.filter((unit) => !isScatter(unit)),
      (unit) => relative(unit) < bound,
    ),
    found: share(left.filter(isScatter), (unit) => relative(unit) >= bound),
  }));
  return { most, ari, separation, separations, scatter: choose(scatters, null), scatters };
}

function choose(rows, prior) {
  const accuracy = ({ kept, found }) => (kept + found) / 2;
  const best = Math.max(...rows.map(accuracy));
  const before = rows.find(({ bound }) => bound === prior);
  if (before !== undefined && accuracy(before) >= best - MARGIN.accuracy) return prior;
  const plateau = rows.filter((row) => accuracy(row) >= best - PLATEAU).map(({ bound }) => bound);
  return plateau[Math.floor(plateau.length / 2)];
}

function grid(from, to) {
  return Array.from(
    { length: Math.round((to - from) * 100) + 1 },
    (_, i) => Math.round(from * 100 + i) / 100,
  );
}
