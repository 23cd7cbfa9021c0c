import { COLUMNS, type Column } from './columns.ts';

/** Lists and types that follow from the table of metrics. */

type Table = typeof COLUMNS;
type NamesWith<Property> = {
  [Name in keyof Table]: Table[Name] extends Property ? Name : never;
}[keyof Table];
type Listed = { readonly stored: true; readonly place: number };

/** Every entry of the table. */
export type ColumnName = keyof Table;
/** What a study keeps per unit. */
export type StoredColumn = NamesWith<{ readonly stored: true }>;
/** The numbers of a unit: what can be shown, sorted and filtered by. */
export type Metric = Extract<NamesWith<Listed>, NamesWith<{ readonly type: 'integer' | 'real' }>>;
/** The words of a unit, such as a verdict: shown. */
export type WordColumn = Extract<NamesWith<Listed>, NamesWith<{ readonly type: 'word' }>>;
/** What comparisons of banks have. */
export type ComparedMetric = NamesWith<{ readonly compared: true }>;

type ValueOf<Of extends Column> =
  | (Of extends { readonly words: readonly (infer Word)[] } ? Word : number)
  | (Of['nullable'] extends true ? null : never);

/** The values of some columns, as one unit has them. */
export type ColumnValues<Names extends ColumnName> = { [Name in Names]: ValueOf<Table[Name]> };

const all = Object.keys(COLUMNS) as ColumnName[];

/** What is known of a column. */
export function column(name: ColumnName): Column {
  return COLUMNS[name];
}

/** What a column says, and which paper it follows: of tooltips and descriptions. */
export function described(name: ColumnName): string {
  const { meaning, source } = column(name);
  return `${meaning} (${source})`;
}

/** In the order of the study's file. */
export const STORED = all.filter((name) => column(name).stored) as readonly StoredColumn[];
/** In the order of the study's file. */
export const METRICS = STORED.filter(
  (name) => column(name).place !== null && column(name).type !== 'word',
) as readonly Metric[];
export const WORD_COLUMNS = STORED.filter(
  (name) => column(name).place !== null && column(name).type === 'word',
) as readonly string[] as readonly WordColumn[];
/** What a summary of a unit holds. */
export const SUMMARY: readonly (Metric | WordColumn)[] = [...METRICS, ...WORD_COLUMNS];
/** The same in the order in which people read them. */
export const LISTED = inPlace(SUMMARY);
/** In the order in which they are read. */
export const COMPARED = inPlace(all.filter((name) => column(name).compared)) as readonly ComparedMetric[];

function inPlace<Name extends ColumnName>(names: readonly Name[]): readonly Name[] {
  return names.toSorted((a, b) => column(a).place! - column(b).place!);
}

/** A value for every metric. */
export function eachMetric<T>(value: (metric: Metric) => T): Record<Metric, T> {
  return Object.fromEntries(METRICS.map((metric) => [metric, value(metric)])) as Record<Metric, T>;
}

/** A value for every metric that is compared. */
export function eachCompared<T>(value: (metric: ComparedMetric) => T): Record<ComparedMetric, T> {
  return Object.fromEntries(COMPARED.map((metric) => [metric, value(metric)])) as Record<ComparedMetric, T>;
}
