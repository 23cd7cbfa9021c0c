import { linkageMethods } from '../../../src/cluster/linkage-methods.ts';
import { SORTS } from '../../../src/polysemy/order.ts';
import { type Verdict, verdicts } from '../../../src/polysemy/verdict.ts';
import { LONGEST_QUERY } from '../../../src/search/query.ts';
import type { LinkageMethod, Metric } from '../source/answers.ts';
import { isMetric, type ListSort } from './metric-info.ts';

// What is on screen lies in the URL. Each page has one reader below: from the raw query to what the page knows, with
// what is unknown, malformed or default left out, so that a link stays short and always opens.

export type RangeKey = `${'min' | 'max'}.${Metric}`;
export type Ranges = Partial<Record<RangeKey, number>>;
export type Order = 'asc' | 'desc';

export interface TableSearch extends Ranges {
  bank?: string;
  sort?: Metric;
  order?: Order;
  q?: string;
}

/** A search: what for, and which of what is found. */
export interface FindSearch {
  q?: string;
  /** Words that contain those of the query match too. */
  parts?: 'true';
  bank?: string;
  'min.separation'?: number;
  /** From 1; default 1. */
  page?: number;
}

export interface StudySearch extends Omit<TableSearch, 'sort'> {
  /** Default: verdict. */
  sort?: ListSort;
  /** Metrics in the table, with commas between; default: `FIRST_COLUMNS`. */
  columns?: string;
  /** Only units with this one. */
  verdict?: Verdict;
  /** Metric of the distributions. */
  shape?: Metric;
  /** Axes of the scatter. */
  x?: Metric;
  y?: Metric;
}

export const VIEWS = ['map', 'matrix', 'activations', 'metrics', 'certainty'] as const;
export type View = (typeof VIEWS)[number];
export const LAYOUTS = ['pca', 'umap'] as const;
export type Layout = (typeof LAYOUTS)[number];
/** What colours the tokens of a unit's passages. */
export const TOKEN_COLOURS = ['activation', 'importance'] as const;
export type TokenColour = (typeof TOKEN_COLOURS)[number];
export interface UnitSearch {
  linkage?: LinkageMethod;
  threshold?: number;
  /** The best split, in a study whose features are a cut. */
  features?: 'auto';
  view?: View;
  layout?: Layout;
  colour?: TokenColour;
  /** Features side by side, with commas between. */
  beside?: string;
  /** Label of the feature looked at. */
  feature?: number;
  /** An example of the feature looked at, as CONTEXT,POSITION of its peak: how links know features that a cut may renumber. */
  at?: string;
  /** Single and stray examples unfolded. */
  alone?: 'shown';
  /** Id of the example looked at. */
  example?: number;
  /** The whole document around that example; default: its context. */
  around?: 'document';
  /** Line breaks of that example as marks only. */
  breaks?: 'off';
}

export interface CompareSearch {
  /** Names, with commas between. */
  banks?: string;
  metric?: Metric;
}

export interface ClassifySearch {
  /** Context of the image; default: the first of those that are shown. */
  context?: number;
  /** Only images that show this. */
  label?: string;
  bank?: string;
  /** Place of the class whose logit is looked at; default: the predicted one. */
  class?: number;
  /** Percent of the largest share from which units are listed. */
  above?: number;
}

export interface ProbeSearch {
  text?: string;
  bank?: string;
}

/** Figures of trainings that stand against each other. */
export const STANDINGS = [
  'explainedVariance',
  'meanEmbeddingDistance',
  'meanResidualDistance',
  'l0',
  'deadShare',
] as const;
export type Standing = (typeof STANDINGS)[number];

export interface TrainingsSearch {
  /** Names of the trainings that are drawn, with commas between; see `splitNames`. Default: all, or the latest. */
  runs?: string;
  /** What curves run over; default steps. */
  over?: 'tokens';
  scale?: 'log';
  /** Weight of the past in smoothed curves, 0 to 0.99. */
  smooth?: number;
  /** Axes of the scatter. */
  x?: Standing;
  y?: Standing;
}

type Raw = Record<string, unknown>;

/** Characters of a probed text that a URL keeps. */
const LONGEST_TEXT = 4000;

export function studySearch(raw: Raw): StudySearch {
  return clean({
    ...tableSearch(raw),
    sort: oneOf(['unit', ...SORTS], raw.sort),
    columns: text(raw.columns),
    verdict: oneOf(verdicts, raw.verdict),
    shape: metric(raw.shape),
    x: metric(raw.x),
    y: metric(raw.y),
  });
}

