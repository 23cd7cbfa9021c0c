// The results on L_R as a picture: variance explained across, a figure up; the line is k alone, dots are the arms' means.
import { drawPage } from './plot.mjs';
import { MODEL_FIGURES, TOY_FIGURES } from './residual-columns.mjs';
import { wholeSeeds } from './residual-tables.mjs';

export async function drawResidualPlot({ plan, toy, model }, path) {
  const rows = [
    ...plan.toy.sets.map(({ name }) => row(name, plan.toy, toy, TOY_FIGURES)),
    ...plan.model.sites.map((site) => row(site, plan.model, model, MODEL_FIGURES)),
  ].filter(({ seeds }) => seeds > 0);
  if (rows.length > 0) await drawPage(draw, rows, path);
}

/** A panel a figure: a dot an arm { arm, kind, x, y }, and the seeds' own. */
function row(set, { arms }, results, columns) {
  const { rows, seeds } = wholeSeeds(results, set, arms);
  const panels = columns
    .filter(({ plotted }) => plotted)
    .flatMap(({ name, value }) => {
      const dots = arms.flatMap((arm) => {
        const own = rows
          .filter((one) => one.arm === arm.name && seeds.includes(one.seed))
          .map(({ figures }) => figures);
        const kind = arm.residualWeight
          ? arm.withoutDirection
            ? 'control'
            : 'L_R'
          : arm.embeddingWeight
            ? 'L_N'
            : 'k alone';
        const mean = (of) => own.reduce((sum, figures) => sum + of(figures), 0) / own.length;
        if (own.some((figures) => value(figures) === null)) return [];
        return [
          { arm: arm.name, kind, x: mean((f) => f.explainedVariance), y: mean(value), mean: true },
          ...own.map((f) => ({ arm: arm.name, kind, x: f.explainedVariance, y: value(f), mean: false })),
        ];
      });
      return dots.length === 0 ? [] : [{ name, dots }];
    });
  return { title: `${set} (${seeds.length} seeds)`, seeds: seeds.length, panels };
}

/** Runs in the page. */
function draw(rows) {
  const { Plot } = globalThis;
  const main = document.querySelector('main');
  const add = (parent, name, text) => {
    const made = parent.appendChild(document.createElement(name));
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const color = {
    domain: ['k alone', 'L_N', 'control', 'L_R'],
    range: ['#8a94a6', '#b7791f', '#805ad5', '#2f5fd0'],
  };
  main.append(Plot.legend({ color }));
  for (const { title, panels } of rows) {
    add(main, 'h2', title);
    const row = add(main, 'div');
    row.className = 'row wide';
    for (const { name, dots } of panels) {
      const figure = add(row, 'figure');
      add(figure, 'figcaption', name);
      const means = dots.filter(({ mean }) => mean);
      const alone = means.filter(({ kind }) => kind === 'k alone').sort((a, b) => a.x - b.x);
      const labelled = means.filter(({ kind }) => kind === 'k alone' || kind === 'L_R');
      const at = { x: 'x', y: 'y', stroke: 'kind' };
      figure.append(
        Plot.plot({
          width: 230,
          height: 190,
          marginLeft: 42,
          marginBottom: 32,
          color,
          x: { label: 'variance explained', ticks: 3, labelArrow: 'none', inset: 14 },
          y: { label: null, ticks: 4, grid: true, inset: 12 },
          marks: [
            Plot.line(alone, { x: 'x', y: 'y', stroke: '#8a94a6', strokeDasharray: '4 3' }),
            Plot.dot(
              dots.filter(({ mean }) => !mean),
              { ...at, r: 1.6, strokeOpacity: 0.5 },
            ),
            Plot.dot(means, { x: 'x', y: 'y', fill: 'kind', r: 3.6 }),
            // The others lie close together, and are known by their colours.
            Plot.text(labelled, {
              x: 'x',
              y: 'y',
              text: (dot) => dot.arm.replace('L_R ', ''),
              dy: -9,
              fontSize: 9,
              fill: '#4a5568',
            }),
          ],
        }),
      );
    }
  }
}
