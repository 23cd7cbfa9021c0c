// The results as Markdown.
import { readFileSync, writeFileSync } from 'node:fs';
import { verdict } from '../../dist/polysemy/verdict.js';
import { MOST } from './measure.mjs';
import { isOne, isScatter, isSeveral, mean, share, silhouetteOf } from './settle.mjs';

const [START, END] = ['<!-- results -->', '<!-- end of results -->'];
const REPRESENTATIONS = ['raw', 'centred'];
const METHODS = ['average', 'complete', 'single', 'weighted'];

/** What a rule makes of a unit: its ARI and number of features. */
export function outcome(unit, representation, method, rule, bounds) {
  const found = unit[representation].methods[method];
  if (rule !== 'auto') return found[rule];
  const split = found.auto[MOST.indexOf(bounds.most)];
  // A unit of several features that is called one agrees as chance would.
  return split !== null && split.s >= bounds.separation ? split : { ari: 0, clusters: 1 };
}

/** Figures of a rule over units: ARI and merged of those of several features, false splits of those of one. */
export function figures(units, ...rule) {
  const [several, ones] = [units.filter(isSeveral), units.filter(isOne)];
  const of = (unit) => outcome(unit, ...rule);
  const aris = several.map((unit) => of(unit).ari);
  return {
    ari: mean(aris),
    half: aris.length > 1 ? 1.96 * Math.sqrt(variance(aris) / aris.length) : null,
    exact: share(several, (unit) => of(unit).clusters === unit.k),
    merged: share(several, (unit) => of(unit).clusters <= 1),
    split: share(ones, (unit) => of(unit).clusters > 1),
  };
}

function variance(list) {
  const middle = mean(list);
  return list.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (list.length - 1);
}

/** Puts the tables in their place in the page, where there is one; returns them. */
export function writeTables(results, path) {
  const text = tables(results);
  if (path === null) return text;
  const page = readFileSync(path, 'utf8');
  const [before, rest] = page.split(START);
  writeFileSync(path, `${before}${START}\n\n${text}\n\n${END}${rest.split(END)[1]}`);
  return text;
}

function tables({ plan, bounds, report }) {
  const of = (group) => report.filter((unit) => unit.group === group);
  const [real, synthetic, toy] = ['real', 'synthetic', 'toy'].map(of);
  const parts = [
    `Chosen on the first half: separation ${bounds.separation}, scatter ${bounds.scatter}, k up to ${bounds.most}. Everything below is of the second half: ${real.length} real units, ${synthetic.length} synthetic, ${toy.length} of toy data.`,
    '### Real activations: every rule',
    everyRule(real, bounds),
    '### Real activations by layer, average linkage',
    byLayer(plan, real, bounds),
    '### Real activations by number of examples: auto, average linkage, centred',
    byExamples(plan, real, bounds),
    '### Real activations by number of features, 64 examples and more: auto and the cut at 0.5, average linkage, centred',
    byFeatures(real, bounds),
    '### Verdicts, centred',
    verdicts(report, bounds),
    '### Significance of the best split, real units of 64 examples',
    significances(real, bounds),
    '### One token type at any position of its context, 128 examples',
    byPosition(plan, of('early'), bounds),
    '### Synthetic inputs, 64 examples, average linkage',
    byEnergy(plan, synthetic, bounds),
    '### Toy data, average linkage, centred',
    byToy(plan, toy, bounds),
  ];
  return parts.join('\n\n');
}

const ARI = ({ ari, half }) =>
  ari === null ? '–' : `${ari.toFixed(2)}${half === null ? '' : ` ± ${half.toFixed(2)}`}`;
const two = (value) => (value === null || value === undefined ? '–' : value.toFixed(2));

