// The results as a picture: a panel a figure, γ across, seeds as dots, their mean as a line; the null dashed.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { MODEL_COLUMNS, POLYSEMY_COLUMNS, polysemyColumn, TOY_COLUMNS, toyTitle } from './columns.mjs';

const USUAL = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function drawPlots(results, path) {
  await drawPage(draw, rowsOf(results), path);
}

/** Runs `draw` on `rows` in a page with Observable Plot, and takes a picture; says so where there is no Chromium. */
export async function drawPage(draw, rows, path) {
  const executablePath = process.env.CHROMIUM_PATH ?? USUAL.find((place) => existsSync(place));
  if (executablePath === undefined) {
    console.log('no plot: no Chromium was found; set CHROMIUM_PATH to one and run again');
    return;
  }
  const require = createRequire(import.meta.url);
  const script = (name, file) =>
    readFileSync(require.resolve(name).replace(/\/(src|dist)\/.*$/, `/dist/${file}`), 'utf8');
  const browser = await chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1240, height: 800 }, deviceScaleFactor: 1 });
    await page.setContent(`<style>${STYLE}</style><main></main>`);
    await page.addScriptTag({ content: script('d3', 'd3.min.js') });
    await page.addScriptTag({ content: script('@observablehq/plot', 'plot.umd.min.js') });
    await page.evaluate(draw, rows);
    await page.locator('main').screenshot({ path });
  } finally {
    await browser.close();
  }
}

/** Rows of panels: a title, and panels of dots { weight, value, kind }. */
function rowsOf({ plan, toy, model }) {
  const [fve, ce, , , dimensions] = MODEL_COLUMNS;
  const shown = ['meanDistance', 'effectiveClusters', 'inputDistance'].map((metric) =>
    polysemyColumn(
      POLYSEMY_COLUMNS.find((column) => column.metric === metric),
      'random',
    ),
  );
  const panel = (runs, { name, value, none }) => ({
    name,
    dots: runs.flatMap(({ weight, figures }) => [
      { weight: String(weight), value: value(figures), kind: 'own' },
      ...(none === undefined ? [] : [{ weight: String(weight), value: none(figures), kind: 'null' }]),
    ]),
  });
  return [
    ...plan.model.sites.map((site) => ({
      title: `${site}, ${plan.model.latents} latents, k ${plan.model.k}`,
      weights: plan.weights.map(String),
      panels: [fve, ce, ...shown, dimensions].map((column) =>
        panel(
          model.filter((row) => row.site === site),
          column,
        ),
      ),
    })),
    ...plan.toy.sets.map((_, set) => ({
      title: toyTitle(plan, set),
      weights: plan.weights.map(String),
      panels: TOY_COLUMNS.filter(({ plotted = true }) => plotted).map((column) =>
        panel(
          toy.filter((row) => row.set === set),
          column,
        ),
      ),
    })),
  ];
}

const STYLE = `
  body { margin: 0; background: white; color: #1d2430; font: 13px system-ui, sans-serif; }
  main { width: 1200px; padding: 12px 20px; }
  h2 { font-size: 14px; margin: 14px 0 4px; }
  .row { display: grid; grid-template-columns: repeat(6, 1fr); gap: 8px; }
  .row.wide { grid-template-columns: repeat(5, 1fr); }
  figure { margin: 0; } figcaption { font-size: 11.5px; color: #4a5568; }
`;

/** Runs in the page. */
function draw(rows) {
  const { Plot } = globalThis;
  const main = document.querySelector('main');
  const add = (parent, name, text) => {
    const made = parent.appendChild(document.createElement(name));
    if (text !== undefined) made.textContent = text;
    return made;
  };
  for (const { title, weights, panels } of rows) {
    add(main, 'h2', title);
    const row = add(main, 'div');
    row.className = 'row';
    for (const { name, dots } of panels) {
      const figure = add(row, 'figure');
      add(figure, 'figcaption', name);
      const values = dots.map(({ value }) => value);
      // Differences of less than a twentieth are not made to look large.
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const room = Math.max(0.08 * (high - low), (0.05 * Math.abs(high) - (high - low)) / 2);
      const own = dots.filter(({ kind }) => kind === 'own');
      const none = dots.filter(({ kind }) => kind === 'null');
      const mean = (data, options) =>
        Plot.line(data, Plot.groupX({ y: 'mean' }, { x: 'weight', y: 'value', ...options }));
      figure.append(
        Plot.plot({
          width: 190,
          height: 150,
          marginLeft: 38,
          marginTop: 8,
          marginBottom: 30,
          x: { type: 'point', domain: weights, label: 'γ', labelArrow: 'none' },
          y: {
            domain: [low - room, high + room],
            label: null,
            ticks: 4,
            grid: true,
          },
          marks: [
            mean(none, { stroke: '#8a94a6', strokeDasharray: '4 3' }),
            mean(own, { stroke: '#2f5fd0', strokeWidth: 1.8 }),
            Plot.dot(none, { x: 'weight', y: 'value', r: 2.2, stroke: '#8a94a6' }),
            Plot.dot(own, { x: 'weight', y: 'value', r: 2.6, fill: '#2f5fd0' }),
          ],
        }),
      );
    }
  }
}
