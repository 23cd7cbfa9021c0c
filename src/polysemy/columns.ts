/**
 * The table of metrics: everything that a study, the API, the command line, the explorer and the docs know of a number
 * per unit. A new metric is one entry here and the function that computes it. From an entry follow: the column of the
 * study's table and the INSERT (study/), the zod schemas and the filters (contract/), the keys to sort by, what is
 * compared between banks (compare/), `polyseme units`, the heads, tooltips and formats of the explorer, its About
 * page, and docs/metrics.md (`npx vitest run test/polysemy/columns.test.ts -u` writes that page).
 * test/study/new-column.test.ts adds two entries and finds them in all of these places.
 */
export const COLUMNS = {
  examples: {
    title: 'Examples',
    short: 'examples',
    meaning: 'Contexts kept for this unit; every metric of polysemy is over them.',
    group: 'statistics',
    type: 'integer',
    format: 'whole',
    more: 'More text to judge the unit by.',
    first: 'most',
    nullable: false,
    place: 110,
    brief: true,
    compared: false,
    cut: false,
    stored: true,
    from: 'Number of examples n, at most `--examples`.',
  },
  maxActivation: {
    title: 'Max activation',
    short: 'max act.',
    meaning: 'Largest activation over all text tokens.',
    group: 'statistics',
    type: 'real',
    format: 'activation',
    more: 'A stronger response.',
    first: 'most',
    nullable: true,
    place: 120,
    brief: true,
    compared: false,
    cut: false,
    stored: true,
    from: 'max a over all text tokens.',
  },
  minActivation: {
    title: 'Min activation',
    short: 'min act.',
    meaning: 'Smallest activation over all text tokens.',
    group: 'statistics',
    type: 'real',
    format: 'activation',
    more: 'Nearer to zero, or above it.',
    first: 'least',
    nullable: true,
    place: null,
    brief: false,
    compared: false,
    cut: false,
    stored: true,
    from: 'min a over all text tokens.',
  },
  mean: {
    title: 'Mean activation',
    short: 'mean act.',
    meaning: 'Mean activation over all text tokens, those without a response included.',
    group: 'statistics',
    type: 'real',
    format: 'activation',
    more: 'A stronger or more frequent response.',
    first: 'most',
    nullable: true,
    place: 130,
    brief: false,
    compared: false,
    cut: false,
    stored: true,
    from: 'Mean of a over all text tokens.',
  },
  density: {
    title: 'Density',
    short: 'density',
    meaning: 'Share of the text tokens at which the activation is above zero.',
    group: 'statistics',
    type: 'real',
    format: 'share',
    more: 'A more frequent response.',
    first: 'most',
    nullable: true,
    place: 140,
    brief: true,
    compared: false,
    cut: false,
    stored: true,
    from: 'Share of the text tokens with a > 0.',
  },
  clusters: {
    title: 'Features',
    short: 'features',
    meaning:
      'Clusters that the dendrogram falls into at the threshold: one for each thing the unit responds to.',
    group: 'paper',
    type: 'integer',
    format: 'whole',
    more: 'More polysemantic.',
    first: 'most',
    nullable: false,
    place: 10,
    brief: true,
    compared: true,
    cut: true,
    stored: true,
    from: 'Number of clusters at the threshold.',
  },
  maxDistance: {
    title: 'Max distance',
    short: 'max dist.',
    meaning: 'Distance of the two examples that are least alike.',
    group: 'paper',
    type: 'real',
    format: 'three',
    more: 'More polysemantic.',
    first: 'most',
    nullable: true,
    place: 50,
    brief: true,
    compared: true,
    cut: false,
    stored: true,
    from: 'Largest distance over all pairs; null for fewer than two examples.',
  },
  meanDistance: {
    title: 'Mean distance',
    short: 'mean dist.',
    meaning:
      'Mean cosine distance over all pairs of examples: 0 is one meaning, 1 is unrelated ones. Needs no threshold.',
    group: 'paper',
    type: 'real',
    format: 'three',
    more: 'More polysemantic.',
    first: 'most',
    nullable: true,
    place: 40,
    brief: true,
    compared: true,
    cut: false,
    stored: true,
    from: 'Mean distance over all pairs; null for fewer than two examples.',
  },
  intraClusterDistance: {
    title: 'Intra-cluster distance',
    short: 'intra',
    meaning: 'Mean distance over pairs inside one feature: how tight the features are.',
    group: 'paper',
    type: 'real',
    format: 'three',
    more: 'Looser features.',
    first: 'most',
    nullable: true,
    place: 60,
    brief: false,
    compared: true,
    cut: true,
    stored: true,
    from: 'Mean distance over all pairs inside one feature; null where there is no such pair.',
  },
  interClusterDistance: {
    title: 'Inter-cluster distance',
    short: 'inter',
    meaning: 'Mean distance over pairs from two different features: how far apart the features lie.',
    group: 'paper',
    type: 'real',
    format: 'three',
    more: 'Features further apart.',
    first: 'most',
    nullable: true,
    place: 70,
    brief: false,
    compared: true,
    cut: true,
    stored: true,
    from: 'Mean distance over all pairs in two different features; null where there is no such pair.',
  },
  effectiveClusters: {
    title: 'Effective features',
    short: 'effective',
    meaning:
      'Features weighted by how many examples they hold (exp of the entropy of their shares): stray examples hardly count.',
    group: 'beside',
    type: 'real',
    format: 'two',
    more: 'More polysemantic.',
    first: 'most',
    nullable: true,
    place: 20,
    brief: true,
    compared: true,
    cut: true,
    stored: true,
    from: 'exp of the entropy of the features’ shares of the examples: 2.0 for two equal ones; null without examples.',
  },
  largestShare: {
    title: 'Largest share',
    short: 'largest',
    meaning: 'Share of the examples that the largest feature holds; 100 % is a unit with one meaning.',
    group: 'beside',
    type: 'real',
    format: 'share',
    more: 'Less polysemantic.',
    first: 'most',
    nullable: true,
    place: 30,
    brief: false,
    compared: true,
    cut: true,
    stored: true,
    from: 'Share of the examples in the largest feature; null without examples.',
  },
  silhouette: {
    title: 'Silhouette',
    short: 'silhouette',
    meaning:
      'How much closer an example is to its own feature than to the next one, from −1 to 1; higher is a cleaner split.',
    group: 'beside',
    type: 'real',
    format: 'three',
    more: 'A cleaner split.',
    first: 'most',
    nullable: true,
    place: 80,
    brief: true,
    compared: true,
    cut: true,
    stored: true,
    from: 'Mean silhouette (Rousseeuw 1987) in [−1, 1]; an example alone in its feature scores 0; null unless 2 ≤ features ≤ n − 1.',
  },
  inputDistance: {
    title: 'Distance of inputs',
    short: 'input dist.',
    meaning:
      'Mean distance over all pairs of the inputs themselves, not weighed by the unit. Where it is large and the mean distance is not, it is the weights that make examples alike.',
    group: 'beside',
    type: 'real',
    format: 'three',
    more: 'Inputs less alike.',
    first: 'most',
    nullable: true,
    place: 90,
    brief: false,
    compared: true,
    cut: false,
    stored: false,
    from: 'meanDistance of the inputs h themselves; only in comparisons.',
  },
} as const satisfies Readonly<Record<string, Column>>;

