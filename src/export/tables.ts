import type { SchemaElement } from 'hyparquet';
import { column, LISTED } from '../polysemy/column-lists.ts';
import type { NotedUnit } from './noted.ts';

/** What a column of a table holds; every one but a list may be null. */
type Kind = 'flag' | 'integer' | 'real' | 'single' | 'text' | 'texts' | 'singles' | 'integers';

/** A table that a study is handed over as: its columns, and the rows that a unit has in it. */
export interface Table {
  readonly name: string;
  readonly columns: Readonly<Record<string, Kind>>;
  rows(unit: NotedUnit): readonly Row[];
}

/** A value of each column. */
export type Row = Readonly<Record<string, unknown>>;

/** The unit that a row is of. */
const UNIT = { bank: 'text', unit: 'integer' } as const satisfies Record<string, Kind>;
/** What a reader wrote. */
const NOTED = { star: 'flag', note: 'text' } as const satisfies Record<string, Kind>;

/** Units, features and examples; `bank`, `unit` and `feature` join them. */
export const TABLES: readonly Table[] = [
  {
    name: 'units',
    columns: {
      ...UNIT,
      ...Object.fromEntries(
        LISTED.map((name) => {
          const { type } = column(name);
          return [name, type === 'word' ? 'text' : type];
        }),
      ),
      ...NOTED,
    },
    rows: (unit) => [{ ...unit, unit: unit.index }],
  },
  {
    name: 'features',
    columns: {
      ...UNIT,
      feature: 'integer',
      size: 'integer',
      meanActivation: 'real',
      central: 'integer',
      name: 'text',
      precision: 'real',
      recall: 'real',
      falseAlarms: 'real',
      words: 'texts',
      ...NOTED,
    },
    rows: ({ bank, index, features }) =>
      features.map(({ id, size, meanActivation, central, name, words, star, note }) => ({
        bank,
        unit: index,
        feature: id,
        size,
        meanActivation,
        central,
        name: name?.text ?? null,
        precision: name?.precision ?? null,
        recall: name?.recall ?? null,
        falseAlarms: name?.falseAlarms ?? null,
        words,
        star,
        note,
      })),
  },
  {
    name: 'examples',
    columns: {
      ...UNIT,
      feature: 'integer',
      example: 'integer',
      document: 'text',
      context: 'integer',
      position: 'integer',
      activation: 'single',
      tokens: 'texts',
      activations: 'singles',
      special: 'integers',
    },
    rows: ({ bank, index, features }) =>
      features.flatMap((feature) =>
        feature.examples.map(({ id, ...example }) => ({
          ...example,
          bank,
          unit: index,
          feature: feature.id,
          example: id,
        })),
      ),
  },
];

const TYPES = {
  flag: { type: 'BOOLEAN' },
  integer: { type: 'INT64' },
  real: { type: 'DOUBLE' },
  single: { type: 'FLOAT' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
} as const satisfies Record<string, Omit<SchemaElement, 'name'>>;
const LISTS: Partial<Record<Kind, keyof typeof TYPES>> = {
  texts: 'text',
  singles: 'single',
  integers: 'integer',
};

/** The Parquet schema of a table. */
export function parquetSchema({ columns }: Table): SchemaElement[] {
  const names = Object.keys(columns);
  return [
    { name: 'root', num_children: names.length },
    ...names.flatMap((name): SchemaElement[] => {
      const kind = columns[name]!;
      const of = LISTS[kind];
      if (of === undefined)
        return [{ name, repetition_type: 'OPTIONAL', ...TYPES[kind as keyof typeof TYPES] }];
      return [
        { name, repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', repetition_type: 'REQUIRED', ...TYPES[of] },
      ];
    }),
  ];
}

/** The values of one column, as a Parquet writer takes them. */
export function columnValues(rows: readonly Row[], name: string, kind: Kind): unknown[] {
  const value = kind === 'integer' ? whole : LISTS[kind] === 'integer' ? wholes : (v: unknown) => v ?? null;
  return rows.map((row) => value(row[name]));
}

/** INT64 is written from bigints. */
function whole(value: unknown): bigint | null {
  return typeof value === 'number' ? BigInt(value) : null;
}

function wholes(values: unknown): bigint[] {
  return (values as number[]).map(BigInt);
}