function table(head, rows) {
  return [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

function everyRule(units, bounds) {
  const RULES = [
    ['half', 'cut 0.5'],
    ['null', 'cut 0.6 × nullDistance'],
    ['auto', 'auto'],
  ];
  const rows = REPRESENTATIONS.flatMap((representation) =>
    RULES.flatMap(([rule, name]) =>
      METHODS.map((method) => {
        const found = figures(units, representation, method, rule, bounds);
        return [
          `${representation}, ${name}, ${method}`,
          ARI(found),
          two(found.exact),
          two(found.merged),
          two(found.split),
        ];
      }),
    ),
  );
  return table(
    ['', 'ARI, several', 'exact number, several', 'several merged to one', 'one split (false)'],
    rows,
  );
}

function byLayer({ real: { layers } }, units, bounds) {
  const rows = layers.flatMap((layer) =>
    REPRESENTATIONS.map((representation) => {
      const own = units.filter((unit) => unit.layer === layer);
      const at = (rule) => figures(own, representation, 'average', rule, bounds);
      return [
        `layer ${layer}, ${representation}`,
        two(median(own.map((unit) => unit[representation].nullDistance))),
        ARI(at('half')),
        ARI(at('null')),
        ARI(at('auto')),
        two(at('half').split),
        two(at('auto').split),
      ];
    }),
  );
  return table(
    [
      '',
      'nullDistance',
      'ARI cut 0.5',
      'ARI 0.6 × null',
      'ARI auto',
      'false splits cut',
      'false splits auto',
    ],
    rows,
  );
}

function median(list) {
  return [...list].sort((a, b) => a - b)[list.length >> 1];
}

function byExamples({ real: { examples } }, units, bounds) {
  const rows = examples.flatMap((n) =>
    [1, 10].map((ratio) => {
      // A unit of one feature has no ratio: its row is that of equal shares.
      const own = units.filter(
        (unit) => unit.n === n && (unit.ratio === ratio || (ratio === 1 && isOne(unit))),
      );
      const found = figures(own, 'centred', 'average', 'auto', bounds);
      return [
        `n = ${n}, 1 : ${ratio}`,
        ARI(found),
        two(found.exact),
        two(found.merged),
        two(found.split),
        own.length,
      ];
    }),
  );
  return table(
    ['', 'ARI, several', 'exact number', 'merged to one', 'one split (false)', 'units'],
    rows.filter((row) => row.at(-1) > 0),
  );
}

function byFeatures(units, bounds) {
  // With fewer than 64 examples five features can't be told apart: at most n/4 are tried.
  const enough = units.filter(({ n }) => n >= 64);
  const numbers = [...new Set(units.map(({ k }) => k))].filter((k) => k !== 'scatter').sort((a, b) => a - b);
  const rows = numbers.map((k) => {
    const own = enough.filter((unit) => unit.k === k);
    const exact = (rule) =>
      share(own, (unit) => outcome(unit, 'centred', 'average', rule, bounds).clusters === k);
    const number = (rule) =>
      mean(own.map((unit) => outcome(unit, 'centred', 'average', rule, bounds).clusters));
    return [
      `${k}`,
      two(number('auto')),
      two(exact('auto')),
      two(number('half')),
      two(exact('half')),
      own.length,
    ];
  });
  return table(['features', 'auto: mean', 'exact', 'cut 0.5: mean', 'exact', 'units'], rows);
}

/** Rows are what was planted. */
function verdicts(units, bounds) {
  const KINDS = [
    ['real, several', (u) => u.group === 'real' && isSeveral(u)],
    ['real, one', (u) => u.group === 'real' && isOne(u)],
    ['real, scatter', (u) => u.group === 'real' && isScatter(u)],
    ...[0.6, 0.4, 0.3, 0.2, 0.1].flatMap((p) => [
      [`synthetic, p ${p}, several`, (u) => u.group === 'synthetic' && u.p === p && isSeveral(u)],
      [`synthetic, p ${p}, one`, (u) => u.group === 'synthetic' && u.p === p && isOne(u)],
    ]),
    ['synthetic, scatter', (u) => u.group === 'synthetic' && isScatter(u)],
    ['toy data, several', (u) => u.group === 'toy' && isSeveral(u)],
    ['toy data, one', (u) => u.group === 'toy' && isOne(u)],
    ['toy data, scatter', (u) => u.group === 'toy' && isScatter(u)],
  ];
  const rows = KINDS.map(([name, test]) => {
    const own = units.filter(test);
    const said = own.map((unit) =>
      verdict(
        {
          examples: unit.n,
          separation: silhouetteOf(unit, 'centred', bounds.most),
          relativeDistance: unit.centred.relativeDistance,
        },
        bounds,
      ),
    );
    return [
      name,
      ...['several', 'one', 'scatter'].map((v) => two(share(said, (one) => one === v))),
      own.length,
    ];
  });
  return table(['planted', 'several', 'one', 'scatter', 'units'], rows);
}

function significances(units, bounds) {
  const tested = units.filter((unit) => unit.centred.z !== undefined);
  const rows = REPRESENTATIONS.flatMap((representation) =>
    [
      ['one', isOne],
      ['scatter', isScatter],
      ['several', isSeveral],
    ].map(([name, test]) => {
      const own = tested.filter(test).map((unit) => ({
        ...unit[representation],
        reached: silhouetteOf(unit, representation, bounds.most) >= bounds.separation,
      }));
      return [
        `${representation}, ${name}`,
        two(share(own, ({ reached }) => reached)),
        two(share(own, ({ z }) => z !== null && z >= 3)),
        two(share(own, ({ z, reached }) => reached && z !== null && z >= 3)),
        two(share(own, ({ twoClusterP }) => twoClusterP <= 0.05)),
        own.length,
      ];
    }),
  );
  return table(['', 's reaches the bound', 'z ≥ 3', 'both', 'two-cluster index, p ≤ 0.05', 'units'], rows);
}

function byPosition({ real: { layers } }, units, bounds) {
  const rows = layers.flatMap((layer) =>
    REPRESENTATIONS.map((representation) => {
      const own = units.filter((unit) => unit.layer === layer);
      const split = own.filter(
        (unit) => silhouetteOf(unit, representation, bounds.most) >= bounds.separation,
      );
      return [
        `layer ${layer}, ${representation}`,
        two(share(own, (unit) => split.includes(unit))),
        two(split.length === 0 ? null : median(split.map((unit) => unit[representation].positionTold))),
        own.length,
      ];
    }),
  );
  return table(['', 'called several', 'position tells the two largest apart (median)', 'units'], rows);
}

function byEnergy({ synthetic: { cells } }, units, bounds) {
  const rows = cells.map(({ rho, p }) => {
    const own = units.filter((unit) => unit.rho === rho && unit.p === p);
    const at = (representation, rule) => figures(own, representation, 'average', rule, bounds);
    const free = { ...bounds, separation: -1 };
    return [
      `ρ ${rho}, p ${p}`,
      two(median(own.map((unit) => unit.raw.nullDistance))),
      two(at('raw', 'half').ari),
      two(at('centred', 'half').ari),
      two(figures(own, 'centred', 'average', 'auto', free).ari),
      two(at('centred', 'auto').ari),
      two(at('centred', 'half').split),
      two(at('centred', 'auto').split),
    ];
  });
  return table(
    [
      '',
      'nullDistance raw',
      'ARI cut 0.5 raw',
      'ARI cut 0.5 centred',
      'ARI best split, no bound',
      'ARI auto',
      'false splits cut',
      'false splits auto',
    ],
    rows,
  );
}

function byToy({ toy: { kinds } }, units, bounds) {
  const free = { ...bounds, separation: -1 };
  const rows = Object.keys(kinds).map((kind) => {
    const own = units.filter((unit) => unit.kind === kind);
    const cut = figures(own, 'centred', 'average', 'half', bounds);
    const auto = figures(own, 'centred', 'average', 'auto', bounds);
    return [
      kind,
      ARI(cut),
      ARI(figures(own, 'centred', 'average', 'auto', free)),
      ARI(auto),
      two(auto.merged),
      two(cut.split),
      two(auto.split),
      own.length,
    ];
  });
  return table(
    [
      '',
      'ARI cut 0.5',
      'ARI best split, no bound',
      'ARI auto',
      'auto: merged',
      'false splits cut',
      'false splits auto',
      'units',
    ],
    rows,
  );
}
