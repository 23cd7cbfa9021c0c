import * as z from 'zod';
import { linkageMethods } from '../cluster/linkage-methods.ts';
import {
  type ColumnName,
  type ColumnValues,
  type ComparedMetric,
  column,
  described,
  eachCompared,
  eachMetric,
  METRICS,
  type Metric,
} from '../polysemy/column-lists.ts';

/** Schemas that those of answers and queries are made of. Where there is no number, there is null. */

export const count = z.int().min(0);
export const real = z.number().nullable();
export const metrics = z.enum(METRICS);
export const linkages = z.enum(linkageMethods);

/** A schema for every metric. */
export function byMetric<T extends z.ZodType>(schema: T): z.ZodObject<Record<Metric, T>> {
  return z.object(eachMetric(() => schema));
}

type ColumnSchema<Name extends ColumnName> = z.ZodType<ColumnValues<Name>[Name]>;

/** What a unit has of a column. */
function valueSchema(name: ColumnName): z.ZodType {
  const { type, words, nullable } = column(name);
  const value = type === 'word' ? z.enum(words!) : type === 'integer' ? count : z.number();
  return (nullable ? value.nullable() : value).meta({ description: described(name) });
}

/** Some columns of a unit. */
export function columns<Name extends ColumnName>(names: readonly Name[]) {
  return z.object(
    Object.fromEntries(names.map((name) => [name, valueSchema(name)])) as { [N in Name]: ColumnSchema<N> },
  );
}

/** A schema for every metric that is compared. */
export function byCompared<T extends z.ZodType>(schema: T): z.ZodObject<Record<ComparedMetric, T>> {
  return z.object(eachCompared(() => schema));
}