export function findSearch(raw: Raw): FindSearch {
  const page = whole(raw.page);
  return clean({
    q: text(raw.q)?.slice(0, LONGEST_QUERY),
    parts: oneOf(['true'] as const, raw.parts),
    bank: text(raw.bank),
    'min.separation': number(raw['min.separation'], -1, 1),
    page: page === 0 || page === 1 ? undefined : page,
  });
}

function tableSearch(raw: Raw): TableSearch {
  return clean({
    bank: text(raw.bank),
    sort: metric(raw.sort),
    order: oneOf(['asc', 'desc'], raw.order),
    q: text(raw.q),
    ...ranges(raw),
  });
}

export function unitSearch(raw: Raw): UnitSearch {
  return clean({
    linkage: oneOf(linkageMethods, raw.linkage),
    threshold: number(raw.threshold, 0, 2),
    features: oneOf(['auto'], raw.features),
    view: oneOf(VIEWS, raw.view),
    layout: oneOf(LAYOUTS, raw.layout),
    colour: oneOf(TOKEN_COLOURS, raw.colour),
    beside: /^\d+(,\d+)*$/.test(String(raw.beside)) ? String(raw.beside) : undefined,
    feature: whole(raw.feature),
    at: /^\d+,\d+$/.test(String(raw.at)) ? String(raw.at) : undefined,
    alone: oneOf(['shown'], raw.alone),
    example: whole(raw.example),
    around: oneOf(['document'], raw.around),
    breaks: oneOf(['off'], raw.breaks),
  });
}

/** What of a unit's page stays on the way to another unit. */
export function ofNextUnit(search: UnitSearch): UnitSearch {
  const { feature: _, example: __, at: ___, alone: ____, ...rest } = search;
  return rest;
}

export function compareSearch(raw: Raw): CompareSearch {
  return clean({ banks: text(raw.banks), metric: metric(raw.metric) });
}

export function classifySearch(raw: Raw): ClassifySearch {
  return clean({
    context: whole(raw.context),
    label: text(raw.label),
    bank: text(raw.bank),
    class: whole(raw.class),
    above: number(raw.above, 0, 100),
  });
}

export function probeSearch(raw: Raw): ProbeSearch {
  const { text: probed } = raw;
  return clean({
    text: typeof probed === 'string' && probed !== '' ? probed.slice(0, LONGEST_TEXT) : undefined,
    bank: text(raw.bank),
  });
}

export function trainingsSearch(raw: Raw): TrainingsSearch {
  return clean({
    runs: typeof raw.runs === 'string' && raw.runs !== '' ? raw.runs.slice(0, 10_000) : undefined,
    over: oneOf(['tokens'] as const, raw.over),
    scale: oneOf(['log'] as const, raw.scale),
    smooth: number(raw.smooth, 0.01, 0.99),
    x: oneOf(STANDINGS, raw.x),
    y: oneOf(STANDINGS, raw.y),
  });
}

/** Names as one text: commas within are escaped, and no name at all is a comma. */
export function joinNames(names: readonly string[]): string {
  if (names.length === 0) return ',';
  return names.map((name) => name.replaceAll('%', '%25').replaceAll(',', '%2C')).join(',');
}

export function splitNames(text: string): string[] {
  return text
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('%2C', ',').replaceAll('%25', '%'));
}

/** The ranges among a page's search, for the API. */
export function ranges(raw: Raw): Ranges {
  const found: Ranges = {};
  for (const [key, value] of Object.entries(raw)) {
    if (!isRangeKey(key)) continue;
    const bound = number(value, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    if (bound !== undefined) found[key] = bound;
  }
  return found;
}

export function isRangeKey(key: string): key is RangeKey {
  return /^(min|max)\./.test(key) && isMetric(key.slice(4));
}

/** Plain keys and values, as the API has them: `?sort=clusters&min.density=0.01`. */
export function parseSearch(query: string): Raw {
  return Object.fromEntries(new URLSearchParams(query));
}

export function stringifySearch(search: Raw): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== '') query.set(key, String(value));
  }
  const text = query.toString().replaceAll('%2C', ',').replaceAll('%2F', '/');
  return text === '' ? '' : `?${text}`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 500) : undefined;
}

function number(value: unknown, least: number, most: number): number | undefined {
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) return undefined;
  const parsed = Number(value);
  return Number.isFinite(parsed) && parsed >= least && parsed <= most ? parsed : undefined;
}

function whole(value: unknown): number | undefined {
  const parsed = number(value, 0, Number.MAX_SAFE_INTEGER);
  return Number.isInteger(parsed) ? parsed : undefined;
}

function metric(value: unknown): Metric | undefined {
  return isMetric(value) ? value : undefined;
}

function oneOf<T extends string>(list: readonly T[], value: unknown): T | undefined {
  return list.find((item) => item === value);
}

function clean<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}
