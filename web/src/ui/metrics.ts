import type { Metric } from '../source/types.ts';

export interface MetricInfo<M extends Known = Metric> {
  readonly metric: M;
  readonly name: string;
  /** For column heads and axes. */
  readonly short: string;
  /** What it says, in a sentence. */
  readonly sentence: string;
  readonly format: (value: number) => string;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat('en', { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const two = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** 12,345 */
export const formatWhole = (value: number): string => whole.format(value);
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
  return ` × 10^${text.slice(1)}`;
}

/** What a comparison at equal numbers of examples shows. */
export type MatchedMetric = (typeof MATCHED_METRICS)[number];
type Known = Metric | MatchedMetric;

const INFO: Record<Known, Omit<MetricInfo<Known>, 'metric'>> = {
  clusters: {
    name: 'Features',
    short: 'features',
    sentence:
      'Clusters that the dendrogram falls into at the threshold: one for each thing the unit responds to.',
    format: formatWhole,
  },
  effectiveClusters: {
    name: 'Effective features',
    short: 'effective',
    sentence:
      'Features weighted by how many examples they hold (exp of the entropy of their shares): stray examples hardly count.',
    format: two.format,
  },
  largestShare: {
    name: 'Largest share',
    short: 'largest',
    sentence: 'Share of the examples that the largest feature holds; 100 % is a unit with one meaning.',
    format: formatShare,
  },
  meanDistance: {
    name: 'Mean distance',
    short: 'mean dist.',
    sentence:
      'Mean cosine distance over all pairs of examples: 0 is one meaning, 1 is unrelated ones. Needs no threshold.',
    format: formatThree,
  },
  maxDistance: {
    name: 'Max distance',
    short: 'max dist.',
    sentence: 'Distance of the two examples that are least alike.',
    format: formatThree,
  },
  intraClusterDistance: {
    name: 'Intra-cluster distance',
    short: 'intra',
    sentence: 'Mean distance over pairs inside one feature: how tight the features are.',
    format: formatThree,
  },
  interClusterDistance: {
    name: 'Inter-cluster distance',
    short: 'inter',
    sentence: 'Mean distance over pairs from two different features: how far apart the features lie.',
    format: formatThree,
  },
  silhouette: {
    name: 'Silhouette',
    short: 'silhouette',
    sentence:
      'How much closer an example is to its own feature than to the next one, from −1 to 1; higher is a cleaner split.',
    format: formatThree,
  },
  inputDistance: {
    name: 'Distance of inputs',
    short: 'input dist.',
    sentence:
      'Mean distance over all pairs of the inputs themselves, not weighed by the unit. Where it is large and the mean distance is not, it is the weights that make examples alike.',
    format: formatThree,
  },
  examples: {
    name: 'Examples',
    short: 'examples',
    sentence: 'Contexts kept for this unit; every metric of polysemy is over them.',
    format: formatWhole,
  },
  maxActivation: {
    name: 'Max activation',
    short: 'max act.',
    sentence: 'Largest activation over all text tokens.',
    format: formatActivation,
  },
  mean: {
    name: 'Mean activation',
    short: 'mean act.',
    sentence: 'Mean activation over all text tokens, those without a response included.',
    format: formatActivation,
  },
  density: {
    name: 'Density',
    short: 'density',
    sentence: 'Share of the text tokens at which the activation is above zero.',
    format: formatShare,
  },
};

/** The metrics of a study in the order in which they are read. */
export const METRIC_LIST: readonly MetricInfo[] = Object.keys(INFO).filter(isMetric).map(metricInfo);

/** Metrics that a cut of the tree changes or that describe the tree. */
export const POLYSEMY_METRICS = [
  'clusters',
  'effectiveClusters',
  'largestShare',
  'meanDistance',
  'maxDistance',
  'intraClusterDistance',
  'interClusterDistance',
  'silhouette',
] as const satisfies readonly Metric[];

export const MATCHED_METRICS = [...POLYSEMY_METRICS, 'inputDistance'] as const;

export function isMetric(text: unknown): text is Metric {
  return typeof text === 'string' && text !== 'inputDistance' && Object.hasOwn(INFO, text);
}

export function metricInfo<M extends Known>(metric: M): MetricInfo<M> {
  return { metric, ...INFO[metric] };
}

/** A metric's value as text; a dash where there is none. */
export function formatMetric(metric: Known, value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : INFO[metric].format(value);
}

/** 1st, 2nd, 3rd, 4th … */
export function ordinal(rank: number): string {
  const suffix = { one: 'st', two: 'nd', few: 'rd', other: 'th' } as Record<string, string>;
  return `${formatWhole(rank)}${suffix[new Intl.PluralRules('en', { type: 'ordinal' }).select(rank)] ?? 'th'}`;
}

/** "1 feature", "2 features" */
export function counted(count: number, noun: string): string {
  return `${formatWhole(count)} ${noun}${count === 1 ? '' : 's'}`;
}
