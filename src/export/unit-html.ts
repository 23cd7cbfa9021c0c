import { visible } from '../base/visible.ts';
import { leafOrder } from '../cluster/leaf-order.ts';
import { featureTitle, nameScores } from '../features/feature-title.ts';
import type { SplitUnit, UnitExample, UnitFeature } from '../features/split-unit.ts';
import { wordList } from '../features/words.ts';
import { column, LISTED } from '../polysemy/column-lists.ts';
import type { Study } from '../study/study.ts';
import { spelledAt } from '../tokenizer/byte-tokens.ts';
import { type Noted, notedUnits } from './noted.ts';

/** How the page begins. */
export const UNIT_HTML_BEGINS = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>`;

/** Tokens to each side of a peak. */
const AROUND = 20;
/** Colours of the largest features; told apart by colour-blind readers too. The others share the last. */
const COLOURS = ['#0072b2', '#d55e00', '#00906a', '#b1478b', '#9a7400', '#5b46b0', '#2b8fc4', '#7a3b12'];
const REST = '#858b94';

/**
 * One unit as a page of HTML that needs nothing else, for a paper's appendix: what it is of, its metrics with their
 * definitions, the tree, and every feature with its examples. No script; foreign text is inert.
 */
export function unitHtml(study: Study, bank: string, index: number): string {
  const unit = notedUnits(study)(bank, index);
  const { model, data, options, contentHash } = study.info();
  const title = `${bank}/${index}`;
  const { threshold, linkage } = options as { threshold?: number; linkage?: string };
  const facts = {
    model: String(model['source'] ?? 'unknown'),
    text: String(data['source'] ?? 'unknown'),
    examples: String(unit.examples),
    linkage: String(linkage ?? 'unknown'),
    study: contentHash ?? 'unfinished',
  };
  const body = [
    `<h1>${html(title)}</h1>`,
    `<dl class="facts">${Object.entries(facts)
      .map(([name, value]) => `<div><dt>${name}</dt><dd>${html(value)}</dd></div>`)
      .join('')}</dl>`,
    treeFigure(unit, options['features'] === 'auto' ? null : (threshold ?? null)),
    noteHtml(unit),
    ...unit.features.map((feature) => featureSection(feature, unit)),
    metricsTable(unit),
  ];
  return `${UNIT_HTML_BEGINS}${html(title)}</title><style>${STYLE}</style></head>
<body>
${body.join('\n')}
</body></html>
`;
}

/** Foreign text as HTML: what is hidden is seen, what is markup is text. */
export function html(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function colour(feature: number): string {
  return COLOURS[feature] ?? REST;
}

/** The star and the note that a reader put on a unit or feature. */
function noteHtml({ star, note }: Noted): string {
  if (!star && note === '') return '';
  return `<p class="note">${star ? '★ ' : ''}<bdi>${html(note)}</bdi></p>`;
}

function featureSection(feature: UnitFeature & Noted, unit: SplitUnit): string {
  const title = featureTitle(feature) || '(no words)';
  const scores = feature.name === null ? [] : [nameScores(feature.name), `words: ${wordList(feature.words)}`];
  const about = [
    `${feature.size} of ${unit.examples} examples`,
    `mean activation ${number(feature.meanActivation)}`,
    ...scores,
  ];
  const largest = Math.abs(unit.maxActivation ?? 0) || 1;
  return `<section style="--f: ${colour(feature.id)}">
