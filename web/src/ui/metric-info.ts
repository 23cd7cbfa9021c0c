import {
  type ComparedMetric,
  column,
  described,
  LISTED,
  METRICS,
  type Metric,
  type WordColumn,
} from '../../../src/polysemy/column-lists.ts';
import type { Column } from '../../../src/polysemy/columns.ts';
import { SORTS, type UnitSort } from '../../../src/polysemy/order.ts';

type Known = Metric | ComparedMetric;

/** A metric as the explorer shows it. */
export interface MetricInfo<M extends Known = Metric> {
  readonly metric: M;
  readonly name: string;
  /** For column heads and axes. */
  readonly short: string;
  /** What it says, in a sentence. */
  readonly sentence: string;
  /** The same, with the paper that it follows: for tooltips. */
  readonly tip: string;
  /** Which end a list shows first. */
  readonly first: 'most' | 'least';
  /** Whether its values are whole numbers, or shares of one. */
  readonly whole: boolean;
  readonly share: boolean;
  readonly format: (value: number) => string;
}

/** A column of words as the explorer shows it. */
export interface WordInfo {
  readonly name: WordColumn;
  readonly title: string;
  readonly short: string;
  readonly tip: string;
  /** Whether lists can be sorted by it. */
  readonly sorts: boolean;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat('en', { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const ordinals = new Intl.PluralRules('en', { type: 'ordinal' });
const SUFFIXES: Record<string, string> = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
const two = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** 12,345 */
export const formatWhole = (value: number): string =>
  // Most are small, and a table has very many.
  value >= 0 && value < 1000 && Number.isInteger(value) ? String(value) : whole.format(value);
/** 0.123, with a real minus sign. */
export const formatThree = (value: number): string => minus(three.format(value));
/** 1.23; small numbers keep two significant digits. */
export const formatActivation = (value: number): string =>
  minus(
    value !== 0 && Math.abs(value) < 0.095
      ? value.toPrecision(2).replace(/e-?\d+$/, exponent)
      : two.format(value),
  );
/** 1.2 % */
export const formatShare = (value: number): string => {
  const percent = 100 * value;
  if (percent === 0) return '0 %';
  return `${percent >= 99.95 ? '100' : percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2).replace(/e-?\d+$/, exponent)} %`;
};

function minus(text: string): string {
  return text.replace(/^-/, '−');
}

function exponent(text: string): string {
  const raised = [...text.slice(1)].map((c) => (c === '-' ? '⁻' : c === '+' ? '' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)]));
  return ` × 10${raised.join('')}`;
}

const FORMATS: Record<Exclude<Column['format'], 'word'>, (value: number) => string> = {
  whole: formatWhole,
  two: two.format,
  three: formatThree,
  share: formatShare,
  activation: formatActivation,
};

/** The metrics of a study in the order in which they are read. */
export const METRIC_LIST: readonly MetricInfo[] = LISTED.filter(isMetric)
  .filter((metric) => column(metric).group !== 'place')
  .map(metricInfo);
/** Numbers that say where in the model a unit is: those of studies whose units have them. */
const PLACE_LIST: readonly MetricInfo[] = LISTED.filter(isMetric)
  .filter((metric) => column(metric).group === 'place')
  .map(metricInfo);

/** What units are listed with and filtered by: the metrics, and of places those that some unit has. */
export function listedMetrics(
  banks: readonly { readonly summary: Readonly<Record<Metric, { readonly count: number }>> }[] = [],
): readonly MetricInfo[] {
  const has = (metric: Metric) => banks.some(({ summary }) => summary[metric].count > 0);
  return [...METRIC_LIST, ...PLACE_LIST.filter(({ metric }) => has(metric))];
}
/** Its columns of words, such as verdicts. */
export const WORD_LIST: readonly WordInfo[] = LISTED.filter((name) => !isMetric(name)).map((name) => ({
  name: name as WordColumn,
  title: column(name).title,
  short: column(name).short,
  tip: described(name),
  sorts: SORTS.includes(name as UnitSort),
}));

export function isMetric(text: unknown): text is Metric {
  return METRICS.includes(text as Metric);
}

export function metricInfo<M extends Known>(metric: M): MetricInfo<M> {
  const { title, short, meaning, format, type, first } = column(metric);
  return {
    metric,
    name: title,
    short,
    sentence: meaning,
    tip: described(metric),
    first,
    whole: type === 'integer',
    share: format === 'share',
    format: FORMATS[format as Exclude<Column['format'], 'word'>],
  };
}

/** What lists of units are sorted by: `unit` is bank and index. */
export type ListSort = UnitSort | 'unit';

/** The order of a list when nothing else is asked for: by verdict several things come first. */
export function firstOrder(sort: ListSort): 'asc' | 'desc' {
  return isMetric(sort) && metricInfo(sort).first === 'most' ? 'desc' : 'asc';
}

/** A metric's value as text; a dash where there is none. */
export function formatMetric(metric: Known, value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : metricInfo(metric).format(value);
}

/** 1st, 2nd, 3rd, 4th … */
export function ordinal(rank: number): string {
  return `${formatWhole(rank)}${SUFFIXES[ordinals.select(rank)] ?? 'th'}`;
}

/** Where a number stands among others, and at which end: "highest", "3rd highest", "lowest"; rank 1 is the largest. */
export function placeText({ rank, of, ties }: { rank: number; of: number; ties: number }): string {
  if (of > 1 && ties === of) return 'all alike';
  const end = rank === 1 ? 'highest' : rank + ties - 1 === of ? 'lowest' : `${ordinal(rank)} highest`;
  return ties > 1 ? `${end}, tied` : end;
}

/** "1 feature", "2 features" */
export function counted(count: number, noun: string): string {
  return `${formatWhole(count)} ${noun}${count === 1 ? '' : 's'}`;
}