/** What there is to know of a metric. */
export interface Column {
  /** As a heading has it, and the same in a narrow one. */
  readonly title: string;
  readonly short: string;
  /** What it says, in a sentence: tooltips, help, docs. */
  readonly meaning: string;
  /** Of the paper, beside it, or a statistic of the activations over the whole corpus. */
  readonly group: 'paper' | 'beside' | 'statistics';
  /** `word`: one of `words`; a word is shown, but not ranked, filtered or compared. */
  readonly type: 'integer' | 'real' | 'word';
  readonly words?: readonly string[];
  /** How a person reads it: 12,345; 1.23; 0.123; 12.3 %; an activation; a word. */
  readonly format: 'whole' | 'two' | 'three' | 'share' | 'activation' | 'word';
  /** What a larger value means. */
  readonly more: string;
  /** Which end a list shows first when nothing else is asked for. */
  readonly first: 'most' | 'least';
  /** Whether a unit may have none: null. Columns that studies of older versions lack must be. */
  readonly nullable: boolean;
  /** Where it stands in tables and menus, lower numbers first; null: it is kept, but not listed. */
  readonly place: number | null;
  /** Whether tables of few columns have it, such as that of `polyseme units`. */
  readonly brief: boolean;
  /** Whether comparisons of banks at equal numbers of examples have it. */
  readonly compared: boolean;
  /** Whether another cut of the tree changes it. */
  readonly cut: boolean;
  /** Whether a study keeps it. The order of the kept ones is that of the columns in its file. */
  readonly stored: boolean;
  /** How it is computed, and when it is null. */
  readonly from: string;
}