<h2><b>${feature.id}</b> ${html(title)}</h2><p>${html(about.join(' · '))}</p>${noteHtml(feature)}
<table class="passages">${feature.examples.map((example) => passage(example, largest)).join('\n')}</table>
</section>`;
}

/** A row: activation, the text before the peak, the peak with what follows it, the document. */
function passage(example: UnitExample, largest: number): string {
  const { tokens, activation, document } = example;
  const peak = spelledAt(tokens, example.position);
  const span = (from: number, to: number): string =>
    tokens
      .slice(from, to)
      .map((text, i) => tokenHtml(text, from + i === peak, (example.activations[from + i] ?? 0) / largest))
      .join('');
  return (
    `<tr><td class="n">${number(activation)}</td><td class="before"><bdi>${span(Math.max(0, peak - AROUND), peak)}</bdi></td>` +
    `<td class="after"><bdi>${span(peak, peak + AROUND)}</bdi></td><td class="document">${html(document)}</td></tr>`
  );
}

function tokenHtml(text: string, isPeak: boolean, strength: number): string {
  const share = Math.round(100 * Math.min(1, Math.abs(strength)));
  const tint =
    share < 2 ? '' : ` style="background: rgb(${strength < 0 ? '92 176 240' : '255 157 30'} / ${share}%)"`;
  const name = isPeak ? ' class="peak"' : '';
  return tint === '' && name === '' ? html(text) : `<span${name}${tint}>${html(text)}</span>`;
}

const WIDTH = 760;
const HEIGHT = 180;
const BASE = 150;

/** The dendrogram: leaves in their order, merges at their distance; a subtree within one feature has its colour. */
function treeFigure({ features, merges, examples }: SplitUnit, threshold: number | null): string {
  if (examples < 2) return '';
  const top = Math.max(1e-9, ...merges.map(([, , distance]) => distance));
  const y = (distance: number): number => BASE - (130 * distance) / top;
  const places = new Float64Array(2 * examples - 1);
  const tree = { count: examples, merges: Float64Array.from(merges.flat()) };
  leafOrder(tree).forEach((leaf, i) => {
    places[leaf] = 44 + ((i + 0.5) * (WIDTH - 52)) / examples;
  });
  const of = new Int32Array(2 * examples - 1);
  for (const { id, examples: members } of features) for (const example of members) of[example.id] = id;
  const heights = new Float64Array(2 * examples - 1);
  const lines = merges.map(([a, b, distance], row) => {
    const id = examples + row;
    places[id] = (places[a]! + places[b]!) / 2;
    heights[id] = distance;
    of[id] = of[a] === of[b] ? of[a]! : -1;
    const stroke = of[id] < 0 ? '#5a5f68' : colour(of[id]!);
    const [xa, xb] = [places[a]!.toFixed(1), places[b]!.toFixed(1)];
    const path = `M${xa} ${y(heights[a]!).toFixed(1)}V${y(distance).toFixed(1)}H${xb}V${y(heights[b]!).toFixed(1)}`;
    return `<path d="${path}" stroke="${stroke}"/>`;
  });
  const ticks = [0, top / 2, top].map(
    (value) =>
      `<text x="38" y="${(y(value) + 3).toFixed(1)}" text-anchor="end">${value.toFixed(2)}</text><path d="M41 ${y(value).toFixed(1)}h4" stroke="#84898f"/>`,
  );
  const cut =
    threshold === null || threshold > top
      ? ''
      : `<path d="M44 ${y(threshold).toFixed(1)}H${WIDTH}" stroke="#a8321c" stroke-dasharray="4 3"/>`;
  return `<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="The tree of the unit's examples">
<g fill="none">${lines.join('')}${cut}</g><g font-size="10" fill="#5a5f68">${ticks.join('')}<text x="44" y="${HEIGHT - 8}">${examples} examples; height: cosine distance of neuron embeddings${threshold === null ? '' : `; cut at ${threshold}`}</text></g></svg></figure>`;
}

function metricsTable(unit: SplitUnit): string {
  const rows = LISTED.map((name) => {
    const { title, meaning } = column(name);
    const value = unit[name];
    return `<tr><th>${html(title)}</th><td class="n">${typeof value === 'number' ? number(value) : html(String(value ?? '–'))}</td><td>${html(meaning)}</td></tr>`;
  });
  return `<h2>Metrics</h2><table class="metrics">${rows.join('\n')}</table>`;
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

const STYLE = `
body { font: 14px/1.45 system-ui, sans-serif; color: #1c1e22; background: #fff; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.05rem; margin: 1.5rem 0 0; } p { margin: .1rem 0 .4rem; color: #5a5f68; }
h2 b { display: inline-block; min-width: 1.4em; padding: 0 .35em; border-radius: 4px; color: #fff; background: var(--f, #5a5f68); text-align: center; }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; margin: 0; } .facts div { display: flex; gap: .4rem; min-width: 0; }
dt { color: #5a5f68; } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1rem 0; } svg { width: 100%; max-width: ${WIDTH}px; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .1rem .4rem; vertical-align: baseline; text-align: left; font-weight: normal; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.passages { table-layout: fixed; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12px; border-left: 3px solid var(--f); }
.passages td { white-space: pre; overflow: hidden; text-overflow: ellipsis; } .passages .n { width: 4.5rem; }
.before { width: 40%; direction: rtl; text-align: right; } .before bdi, .after bdi { direction: ltr; } .document { width: 9rem; color: #5a5f68; }
.peak { font-weight: bold; text-decoration: underline; } .metrics th { white-space: nowrap; }
@media print { section { break-inside: avoid; } }
`;
